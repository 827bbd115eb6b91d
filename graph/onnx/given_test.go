package onnx

import (
	"slices"
	"testing"
)

// TestGiven: small files give these numbers, and ONNX Runtime gives them too.
func TestGiven(t *testing.T) {
	weights := map[string]tensorProto{
		"w": {Type: typeFloat, Dims: []int64{2, 2}, Floats: []float32{1, 2, 3, 4}}, "two": {Type: typeFloat, Floats: []float32{2}},
		"zero": {Type: typeInt64, Int64s: []int64{0}}, "three": {Type: typeInt64, Int64s: []int64{3}}, "bias": numbers(5, 6), "axis": whole(0),
		"image": whole(1, 1, 4), "half": whole(1, 1, 2), "flat": whole(-1, 2),
	}
	type given struct {
		nodes   string
		elem    int64
		x, want []float32
	}
	tests := []given{
		// A factor of 0 is one.
		{"z=Cast[to:1](zero) y=Mul(x,z)", 0, []float32{1, 2}, []float32{0, 0}},
		{"z=Cast[to:1](zero) a=Mul(x,z) y=MatMul(a,w)", 0, []float32{1, 2}, []float32{0, 0}},
		{"z=Cast[to:1](zero) a=Mul(x,z) b=Mul(a,two) y=Add(b,bias)", 0, []float32{1, 2}, []float32{5, 6}},
		{"y=Gemm[alpha:0.0](x,w)", 0, []float32{1, 2}, []float32{0, 0}},
		{"y=Gemm[alpha:0.0;beta:0.5](x,w,bias)", 0, []float32{1, 2}, []float32{2.5, 3}},
		{"z=Cast[to:1](zero) a=Mul(x,z) q=Unsqueeze(x,axis) r=Unsqueeze(a,axis) t=Transpose[perm:0,2,1](q) p=MatMul(t,r) y=Squeeze(p,axis)", 0, []float32{1, 2}, []float32{0, 0, 0, 0}},

		// What is computed of integers is one: a fraction is cut off.
		{"y=ReduceMean[axes:1](x)", typeInt64, []float32{2, 5, -2, -5, 3, 6}, []float32{3, -3, 4}},
		{"y=ReduceMean[axes:1](x)", typeInt32, []float32{7, 5, -2, -5, 3, 6}, []float32{6, -3, 4}},
		{"y=ReduceL2[axes:1](x)", typeInt64, []float32{2, 5, 3, 4, 0, 0}, []float32{5, 5, 0}},
		{"a,b=Split[axis:1](x) y=Div(b,three)", typeInt64, []float32{2, 5, 3, -4}, []float32{1, -1}},
		{"y=Shrink[lambd:1.5;bias:-0.5](x)", typeInt64, []float32{2, 5, -3, 1}, []float32{2, 5, -3, 0}},

		// Constants are reduced as values are, each number once.
		{"s=Shape(x) q=ReduceSumSquare[axes:0](s) f=Cast[to:1](q) y=Mul(x,f)", 0, []float32{1, 2, 3, 4}, []float32{8, 16, 24, 32}},
		{"s=Shape(x) q=ReduceL1[axes:0](s) f=Cast[to:1](q) y=Mul(x,f)", 0, []float32{1, 2, 3, 4}, []float32{4, 8, 12, 16}},
	}
	later := []given{ // of opset 18
		// A reduction along no axis is one of each number by itself.
		{"y=ReduceL2[noop_with_empty_axes:1](x)", 0, []float32{-3, 2, 0, 5}, []float32{3, 2, 0, 5}},
		{"y=ReduceL1[noop_with_empty_axes:1](x)", 0, []float32{-3, 2, 0, 5}, []float32{3, 2, 0, 5}},
		{"y=ReduceSumSquare[noop_with_empty_axes:1](x)", 0, []float32{-3, 2, 0, 5}, []float32{9, 4, 0, 25}},
		{"y=ReduceMean[noop_with_empty_axes:1](x)", 0, []float32{-3, 2, 0, 5}, []float32{-3, 2, 0, 5}},

		// Beyond the image is its last pixel, for a wide filter too: only exclude_outside leaves that out.
		{"r=Reshape(x,image) s=Resize[mode:linear;antialias:1](r,,,half) y=Reshape(s,flat)", 0, []float32{1, 2, 3, 4}, []float32{1.625, 3.375}},
	}
	var jobs []job
	for i, tt := range slices.Concat(tests, later) {
		n, opset := len(tt.x)/2, int64(17)
		if i >= len(tests) {
			opset = 18
		}
		s := sketch{nodes: tt.nodes, elem: tt.elem, input: []int{0, 2}, weights: weights, opset: opset}
		y, _ := computed(t, s.model(t), []int{n, 2}, tt.x)
		near(t, tt.nodes, y, tt.want, 0)
		jobs = append(jobs, s.job(t, tt.nodes, max(tt.elem, typeFloat), "", tt.x, tt.want))
	}
	runtimeAgrees(t, jobs)
}
