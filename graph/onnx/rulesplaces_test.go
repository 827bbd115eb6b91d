package onnx

import "testing"

// TestPlaces: sums along an axis, the largest numbers, and slices picked by computed
// numbers are what ONNX Runtime computes, and are exported again.
func TestPlaces(t *testing.T) {
	weights := map[string]tensorProto{"table": filters(3, 4), "axis1": {Type: typeInt64, Int64s: []int64{1}}, "axis2": {Type: typeInt64, Int64s: []int64{-1}}, "k": whole(3), "one": numbers(1)}
	ties := []float32{0, 1, 2, 2, 1, 0, 2, 2, 0, 0, 1, 2, 1, 1, 1, 0, 2, 1, 0, 1, 2, 0, 1, 2}
	var jobs []job
	for _, tt := range []struct {
		nodes string
		elem  int64
	}{
		{"y=CumSum(x,axis1)", typeFloat},
		{"y=CumSum[exclusive:1](x,axis2)", typeFloat},
		{"y=CumSum[reverse:1](x,axis2)", typeFloat},
		{"y=CumSum[reverse:1;exclusive:1](x,axis1)", typeFloat},
		{"y,i=TopK[axis:1](x,k)", typeFloat},
		{"v,i=TopK[axis:2;largest:0](x,k) y=Cast[to:1](i)", typeFloat},
		{"v,i=TopK(x,k) f1=Cast[to:1](i) y=Add(v,f1)", typeFloat},
		{"y=Hardmax[axis:1](x)", typeFloat},
		{"y=Hardmax(x)", typeFloat},
		{"y=Gather(table,x)", typeInt64},
		{"g=Gather[axis:1](table,x) y=Transpose[perm:1,0,2,3](g)", typeInt32},
		{"i=Cast[to:7](x) n=Sub(i,i3) y=Gather(table,n)", typeFloat},
		{"m=ArgMax[axis:2;keepdims:0](x) y=Gather(table,m)", typeFloat},
	} {
		s := sketch{nodes: tt.nodes, elem: tt.elem, input: []int{0, 3, 4}, weights: map[string]tensorProto{"i3": whole(3)}, outputs: []string{"y"}}
		if tt.nodes[0] == 'm' {
			s.input = []int{0, 4, 3}
		}
		for name, w := range weights {
			s.weights[name] = w
		}
		m, shape := s.model(t), append([]int{2}, s.input[1:]...)
		y, _ := computed(t, m, shape, ties)
		jobs = append(jobs, s.job(t, tt.nodes, typeFloat, "", ties, y))
		file, err := exportedAgain(t, m, Options{}, shape...)
		if err != nil {
			file, err = exportedAgain(t, m, Options{Batch: 2}, shape...)
		}
		if err != nil {
			t.Errorf("%s: %v", tt.nodes, err)
			continue
		}
		jobs = append(jobs, newJob(t, tt.nodes+" exported", file, shape, ties, y))
	}
	runtimeAgrees(t, jobs)
}
