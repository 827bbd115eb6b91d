package op_test

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// TestFunctions compares the functions of this package, in both precisions, with
// formulas that do not call the functions' own F, and their gradients with central
// differences.
func TestFunctions(t *testing.T) {
	for _, test := range []struct {
		name string
		f    op.Function
		want func(x float64) float64
	}{
		{"Exp", op.ExpFunction(), func(x float64) float64 { return math.Pow(math.E, x) }},
		{"Erf", op.ErfFunction(), func(x float64) float64 { return 1 - math.Erfc(x) }},
		{"Sqrt", op.SqrtFunction(), func(x float64) float64 { return math.Exp(math.Log(x) / 2) }},
		{"Reciprocal", op.ReciprocalFunction(), func(x float64) float64 { return math.Exp(-math.Log(x)) }},
		{"Pow 2", op.PowFunction(2), func(x float64) float64 { return x * x }},
		{"Pow 1/3", op.PowFunction(1. / 3), math.Cbrt},
		{"Pow -2.5", op.PowFunction(-2.5), func(x float64) float64 { return 1 / (x * x * math.Sqrt(x)) }},
		{"Divide", op.DivideFunction(1.7), func(x float64) float64 { return x * (10. / 17) }},
		{"Limit", op.LimitFunction(0.5, 2), func(x float64) float64 { return min(max(x, 0.5), 2) }},
		{"Limit below", op.LimitFunction(math.Inf(-1), 1.5), func(x float64) float64 { return min(x, 1.5) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := vector(0.1, 0.3, 0.7, 1, 1.4, 1.9, 2.6, 3, 0.45, 0.9, 2.1)
			var want []float64
			for _, v := range x.Float64s() {
				want = append(want, test.want(v))
			}
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Map(in[0], test.f) }, In: []dense{x}}
			checkForward(t, o, want, len(want))
			o.Gradient(t)
		})
	}
}

// Functions of the package go through Map as your own do.
func ExamplePowFunction() {
	g := gorgonia.NewGraph()
	v := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 8, 27}))
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("x"), gorgonia.WithValue(v))
	y, err := op.Map(x, op.PowFunction(1./3))
	if err != nil {
		fmt.Println(err)
		return
	}
	var roots gorgonia.Value
	gorgonia.Read(y, &roots)
	if err := gorgonia.NewTapeMachine(g).RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(roots.Data())
	// Output: [1 2 3]
}
