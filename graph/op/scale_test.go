package op_test

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// scales are cases of Scale and Shift.
var scales = []struct {
	name string
	x, s tensor.Shape
}{
	{"channels of images", tensor.Shape{3, 4, 2, 3}, tensor.Shape{3, 4, 1, 1}},
	{"channels of all images", tensor.Shape{3, 4, 2, 3}, tensor.Shape{4, 1, 1}},
	{"last axis", tensor.Shape{3, 2, 5}, tensor.Shape{5}},
	{"positions", tensor.Shape{3, 2, 5}, tensor.Shape{1, 2, 5}},
	{"rows", tensor.Shape{3, 2, 5}, tensor.Shape{3, 1, 1}},
	{"mask of windows", tensor.Shape{2, 3, 2, 4, 4}, tensor.Shape{3, 1, 4, 4}},
	{"number", tensor.Shape{3, 2}, tensor.Shape{1}},
	{"one shape", tensor.Shape{3, 2}, tensor.Shape{3, 2}},
	{"long rows", tensor.Shape{2, 5001}, tensor.Shape{2, 1}},
	{"long row", tensor.Shape{2, 5001}, tensor.Shape{5001}},
}

func TestScale(t *testing.T) {
	for _, test := range scales {
		t.Run(test.name, func(t *testing.T) {
			in := random(test.x, test.s)
			x, s := in[0].Float64s(), in[1].Float64s()
			var scaled, shifted []float64
			for i, p := range positions(test.x) {
				k := 0
				for j, d := range test.s {
					if k *= d; d > 1 {
						k += p[len(test.x)-len(test.s)+j]
					}
				}
				scaled, shifted = append(scaled, x[i]*s[k]), append(shifted, x[i]+s[k])
			}
			scale := graphtest.Op{F: func(in ...node) (node, error) { return op.Scale(in[0], in[1]) }, In: in}
			checkForward(t, scale, scaled, test.x...)
			shift := graphtest.Op{F: func(in ...node) (node, error) { return op.Shift(in[0], in[1]) }, In: in}
			checkForward(t, shift, shifted, test.x...)
			if test.x.TotalSize() < 1000 { // differences take long
				scale.Gradient(t)
				shift.Gradient(t)
			}
		})
	}
}

func TestHardSwish(t *testing.T) {
	x := []float64{-7, -3.01, -2.9, -1, 0, 0.3, 2, 2.9, 3.1, 8}
	tests := []struct {
		name string
		want func(x float64) float64
		op   func(x node) (node, error)
	}{
		{"HardSwish", func(x float64) float64 { return x * math.Min(math.Max(x+3, 0), 6) / 6 }, op.HardSwish},
		{"HardSigmoid", func(x float64) float64 { return math.Min(math.Max(x+3, 0), 6) / 6 },
			func(x node) (node, error) { return op.HardSigmoid(x, op.Line{Slope: 1.0 / 6, Offset: 0.5}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return test.op(in[0]) }, In: []dense{vector(x...)}}
			var want []float64
			for _, v := range x {
				want = append(want, test.want(v))
			}
			checkForward(t, o, want, len(x))
			o.Gradient(t)
		})
	}
	nan := graphtest.Op{F: func(in ...node) (node, error) { return op.HardSwish(in[0]) }, In: []dense{vector(math.NaN())}}
	y, err := nan.Run()
	if err != nil {
		t.Fatal(err)
	}
	if v := floats(y)[0]; !math.IsNaN(v) {
		t.Errorf("HardSwish of NaN is %v, want NaN", v)
	}
}
