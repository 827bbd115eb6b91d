package onnx

import (
	"math"
	"strings"
	"testing"

	"tapenet/graph"
)

// exportedAgain exports a model that was read, and reads that; the weights are the
// file's.
func exportedAgain(t *testing.T, m *Model, o Options, shape ...int) ([]byte, error) {
	t.Helper()
	w := &graph.Weights{}
	if _, err := (graph.Options{Loss: graph.MSE{}, Weights: w}).Build(m, graph.Infer, shape...); err != nil {
		t.Fatal(err)
	}
	o.Logits = true
	return o.Export(m, w.Map(), shape[1:]...)
}

// TestExportOwn: functions that are no operators of ONNX's, or not of floats, are
// written in pieces that give the same, by ONNX Runtime too.
func TestExportOwn(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	odd := []float32{nan, inf, -inf, 0, -0.5, 0.5, 1.5, 2.5, -3.7, 100, -200.5, 300}
	var jobs []job
	for _, tt := range []struct {
		nodes string
		elem  int64
		x     []float32
	}{
		{"y=Mish(x)", typeFloat, odd[3:]},
		{"y=LRN[size:3;alpha:0.5;beta:0.6;bias:1.5](x)", typeFloat, odd[3:]},
		{"y=Div(x,h)", typeFloat, odd},
		{"r=Relu(x) a=Add(r,half) y=Div(x,a)", typeFloat, odd[3:]},
		{"y=Cast[to:6](x)", typeFloat, odd[3:]},
		{"y=Cast[to:2](x)", typeFloat, odd[3:]},
		{"y=Cast[to:3](x)", typeFloat, odd[3:]},
		{"y=Cast[to:9](x)", typeFloat, odd},
		{"y=Cast[to:10](x)", typeFloat, odd},
		{"y=Cast[to:16](x)", typeFloat, odd},
		{"y=IsNaN(x)", typeFloat, odd},
		{"y=IsInf[detect_negative:0](x)", typeFloat, odd},
		{"b=Greater(x,half) n=Not(b) y=Where(n,x,h)", typeFloat, odd},
		{"a=Greater(x,half) b=Less(x,h) y=And(a,b)", typeFloat, odd},
		{"a=Greater(x,half) b=Less(x,h) y=Xor(a,b)", typeFloat, odd},
		{"y=Mod[fmod:1](x,h)", typeFloat, odd[3:]},
		{"y=Mod(x,three)", typeInt32, odd[3:]},
		{"y=Div(x,three)", typeInt32, odd[3:]},
		{"y=Mul(x,x)", typeInt64, []float32{4096, 4097, 5000, 0, -4096, -4097, 1, 2, 3, 4, 5, 6}},
		{"y=Add(x,x)", typeUint8, []float32{0, 1, 127, 128, 255, 300, -1, 3, 4, 5, 6, 7}},
		{"z=Mul(x,x) y=Greater(z,three)", typeInt64, []float32{4096, 4097, 5000, 0, -4096, -4097, 1, 2, 3, 4, 5, 6}},
		{"y=Not(x)", typeBool, odd},
		{"y=Max(x,h)", typeFloat, odd},
		{"y=ReduceMax[axes:1;keepdims:0](x)", typeFloat, odd[3:]},
		{"y=ReduceL2[axes:2](x)", typeFloat, odd[3:]},
		{"y=ReduceLogSumExp[axes:1,2](x)", typeFloat, odd[3:]},
		{"y=ArgMax[axis:1](x)", typeFloat, odd[3:]},
		{"y=Shrink[lambd:0.6;bias:0.25](x)", typeFloat, odd[3:]},
		{"y=LpPool[kernel_shape:2;p:3](x)", typeFloat, odd[3:]},
		{"y=Pow(x,h)", typeFloat, odd[5:8]},
		{"y=ThresholdedRelu[alpha:0.7](x)", typeFloat, odd},
	} {
		tt.x = append(tt.x, tt.x...)[:len(tt.x)/3*3]
		three := tensorProto{Type: tt.elem, Dims: []int64{1}, Int32s: []int64{3}, Int64s: []int64{3}}
		if tt.elem == typeInt64 {
			three.Int32s = nil
		} else {
			three.Int64s = nil
		}
		s := sketch{nodes: tt.nodes, elem: tt.elem, input: []int{0, 3, len(tt.x) / 3}, weights: map[string]tensorProto{
			"half": numbers(0.5), "h": {Type: typeFloat, Dims: []int64{3, 1}, Floats: []float32{2, -3, 0.5}}, "three": three,
		}}
		if tt.elem == typeFloat {
			delete(s.weights, "three")
		}
		if strings.HasPrefix(tt.nodes, "y=Mish") {
			s.opset = 18
		}
		m := s.model(t)
		shape := append([]int{2}, s.input[1:]...)
		x := append(tt.x, tt.x...)
		y, _ := computed(t, m, shape, x)
		file, err := exportedAgain(t, m, Options{}, shape...)
		if err != nil {
			t.Errorf("%s: %v", tt.nodes, err)
			continue
		}
		again, _ := computed(t, load(t, file), shape, x)
		near(t, tt.nodes+", again", again, y, 1e-6)
		jobs = append(jobs, newJob(t, tt.nodes, file, shape, x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestExportBatch: a network that computes with the number of samples, or mixes them,
// is refused, unless the file is to be for one batch size.
func TestExportBatch(t *testing.T) {
	var jobs []job
	for _, tt := range []struct{ name, nodes, want string }{
		{"a number", "s=Shape(x) c=Cast[to:1](s) n=Gather(c,first) y=Div(x,n)", "is of one batch size alone, want Options.Batch to say it"},
		{"zeros", "s=Shape(x) z=ConstantOfShape(s) c=Cos(z) y=Add(x,c)", "Options.Batch"},
		{"a mean of samples", "m=ReduceMean[axes:0](x) y=Sub(x,m)", "Options.Batch says it"},
	} {
		s := sketch{nodes: tt.nodes, input: []int{0, 4}, weights: map[string]tensorProto{"first": whole(0)}}
		m := s.model(t)
		x := noise(16)
		y, _ := computed(t, m, []int{4, 4}, x)
		if file, err := exportedAgain(t, m, Options{}, 4, 4); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d bytes and error %v, want %s", tt.name, len(file), err, tt.want)
		}
		file, err := exportedAgain(t, m, Options{Batch: 4}, 4, 4)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		again := load(t, file)
		got, _ := computed(t, again, []int{4, 4}, x)
		near(t, tt.name, got, y, 1e-6)
		jobs = append(jobs, newJob(t, tt.name, file, []int{4, 4}, x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestExportOfFixedBatch: a file for one batch size that treats each sample by itself
// becomes one for any.
func TestExportOfFixedBatch(t *testing.T) {
	s := sketch{nodes: "r=Reshape(x,shape) t=Transpose[perm:0,2,1](r) f=Reshape(t,flat) y=Relu(f)", input: []int{1, 6},
		weights: map[string]tensorProto{"shape": whole(1, 2, 3), "flat": whole(1, 6)}}
	m := s.model(t)
	x := noise(18)
	y, _ := computed(t, m, []int{3, 6}, x)
	file, err := exportedAgain(t, m, Options{}, 1, 6)
	if err != nil {
		t.Fatal(err)
	}
	runtimeAgrees(t, []job{newJob(t, "batch of 3", file, []int{3, 6}, x, y)})
}
