package onnx

import (
	"math/rand/v2"
	"testing"
)

// TestScalars: a scalar has no dimension, in a file and in the shapes that are
// computed of it, though its node has one.
func TestScalars(t *testing.T) {
	var jobs []job
	for name, nodes := range map[string]string{
		"mean":        "m=ReduceMean[keepdims:0](x) u=Unsqueeze(m,axes) y=Concat[axis:0](u,u)",
		"squeezed":    "m=ReduceMax(x) q=Squeeze(m) u=Unsqueeze(q,axes) y=Concat[axis:0](u,u)",
		"gathered":    "r=Reshape(x,flat) g=Gather[axis:0](r,index) u=Unsqueeze(g,axes) y=Concat[axis:0](u,u)",
		"sums":        "m=ReduceSum[keepdims:0](x) n=Add(m,two) o=Mul(n,m) u=Unsqueeze(o,axes) y=Concat[axis:0](u,u)",
		"constants":   "m=Sub(two,two) u=Unsqueeze(m,axes) r=Reshape(x,flat) y=Concat[axis:0](u,r)",
		"choices":     "m=ReduceMin[keepdims:0](x) g=Greater(m,two) c=Where(g,m,two) u=Unsqueeze(c,axes) y=Concat[axis:0](u,u)",
		"functions":   "m=ReduceMean[keepdims:0](x) e=Exp(m) d=Div(e,m) p=Pow(d,two) u=Unsqueeze(p,axes) y=Concat[axis:0](u,u)",
		"its shape":   "m=ReduceMean[keepdims:0](x) s=Shape(m) c=Concat[axis:0](s,axes) f=ConstantOfShape(c) n=Unsqueeze(m,axes) y=Concat[axis:0](n,index1)",
		"vectors":     "r=Reshape(x,flat) y=MatMul(r,r)",
		"of one":      "r=Reshape(two,axes1) m=ReduceMean[keepdims:0](x) y=Mul(m,r)",
		"placed":      "r=Reshape(x,flat) a=ArgMax[axis:0;keepdims:0](r) c=Cast[to:1](a) u=Unsqueeze(c,axes) y=Concat[axis:0](u,u)",
		"products":    "m=ReduceProd[keepdims:0](x) u=Unsqueeze(m,axes) y=Expand(u,flat6)",
		"transposed":  "m=ReduceMean[keepdims:0](x) t=Transpose(m) u=Unsqueeze(t,axes) y=Concat[axis:0](u,u)",
		"identically": "m=ReduceMean[keepdims:0](x) t=Identity(m) u=Unsqueeze(t,axes) y=Concat[axis:0](u,u)",
	} {
		s := sketch{nodes: nodes, input: []int{2, 3}, weights: map[string]tensorProto{
			"axes": whole(0), "flat": whole(-1), "flat6": whole(6), "index": {Type: typeInt64, Int64s: []int64{4}}, "two": {Type: typeFloat, Floats: []float32{2}},
			"index1": numbers(7), "axes1": whole(1),
		}}
		x := noise(6)
		m := s.model(t)
		y, _ := computed(t, m, []int{2, 3}, x)
		jobs = append(jobs, s.job(t, name, typeFloat, "", x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestLongSums: sums of very many numbers are right to the last digits of float32.
func TestLongSums(t *testing.T) {
	const n = 200_000
	x, sum, r := make([]float32, n), 0.0, rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = 1000 + r.Float32()
		sum += float64(x[i])
	}
	for _, tt := range []struct {
		nodes string
		want  float64
	}{
		{"y=ReduceSum(x,axes)", sum},
		{"y=ReduceMean[axes:2,3](x)", sum / n},
		{"y=ReduceMean[axes:1,2,3](x)", sum / n},
		{"y=GlobalAveragePool(x)", sum / n},
		{"y=ReduceL1[axes:2,3](x)", sum},
		{"r=Reshape(x,row) y=MatMul(r,ones)", sum},
		{"r=Reshape(x,row) y=Gemm[transB:1](r,ones1)", sum},
		{"r=Reshape(x,volume) y=GlobalAveragePool(r)", sum / n},
		{"y=AveragePool[kernel_shape:400,500](x)", sum / n},
	} {
		s := sketch{nodes: tt.nodes, input: []int{1, 1, 400, 500}, weights: map[string]tensorProto{
			"axes": whole(2, 3), "row": whole(1, n), "volume": whole(1, 1, 40, 50, 100),
			"ones": {Type: typeFloat, Dims: []int64{n, 1}, Floats: ones(n)}, "ones1": {Type: typeFloat, Dims: []int64{1, n}, Floats: ones(n)},
		}}
		y, _ := computed(t, s.model(t), []int{1, 1, 400, 500}, x)
		near(t, tt.nodes, y, []float32{float32(tt.want)}, 1e-6)
	}
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
