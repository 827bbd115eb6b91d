package graph_test

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// Textbooks write the convolution as
//
//	y(i,j) = Σ_u Σ_v x(i-u,j-v)·k(u,v)
//
// which runs over the filter forwards and over the image backwards. Conv2D, as
// in every framework, runs forwards over both: the cross-correlation
//
//	y(i,j) = Σ_u Σ_v x(i+u,j+v)·k(u,v)
//
// With the filter flipped on both axes, the second gives the first. A network
// that learns its filters does not care: it learns them flipped.
func Example_convolutionFormula() {
	x := []float32{
		1, 2, 3,
		4, 5, 6,
		7, 8, 9,
	}
	k := []float32{
		1, 2,
		0, -1,
	}
	// The textbook's formula, where the image has all the pixels it asks for.
	var formula []float32
	for i := 1; i < 3; i++ {
		for j := 1; j < 3; j++ {
			var y float32
			for u := range 2 {
				for v := range 2 {
					y += x[(i-u)*3+j-v] * k[u*2+v]
				}
			}
			formula = append(formula, y)
		}
	}
	// Conv2D with the filter as it is, and flipped on both axes, which for its
	// values row by row means read from the end.
	conv2D := func(filter []float32) any {
		net, err := graph.NewNetwork(graph.Conv2D{Filters: 1, Kernel: 2, NoBias: true}, []int{1, 3, 3}, graph.Options{})
		if err != nil {
			return err
		}
		copy(net.Weights.Get("conv2d/weight").Float32s(), filter)
		m, err := net.Model(graph.Infer, 1)
		if err != nil {
			return err
		}
		copy(m.Input.Float32s(), x)
		if err := m.Run(); err != nil {
			return err
		}
		return m.Output().Data()
	}
	flipped := slices.Clone(k)
	slices.Reverse(flipped)
	fmt.Println("convolution:      ", formula)
	fmt.Println("Conv2D, flipped k:", conv2D(flipped))
	fmt.Println("Conv2D, k:        ", conv2D(k))
	// Output:
	// convolution:       [12 14 18 20]
	// Conv2D, flipped k: [12 14 18 20]
	// Conv2D, k:         [0 2 6 8]
}

// Pooling is sometimes written as
//
//	p(i,j) = max_x' Σ_y' x(i·s+x',j·s+y')
//
// the largest row sum of each s×s window. Max-pooling, what MaxPool2D computes
// and what programs mean, is the largest pixel, max_x' max_y'. The formula is
// the mean over 1×s pixels times s, then the largest of s×1: x' counts rows, as
// i does. They differ in size (up to s pixels add up) and in the winner: below,
// the largest pixel of the first window, 9, stands in the row with the smaller
// sum. And the gradient goes to a whole row instead of one pixel.
func Example_poolingFormula() {
	const s = 2
	formula := graph.LayerFunc(func(scope *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		scope = scope.Sub("pooling")
		y := scope.Node(op.AvgPool2D(x, op.Pool{KH: 1, KW: s}))
		y = scope.Node(gorgonia.Mul(y, gorgonia.NewConstant(float32(s))))
		return scope.Node(op.MaxPool2D(y, op.Pool{KH: s, KW: 1}))
	})
	image := []float32{
		9, 0, 1, 2,
		5, 6, 3, 1,
	}
	fmt.Println("formula:  ", output(formula, []int{1, 1, 2, 4}, image...).Data())
	fmt.Println("MaxPool2D:", output(graph.MaxPool2D{Size: s}, []int{1, 1, 2, 4}, image...).Data())
	// Output:
	// formula:   [11 4]
	// MaxPool2D: [9 3]
}

// A description of convolution that ends in "add the result to the input image"
// describes a residual block: y = x + Conv2D(x).
func Example_residualFormula() {
	conv := graph.Conv2D{Filters: 1, Kernel: 3, Padding: graph.Same, WeightInit: graph.Ones}
	image := []float32{
		1, 0, 0,
		0, 0, 0,
		0, 0, 2,
	}
	shape := []int{1, 1, 3, 3}
	fmt.Println("x + Conv2D(x):", output(graph.Residual{Body: conv}, shape, image...).Data())
	fmt.Println("Conv2D(x):    ", output(conv, shape, image...).Data())
	// Output:
	// x + Conv2D(x): [2 1 0 1 3 2 0 2 4]
	// Conv2D(x):     [1 1 0 1 3 2 0 2 2]
}

// squeezeExcite weighs the channels of an image by what it sees in all of it
// (Hu et al. 2017). A layer of one's own is a type with a Build method. Reduce
// is the factor by which the layer in its middle is narrower.
//
// Its parameters are squeeze (C,C/Reduce) and excite (C/Reduce,C).
type squeezeExcite struct{ Reduce int }

// Build adds the layer to s.
func (l squeezeExcite) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("squeezeexcite")
	y := s.Apply(graph.GlobalAvgPool2D{}, x) // (N,C)
	if s.Err() != nil {                      // only in order to look at x
		return nil
	}
	n, c := x.Shape()[0], x.Shape()[1]
	if l.Reduce < 1 || c%l.Reduce != 0 {
		return s.Errorf("reduce %d, want a divisor of %d channels", l.Reduce, c)
	}
	y = s.Node(op.Mul(y, s.Param("squeeze", graph.HeNormal, c, c/l.Reduce), nil))
	y = s.Node(op.ReLU(y))
	y = s.Node(op.Mul(y, s.Param("excite", graph.GlorotUniform, c/l.Reduce, c), nil))
	y = s.Node(op.Sigmoid(y))
	y = s.Node(op.Reshape(y, n, c, 1, 1))
	return s.Node(gorgonia.BroadcastHadamardProd(x, y, nil, []byte{2, 3})) // one of Gorgonia's own
}

// A layer type of one's own, with parameters.
func ExampleScope() {
	layer := graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3, Activation: graph.ReLU},
		squeezeExcite{Reduce: 4},
		graph.GlobalAvgPool2D{},
		graph.Dense{Units: 10},
	}
	m, err := graph.Build(layer, graph.Train, 2, 1, 8, 8)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Input.Memset(float32(1))
	if err := m.Run(); err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range m.Params() {
		fmt.Println(p.Name, p.Value.Shape(), "gradient", p.Grad().Shape())
	}
	_, err = graph.Build(graph.Sequential{squeezeExcite{Reduce: 3}}, graph.Train, 2, 8, 6, 6)
	fmt.Println(err)
	// Output:
	// conv2d/weight (8, 1, 3, 3) gradient (8, 1, 3, 3)
	// conv2d/bias (8) gradient (8)
	// squeezeexcite/squeeze (8, 2) gradient (8, 2)
	// squeezeexcite/excite (2, 8) gradient (2, 8)
	// dense/weight (8, 10) gradient (8, 10)
	// dense/bias (10) gradient (10)
	// graph: squeezeexcite: reduce 3, want a divisor of 8 channels
}
