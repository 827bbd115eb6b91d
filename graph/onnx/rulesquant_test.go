package onnx

import (
	"math/rand/v2"
	"strings"
	"testing"

	"tapenet/graph"
)

// randomInts is a tensor of random integers of 8 bits.
func randomInts(kind int64, low, high int, dims ...int64) tensorProto {
	r, t := rand.New(rand.NewPCG(5, 6)), tensorProto{Type: kind, Dims: dims}
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	for range n {
		t.Int32s = append(t.Int32s, int64(low+r.IntN(high-low)))
	}
	return t
}

// TestQuantized: quantized networks, in each form that exporters write them, are what
// ONNX Runtime computes with integers.
func TestQuantized(t *testing.T) {
	weights := map[string]tensorProto{
		"xs": {Type: typeFloat, Floats: []float32{1.0 / 127}}, "xz": randomInts(typeUint8, 3, 4), "sz": randomInts(typeInt8, -3, -2),
		"ws": {Type: typeFloat, Dims: []int64{4}, Floats: []float32{0.01, 0.02, 0.005, 0.013}}, "wz": randomInts(typeInt8, 0, 1, 4),
		"w": randomInts(typeInt8, -127, 128, 4, 3, 3, 3), "w1": {Type: typeFloat, Floats: []float32{0.02}}, "wz1": randomInts(typeUint8, 120, 121),
		"m": randomInts(typeInt8, -127, 128, 6, 5), "ms": {Type: typeFloat, Floats: []float32{0.01}}, "mz": randomInts(typeInt8, 2, 3), "f": filters(4, 3, 3, 3),
		"bias": randomInts(typeInt32, -900, 900, 4), "bs": {Type: typeFloat, Dims: []int64{4}, Floats: []float32{0.01 / 127, 0.02 / 127, 0.005 / 127, 0.013 / 127}}, "bz": randomInts(typeInt32, 0, 1, 4),
		"ys": {Type: typeFloat, Floats: []float32{0.05}}, "yz": randomInts(typeUint8, 100, 101),
	}
	quantize := "q=QuantizeLinear(x,xs,xz) "
	pads := "[pads:1,1,1,1]"
	var jobs []job
	for name, nodes := range map[string]string{
		"pairs": quantize + "d=DequantizeLinear(q,xs,xz) v=DequantizeLinear[axis:0](w,ws,wz) b=DequantizeLinear[axis:0](bias,bs,bz) c=Conv" + pads + "(d,v,b) " +
			"r=Relu(c) p=QuantizeLinear(r,ys,yz) y=DequantizeLinear(p,ys,yz)",
		"operators":     quantize + "c=QLinearConv" + pads + "(q,xs,xz,w,ws,wz,ys,yz,bias) y=DequantizeLinear(c,ys,yz)",
		"convolution":   quantize + "c=ConvInteger" + pads + "(q,w,xz) y=Cast[to:1](c)",
		"matrices":      quantize + "c=MatMulInteger(q,m,xz,mz) y=Cast[to:1](c)",
		"products":      quantize + "c=QLinearMatMul(q,xs,xz,m,ms,mz,ys,yz) y=DequantizeLinear(c,ys,yz)",
		"signed":        "q=QuantizeLinear(x,xs,sz) y=DequantizeLinear(q,xs,sz)",
		"each channel":  "t=Transpose[perm:0,2,1,3](x) q=QuantizeLinear[axis:2](t,x3,z3) y=DequantizeLinear[axis:2](q,x3,z3)",
		"a whole image": "q,s,z=DynamicQuantizeLinear(x) c=MatMulInteger(q,m,z,mz) f32=Cast[to:1](c) k=Mul(s,ms) y=Mul(f32,k)",
	} {
		s := sketch{nodes: nodes, input: []int{0, 3, 6, 6}, weights: map[string]tensorProto{
			"x3": {Type: typeFloat, Dims: []int64{3}, Floats: []float32{0.01, 0.02, 0.003}}, "z3": randomInts(typeUint8, 0, 9, 3),
		}}
		for name, w := range weights {
			if strings.Contains(nodes, name) {
				s.weights[name] = w
			}
		}
		m, x, shape := s.model(t), noise(2*3*6*6), []int{2, 3, 6, 6}
		for i := range x {
			x[i] = 2*x[i] - 0.1
		}
		y, _ := computed(t, m, shape, x)
		jobs = append(jobs, s.job(t, name, typeFloat, "", x, y))
		file, err := exportedAgain(t, m, Options{Batch: 2}, shape...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		jobs = append(jobs, newJob(t, name+", exported", file, shape, x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestQuantizedWeights: they are constants of the network, and the file's own bytes
// bound their memory, not what a graph may compute of constants.
func TestQuantizedWeights(t *testing.T) {
	w := tensorProto{Type: typeInt8, Dims: []int64{3000, 3000}, Raw: make([]byte, 3000*3000)}
	for i := range w.Raw {
		w.Raw[i] = byte(i * 7)
	}
	s := sketch{nodes: "d=DequantizeLinear(w,ws) y=MatMul(x,d)", input: []int{0, 3000}, weights: map[string]tensorProto{"w": w, "ws": {Type: typeFloat, Floats: []float32{0.01}}}}
	net, err := graph.NewNetwork(s.model(t), []int{3000}, graph.Options{Loss: graph.MSE{}})
	if err != nil {
		t.Fatal(err)
	}
	if names := net.Weights.Names(); len(names) > 0 {
		t.Errorf("weights %v, want none that training changes", names)
	}
	s.nodes = "d=DequantizeLinear(w,ws) e=DequantizeLinear(w,ws) y=MatMul(x,d) z=MatMul(y,e)"
	if _, err := graph.NewNetwork(s.model(t), []int{3000}, graph.Options{Loss: graph.MSE{}}); err == nil || !strings.Contains(err.Error(), "a constant of shape [3000 3000]") {
		t.Errorf("error %v, want one about many constants", err)
	}
}
