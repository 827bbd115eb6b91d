package graph_test

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// An activation is a layer by itself, or the end of a Conv2D or Dense. Any of
// Gorgonia's functions will do.
func ExampleActivation() {
	for _, l := range []graph.Layer{
		graph.ReLU,
		graph.Activation(gorgonia.Square),
		graph.Dense{Units: 1, Activation: graph.ReLU, WeightInit: graph.Ones},
	} {
		fmt.Println(output(l, []int{1, 3}, -2, 0, 3).Data())
	}
	// Output:
	// [0 0 3]
	// [4 0 9]
	// [1]
}

func ExampleActivation_all() {
	for _, a := range []struct {
		name string
		f    graph.Activation
	}{
		{"ReLU", graph.ReLU},
		{"ReLU6", graph.ReLU6},
		{"LeakyReLU", graph.LeakyReLU(0.1)},
		{"ELU", graph.ELU(1)},
		{"GELU", graph.GELU},
		{"SiLU", graph.SiLU},
		{"Sigmoid", graph.Sigmoid},
		{"Tanh", graph.Tanh},
		{"SoftMax", graph.SoftMax},
	} {
		fmt.Printf("%-9s %6.3f\n", a.name, output(a.f, []int{1, 3}, -2, 0, 2).Data())
	}
	// Output:
	// ReLU      [ 0.000  0.000  2.000]
	// ReLU6     [ 0.000  0.000  2.000]
	// LeakyReLU [-0.200  0.000  2.000]
	// ELU       [-0.865  0.000  2.000]
	// GELU      [-0.046  0.000  1.954]
	// SiLU      [-0.238  0.000  1.762]
	// Sigmoid   [ 0.119  0.500  0.881]
	// Tanh      [-0.964  0.000  0.964]
	// SoftMax   [ 0.016  0.117  0.867]
}

func ExampleLeakyReLU() {
	fmt.Println(output(graph.LeakyReLU(0.5), []int{1, 2}, -2, 2).Data())
	// Output: [-1 2]
}

func ExampleELU() {
	fmt.Printf("%.3f\n", output(graph.ELU(2), []int{1, 2}, -1, 2).Data())
	// Output: [-1.264 2.000]
}

// Any function with the signature is an Init.
func ExampleInit() {
	identity := func(_ *rand.Rand, values []float64, shape []int) {
		for i := range min(shape[0], shape[1]) {
			values[i*shape[1]+i] = 1
		}
	}
	fmt.Println(output(graph.Dense{Units: 3, WeightInit: identity}, []int{1, 3}, 5, 6, 7).Data())
	// Output: [5 6 7]
}

// spread draws many values of an init for a Dense of 300 inputs and 100 units,
// and returns the largest and the standard deviation.
func spread(init graph.Init) (top, deviation float64) {
	w := &graph.Weights{}
	o := graph.Options{Seed: 1, Weights: w, Float64: true}
	if _, err := o.Build(graph.Dense{Units: 100, WeightInit: init}, graph.Infer, 1, 300); err != nil {
		panic(err)
	}
	return moments(w.Get("dense/weight").Float64s())
}

func ExampleGlorotUniform() {
	top, deviation := spread(graph.GlorotUniform)
	fmt.Printf("up to %.2f, deviation %.2f\n", top, deviation) // √(6/400), √(2/400)
	// Output: up to 0.12, deviation 0.07
}

func ExampleGlorotNormal() {
	_, deviation := spread(graph.GlorotNormal)
	fmt.Printf("deviation %.2f\n", deviation) // √(2/400)
	// Output: deviation 0.07
}

func ExampleHeUniform() {
	top, deviation := spread(graph.HeUniform)
	fmt.Printf("up to %.2f, deviation %.2f\n", top, deviation) // √(6/300), √(2/300)
	// Output: up to 0.14, deviation 0.08
}

func ExampleHeNormal() {
	_, deviation := spread(graph.HeNormal)
	fmt.Printf("deviation %.2f\n", deviation) // √(2/300)
	// Output: deviation 0.08
}

func ExampleOnes() {
	fmt.Println(output(graph.Dense{Units: 1, WeightInit: graph.Ones}, []int{1, 2}, 3, 4).Data())
	// Output: [7]
}

// A block whose last layer starts from zero is the identity at first.
func ExampleZeros() {
	block := graph.Residual{Body: graph.Dense{Units: 2, WeightInit: graph.Zeros}}
	fmt.Println(output(block, []int{1, 2}, 3, 4).Data())
	// Output: [3 4]
}
