package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tapenet/graph"
)

func ExampleSequential() {
	y := output(graph.Sequential{
		graph.MaxPool2D{},
		graph.Flatten{},
		graph.Dense{Units: 1, WeightInit: graph.Ones},
	}, []int{1, 1, 2, 4},
		1, 2, 5, 6,
		3, 4, 7, 8)
	fmt.Println(y.Shape(), y.Data()) // 4 + 8
	// Output: (1, 1) [12]
}

func ExampleResidual() {
	block := graph.Residual{Body: graph.Dense{Units: 2, WeightInit: graph.Ones}}
	fmt.Println(output(block, []int{1, 2}, 1, 10).Data()) // (1,10) + (11,11)
	// Output: [12 21]
}

// A shortcut makes the shapes equal where the body changes them.
func ExampleResidual_shortcut() {
	block := graph.Residual{
		Body:     graph.Conv2D{Filters: 4, Kernel: 3, Stride: 2, Padding: graph.Same},
		Shortcut: graph.Conv2D{Filters: 4, Kernel: 1, Stride: 2},
	}
	m, err := graph.Build(block, graph.Infer, 1, 2, 8, 8)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range m.Layers() {
		fmt.Println(l.Path, l.Output)
	}
	// Output:
	// residual/conv2d (1, 4, 4, 4)
	// residual/shortcut/conv2d (1, 4, 4, 4)
	// residual (1, 4, 4, 4)
}

func ExampleConcat() {
	y := output(graph.Concat{
		graph.MaxPool2D{},
		graph.AvgPool2D{},
	}, []int{1, 1, 2, 2},
		1, 2,
		3, 6)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 2, 1, 1) [6 3]
}

func ExampleConv2D() {
	y := output(graph.Conv2D{Filters: 1, Kernel: 2, WeightInit: graph.Ones}, []int{1, 1, 3, 3},
		1, 2, 3,
		4, 5, 6,
		7, 8, 9)
	fmt.Println(y.Shape(), y.Data()) // sums of 2×2 pixels
	// Output: (1, 1, 2, 2) [12 16 24 28]
}

// Each channel has a filter of its own.
func ExampleDepthwiseConv2D() {
	y := output(graph.DepthwiseConv2D{Kernel: 2, WeightInit: graph.Ones}, []int{1, 2, 2, 2},
		1, 2,
		3, 4,

		10, 20,
		30, 40)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 2, 1, 1) [10 100]
}

// Padding decides the size of the output.
func ExamplePadding() {
	conv := graph.Conv2D{Filters: 1, Kernel: 3, Stride: 2}
	for _, p := range []graph.Padding{graph.Valid, graph.Same, graph.Pad(2), graph.PadEach(0, 1, 0, 3)} {
		conv.Padding = p
		m, err := graph.Build(conv, graph.Infer, 1, 1, 6, 6)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Layers()[0].Output, m.Layers()[0].Ops)
	}
	// Output:
	// (1, 1, 2, 2) [Conv2d stride 2x2]
	// (1, 1, 3, 3) [Conv2d stride 2x2 pad 0,1,0,1]
	// (1, 1, 4, 4) [Conv2d stride 2x2 pad 2,2,2,2]
	// (1, 1, 3, 4) [Conv2d stride 2x2 pad 0,1,0,3]
}

func ExampleMaxPool2D() {
	y := output(graph.MaxPool2D{}, []int{1, 1, 2, 5},
		1, 2, 5, 0, 9,
		3, 4, 7, 8, 9)
	fmt.Println(y.Data()) // the last column fills no window
	// Output: [4 8]
}

func ExampleAvgPool2D() {
	y := output(graph.AvgPool2D{Size: 2, Stride: 1}, []int{1, 1, 2, 3},
		1, 2, 3,
		5, 8, 7)
	fmt.Println(y.Data())
	// Output: [4 5]
}

func ExampleGlobalAvgPool2D() {
	y := output(graph.GlobalAvgPool2D{}, []int{1, 2, 2, 2},
		1, 2,
		3, 6,

		0, 0,
		0, 4)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 2) [3 1]
}

func ExampleDense() {
	y := output(graph.Dense{Units: 2, WeightInit: graph.Ones, BiasInit: graph.Ones, Activation: graph.ReLU}, []int{2, 3},
		1, 2, 3,
		-1, -2, -3)
	fmt.Println(y.Data())
	// Output: [7 7 0 0]
}

func ExampleFlatten() {
	fmt.Println(output(graph.Flatten{}, []int{2, 3, 4, 4}).Shape())
	// Output: (2, 48)
}

// Blocks of 2×2 pixels, as a vision transformer sees them.
func ExamplePatches() {
	y := output(graph.Patches{Size: 2}, []int{1, 1, 2, 4},
		1, 2, 5, 6,
		3, 4, 7, 8)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 2, 4) [1 2 3 4 5 6 7 8]
}

// In training each channel gets mean 0 and variance 1 over the batch, and the
// running statistics take a step. Elsewhere those are used.
func ExampleBatchNorm() {
	net, err := graph.NewNetwork(graph.BatchNorm{Momentum: 0.5}, []int{1}, graph.Options{Loss: graph.MSE{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, mode := range []graph.Mode{graph.Train, graph.Eval} {
		m, err := net.Model(mode, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		copy(m.Input.Float32s(), []float32{4, 8})
		if err := m.Run(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %.3f, running mean %v, variance %v\n", mode, m.Output().Data(),
			net.Weights.Get("batchnorm/mean").Data(), net.Weights.Get("batchnorm/variance").Data())
	}
	// Output:
	// train: [-1.000 1.000], running mean [3], variance [4.5]
	// eval: [0.471 2.357], running mean [3], variance [4.5]
}

// What is dropped depends on the seed and on the step of training.
func ExampleDropout() {
	// Training needs something to train: a Dense after it, which passes one
	// value on.
	layer := graph.Sequential{graph.Dropout{Rate: 0.5}, graph.Dense{Units: 1, WeightInit: graph.Ones}}
	net, err := graph.NewNetwork(layer, []int{1}, graph.Options{Loss: graph.MSE{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, mode := range []graph.Mode{graph.Train, graph.Train, graph.Infer} {
		m, err := net.Model(mode, 8)
		if err != nil {
			fmt.Println(err)
			return
		}
		m.Input.Memset(float32(1))
		if err := m.Run(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(mode, m.Output().Data())
	}
	// Output:
	// train [0 2 0 0 2 0 2 2]
	// train [0 0 0 0 0 2 2 2]
	// infer [1 1 1 1 1 1 1 1]
}

// Each row has mean 0 and variance 1 afterwards.
func ExampleLayerNorm() {
	y := output(graph.LayerNorm{}, []int{1, 2, 2},
		1, 3,
		10, 50)
	fmt.Printf("%v %.3f\n", y.Shape(), y.Data())
	// Output: (1, 2, 2) [-1.000 1.000 -1.000 1.000]
}

func ExampleTranspose() {
	y := output(graph.Transpose{}, []int{1, 2, 3},
		1, 2, 3,
		4, 5, 6)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 3, 2) [1 4 2 5 3 6]
}

func ExamplePadChannels() {
	y := output(graph.PadChannels{Channels: 3}, []int{1, 1, 1, 2}, 7, 8)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 3, 1, 2) [7 8 0 0 0 0]
}

// Each filter is there once for each quarter turn: this one finds an edge whose
// bright side is on the left, below, on the right or above.
func ExampleLiftConv2D() {
	edge := func(_ *rand.Rand, values []float64, _ []int) { copy(values, []float64{1, -1, 1, -1}) }
	y := output(graph.LiftConv2D{Filters: 1, Kernel: 2, WeightInit: edge}, []int{1, 1, 3, 3},
		1, 0, 0,
		1, 0, 0,
		1, 0, 0)
	fmt.Println(y.Shape())
	for r := range 4 {
		fmt.Println(y.Data().([]float32)[4*r : 4*r+4])
	}
	// Output:
	// (1, 4, 2, 2)
	// [2 0 2 0]
	// [0 0 0 0]
	// [-2 0 -2 0]
	// [0 0 0 0]
}

// A network of fields gives a picture and its quarter turns the same output.
func ExampleGroupConv2D() {
	l := graph.Sequential{
		graph.LiftConv2D{Filters: 4, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU},  // (N,4·4,4,4)
		graph.GroupConv2D{Filters: 1, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU}, // (N,1·4,4,4)
		graph.GroupMaxPool{},    // (N,1,4,4)
		graph.GlobalAvgPool2D{}, // (N,1)
	}
	upright := output(l, []int{1, 1, 4, 4},
		0, 9, 0, 0,
		0, 9, 0, 0,
		0, 9, 0, 0,
		0, 9, 9, 0)
	lying := output(l, []int{1, 1, 4, 4},
		0, 0, 0, 0,
		0, 0, 0, 9,
		9, 9, 9, 9,
		0, 0, 0, 0)
	a, b := upright.Data().([]float32)[0], lying.Data().([]float32)[0]
	fmt.Println(a > 0, math.Abs(float64(a-b)) < 1e-5)
	// Output: true true
}

// The mean of a field's channels is taken in common.
func ExampleGroupBatchNorm() {
	m, err := graph.Build(graph.GroupBatchNorm{}, graph.Infer, 1, 8, 5, 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range m.Params() {
		fmt.Println(p.Name, p.Value.Shape())
	}
	// Output:
	// batchnorm/gamma (2)
	// batchnorm/beta (2)
}

func ExampleGroupMaxPool() {
	y := output(graph.GroupMaxPool{}, []int{1, 8, 1, 1}, 1, 4, 2, 3, -1, -4, -2, -3)
	fmt.Println(y.Shape(), y.Data())
	// Output: (1, 2, 1, 1) [4 -1]
}

func ExampleBlurPool2D() {
	y := output(graph.BlurPool2D{}, []int{1, 1, 3, 5},
		0, 0, 0, 0, 0,
		0, 16, 0, 0, 0,
		0, 0, 0, 0, 0)
	fmt.Println(y.Data()) // a pixel of 1, 2, 1; 2, 4, 2; 1, 2, 1
	// Output: [4 0]
}
