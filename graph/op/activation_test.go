package op_test

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

var activationTests = []struct {
	name string
	f    graphtest.Func
	want func(x float64) float64
}{
	{"ReLU", func(in ...node) (node, error) { return op.ReLU(in[0]) }, func(x float64) float64 { return (x + math.Abs(x)) / 2 }},
	{"ReLU6", func(in ...node) (node, error) { return op.ReLU6(in[0]) }, func(x float64) float64 { return 3 + (math.Abs(x)-math.Abs(x-6))/2 }},
	{"LeakyReLU", func(in ...node) (node, error) { return op.LeakyReLU(in[0], 0.25) }, func(x float64) float64 { return math.Max(x, x/4) }},
	{"ELU", func(in ...node) (node, error) { return op.ELU(in[0], 0.5) }, func(x float64) float64 {
		return math.Max(x, 0) + 0.5*(math.Exp(math.Min(x, 0))-1)
	}},
	{"GELU", func(in ...node) (node, error) { return op.GELU(in[0]) }, func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }},
	{"SiLU", func(in ...node) (node, error) { return op.SiLU(in[0]) }, func(x float64) float64 { return x / (1 + math.Exp(-x)) }},
	{"Sigmoid", func(in ...node) (node, error) { return op.Sigmoid(in[0]) }, func(x float64) float64 { return (1 + math.Tanh(x/2)) / 2 }},
	{"Tanh", func(in ...node) (node, error) { return op.Tanh(in[0]) }, func(x float64) float64 { return 1 - 2/(math.Exp(2*x)+1) }},
}

func TestActivations(t *testing.T) {
	for _, test := range activationTests {
		t.Run(test.name, func(t *testing.T) {
			for _, shape := range []tensor.Shape{{7}, {3, 4}, {2, 3, 2, 2}, {1, 1}} {
				x := graphtest.Random("x", 4, shape...)
				o := graphtest.Op{F: test.f, In: []dense{x}}
				var want []float64
				for _, v := range x.Float64s() {
					want = append(want, test.want(v))
				}
				checkForward(t, o, want, shape...)
				o.Gradient(t)
			}
		})
	}
}

// TestActivationsFarOut: no activation turns a large number into NaN, nor its
// gradient.
func TestActivationsFarOut(t *testing.T) {
	far := []float64{-1e30, -1000, -100, 100, 1000, 1e30, math.Inf(-1), math.Inf(1), 0}
	limits := map[string][2]float64{ // at minus and plus infinity
		"ReLU": {0, math.Inf(1)}, "ReLU6": {0, 6}, "LeakyReLU": {math.Inf(-1), math.Inf(1)}, "ELU": {-0.5, math.Inf(1)},
		"GELU": {0, math.Inf(1)}, "SiLU": {0, math.Inf(1)}, "Sigmoid": {0, 1}, "Tanh": {-1, 1},
	}
	for _, test := range activationTests {
		for _, p := range precisions {
			o := in(p.dtype, graphtest.Op{F: test.f, In: []dense{vector(far...)}})
			dy := to(p.dtype, vector(1, 1, 1, 1, 1, 1, 1, 1, 1))
			y, grads, err := o.Gradients(dy)
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			v, d := floats(y), floats(grads[0])
			if got := [2]float64{v[6], v[7]}; got != limits[test.name] {
				t.Errorf("%s of ±Inf is %v, want %v", test.name, got, limits[test.name])
			}
			for i := range far {
				if math.IsNaN(v[i]) || math.IsNaN(d[i]) || math.Abs(d[i]) > 1 {
					t.Errorf("%s of %v in %v is %v with gradient %v, want numbers and at most 1", test.name, far[i], p.dtype, v[i], d[i])
				}
			}
		}
	}
}

// TestActivationsKeepNaN: what went wrong must not be hidden.
func TestActivationsKeepNaN(t *testing.T) {
	for _, test := range activationTests {
		for _, p := range precisions {
			y, err := in(p.dtype, graphtest.Op{F: test.f, In: []dense{vector(math.NaN(), 1)}}).Run()
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			if v := floats(y); !math.IsNaN(v[0]) || math.IsNaN(v[1]) {
				t.Errorf("%s of NaN and 1 in %v is %v, want NaN and a number", test.name, p.dtype, v)
			}
		}
	}
}
