package onnx

import (
	"math"
	"testing"
)

// TestSpecialNumbers: infinities, NaN and subnormal numbers are what IEEE 754 and
// ONNX say, and ONNX Runtime.
func TestSpecialNumbers(t *testing.T) {
	last := float32(math.MaxFloat32)
	nan, inf, small := float32(math.NaN()), float32(math.Inf(1)), float32(1e-40)
	var jobs []job
	for _, tt := range []struct {
		nodes   string
		x, want []float32
	}{
		{"y=ThresholdedRelu[alpha:1.0](x)", []float32{-inf, nan, inf, 1, 1.5, -2}, []float32{0, 0, inf, 0, 1.5, 0}},
		{"y=ThresholdedRelu[alpha:-1.0](x)", []float32{-inf, nan, inf, -1, -0.5, -2}, []float32{0, 0, inf, 0, -0.5, 0}},
		{"y=Clip(x)", []float32{-inf, nan, inf, 1, last, -last}, []float32{-last, nan, last, 1, last, -last}},
		{"y=Clip(x,one)", []float32{-inf, nan, inf, 2, last, -last}, []float32{1, nan, last, 2, last, 1}},
		{"y=Sign(x)", []float32{-inf, nan, inf, -1, 0, small}, []float32{-1, nan, 1, -1, 0, 1}},
		{"y=Div(x,small)", []float32{0, small, -small, 2 * small, 1, nan}, []float32{0, 1, -1, 2, inf, nan}},
		{"y=Div(x,one)", []float32{0, small, -small, 2 * small, inf, nan}, []float32{0, small, -small, 2 * small, inf, nan}},
		{"y=Div(one,x)", []float32{small, -small, inf, nan, 1, 2}, []float32{inf, -inf, 0, nan, 1, 0.5}},
		{"y=Div(small,x)", []float32{small, -small, 0.5 * small, nan, 1, inf}, []float32{1, -1, 2, nan, small, 0}},
	} {
		s := sketch{nodes: tt.nodes, input: []int{0, 3}, weights: map[string]tensorProto{"small": numbers(small), "one": numbers(1)}}
		y, _ := computed(t, s.model(t), []int{2, 3}, tt.x)
		near(t, tt.nodes, y, tt.want, 1e-6)
		jobs = append(jobs, s.job(t, tt.nodes, typeFloat, "", tt.x, tt.want))
	}
	runtimeAgrees(t, jobs)
}
