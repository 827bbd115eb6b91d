package op_test

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// A convolution and its gradient, by Gorgonia's own means.
func Example() {
	g := gorgonia.NewGraph()
	image := tensor.New(tensor.WithShape(1, 1, 3, 3), tensor.WithBacking([]float32{
		1, 2, 3,
		4, 5, 6,
		7, 8, 9,
	}))
	edge := tensor.New(tensor.WithShape(1, 1, 1, 2), tensor.WithBacking([]float32{-1, 1}))
	x := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(1, 1, 3, 3), gorgonia.WithName("x"), gorgonia.WithValue(image))
	w := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(1, 1, 1, 2), gorgonia.WithName("w"), gorgonia.WithValue(edge))

	y, err := op.Conv2d(x, w, nil, op.Conv{}) // (1,1,3,2)
	if err != nil {
		fmt.Println(err)
		return
	}
	cost, err := gorgonia.Sum(y)
	if err != nil {
		fmt.Println(err)
		return
	}
	grads, err := gorgonia.Grad(cost, w)
	if err != nil {
		fmt.Println(err)
		return
	}
	var edges, dw gorgonia.Value
	gorgonia.Read(y, &edges)
	gorgonia.Read(grads[0], &dw)
	if err := gorgonia.NewTapeMachine(g).RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(edges.Data())
	fmt.Println(dw.Data())

	_, err = op.Conv2d(x, w, nil, op.Conv{StrideW: -1})
	fmt.Println(err)
	// Output:
	// [1 1 1 1 1 1]
	// [27 33]
	// Conv2d: stride 1x-1, want positive numbers
}
