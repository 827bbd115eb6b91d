package op_test

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Attention of two heads over three positions: queries, keys and values stand side
// by side in one tensor, as one product with a matrix of weights leaves them.
func ExampleBatchMul() {
	const n, l, h, d = 1, 3, 2, 2
	g := gorgonia.NewGraph()
	values := make([]float64, n*l*3*h*d)
	for i := range values {
		values[i] = float64(i%5) - 2
	}
	x := gorgonia.NewTensor(g, tensor.Float64, 3, gorgonia.WithName("x"), gorgonia.WithShape(n, l, 3*h*d),
		gorgonia.WithValue(tensor.New(tensor.WithShape(n, l, 3*h*d), tensor.WithBacking(values))))
	heads := func(i int) op.View { // (N,H,L,D)
		return op.View{From: i * h * d, Shape: []int{n, h, l, d}, Steps: []int{l * 3 * h * d, d, 3 * h * d, 1}}
	}
	scores, err := op.BatchMul(x, x, op.Products{A: heads(0), B: heads(1), TransB: true, Scale: 1 / math.Sqrt(d)})
	if err != nil {
		fmt.Println(err)
		return
	}
	shares, err := op.SoftMax(scores)
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := op.BatchMul(shares, x, op.Products{B: heads(2), Axes: []int{0, 2, 1, 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := gorgonia.NewTapeMachine(g).RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(scores.Shape(), y.Shape())
	fmt.Printf("%.3f\n", y.Value().Data())
	// Output:
	// (1, 2, 3, 3) (1, 3, 2, 2)
	// [-1.808 -0.808 -0.181 0.379 -0.328 0.672 0.000 -0.667 0.997 1.997 0.629 -1.471]
}
