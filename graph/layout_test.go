package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// Whole networks compute the same whatever a program makes of them: the zoo's, on
// images as small as they take.
func TestLayoutsOfTheZoo(t *testing.T) {
	sizes := map[string]int{"vgg11": 32, "resnet20": 16, "mobilenetv2": 32, "mlpmixer": 16, "simplecnn": 22, "simplecnn-m3": 22, "simplecnn-m7": 26, "smallcnn": 20, "e2cnn": 24}
	for _, s := range modelzoo.Specs() {
		size := sizes[s.Name]
		if size == 0 {
			size = s.Input[1]
		}
		t.Run(s.Name, func(t *testing.T) { compareWays(t, s.New(10), 2, s.Input[0], size, size) })
	}
}

// Whole networks, made at random.
func TestLayoutsOfRandomNetworks(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		channels, size := []int{1, 3, 8, 16}[r.IntN(4)], 8+r.IntN(20)
		layers := randomLayers(r, 3+r.IntN(8))
		if r.IntN(2) > 0 {
			layers = append(layers, graph.GlobalAvgPool2D{})
		} else {
			layers = append(layers, graph.Flatten{})
		}
		layers = append(layers, graph.Dense{Units: 5, Activation: graph.ReLU}, graph.Dense{Units: 4})
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareWays(t, layers, 1+r.IntN(3), channels, size, size+r.IntN(3)) })
	}
}

// randomLayers keep the size of images, but for two that halve it.
func randomLayers(r *rand.Rand, n int) (layers graph.Sequential) {
	filters := func() int { return []int{3, 8, 12, 16, 24}[r.IntN(5)] }
	conv := func(filters int) graph.Layer {
		c := graph.Conv2D{Filters: filters, Kernel: 1 + 2*r.IntN(3), Padding: graph.Same, NoBias: r.IntN(2) > 0}
		if r.IntN(4) == 0 {
			c.Dilation = 2
		}
		all := graph.Sequential{c}
		if r.IntN(2) > 0 {
			all = append(all, graph.BatchNorm{})
		}
		if r.IntN(2) > 0 {
			all = append(all, []graph.Layer{graph.ReLU, graph.ReLU6, graph.SiLU, graph.Sigmoid}[r.IntN(4)])
		}
		return all
	}
	halved := 0
	for range n {
		switch r.IntN(9) {
		case 0:
			layers = append(layers, graph.DepthwiseConv2D{Kernel: 3, Padding: graph.Same})
		case 1:
			width := filters()
			layers = append(layers, conv(width), graph.Residual{Body: graph.Sequential{conv(filters()), conv(width)}}, graph.ReLU)
		case 2:
			layers = append(layers, graph.Concat{conv(filters()), conv(filters()), graph.Sequential{conv(filters()), graph.ReLU}})
		case 3:
			width := filters() // a dense block
			layers = append(layers, graph.Concat{graph.Sequential{}, conv(width)}, graph.Concat{graph.Sequential{}, conv(width)})
		case 4:
			layers = append(layers, graph.MaxPool2D{Size: 3, Stride: 1, Padding: graph.Same})
		case 5:
			layers = append(layers, graph.AvgPool2D{Size: 3, Stride: 1, Padding: graph.Same})
		case 6:
			if halved++; halved <= 2 {
				layers = append(layers, []graph.Layer{graph.MaxPool2D{}, graph.AvgPool2D{}, graph.Conv2D{Filters: filters(), Kernel: 3, Stride: 2}}[r.IntN(3)])
			}
		default:
			layers = append(layers, conv(filters()))
		}
	}
	return layers
}

// compareWays runs a network for inference in all ways that there are.
func compareWays(t *testing.T, l graph.Layer, shape ...int) {
	w := &graph.Weights{}
	o := graph.Options{Weights: w, Seed: 3}
	plain := o
	plain.NoFusion = true
	outputOf(t, plain, l, shape) // makes the weights
	stir(w)
	want := outputOf(t, plain, l, shape)
	fixed := o
	fixed.Fixed = true
	double := graph.Options{Weights: &graph.Weights{}, Seed: 3, Float64: true}
	outputOf(t, double, l, shape)
	stir(double.Weights)
	for name, o := range map[string]graph.Options{"all passes": o, "planes": graph.Planes(o), "unplanned": graph.Unplanned(o), "fixed weights": fixed} {
		near(t, name, outputOf(t, o, l, shape), want, 5e-5)
	}
	near(t, "float64", outputOf(t, double, l, shape), want, 5e-4)
	if !slices.Equal(outputOf(t, fixed, l, shape), outputOf(t, o, l, shape)) {
		t.Error("fixed weights change bits")
	}
}

// outputOf is a network's output in a second run.
func outputOf(t *testing.T, o graph.Options, l graph.Layer, shape []int) []float64 {
	t.Helper()
	m := build(t, o, l, graph.Infer, shape...)
	fill(m.Input)
	run(t, m)
	first := slices.Clone(numbers(m.Output()))
	run(t, m)
	if !slices.Equal(numbers(m.Output()), first) {
		t.Error("a second run gives other bits")
	}
	return slices.Clone(numbers(m.Output()))
}

// stir gives the statistics of normalisations values as after some training.
func stir(w *graph.Weights) {
	for _, name := range w.Names() {
		d := w.Get(name)
		values := slices.Clone(numbers(d))
		for i := range values {
			switch {
			case strings.HasSuffix(name, "variance"):
				values[i] = 1 + math.Sin(float64(i))/2
			case strings.HasSuffix(name, "mean"):
				values[i] = math.Cos(float64(2*i)) / 4
			}
		}
		set(d, values)
	}
}

// Weights that are not fixed are read at every run.
func TestWeightsThatChange(t *testing.T) {
	l := graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3, Activation: graph.ReLU}, graph.Conv2D{Filters: 16, Kernel: 3}, graph.BatchNorm{},
		graph.DepthwiseConv2D{Kernel: 3}, graph.BatchNorm{}, graph.Concat{graph.Sequential{}, graph.BatchNorm{}},
		graph.Flatten{}, graph.Dense{Units: 6, Activation: graph.SiLU}, graph.Dense{Units: 3},
	}
	w := &graph.Weights{}
	m := build(t, graph.Options{Weights: w}, l, graph.Infer, 2, 3, 9, 9)
	fill(m.Input)
	run(t, m)
	for _, name := range w.Names() {
		before := slices.Clone(numbers(m.Output()))
		values := slices.Clone(numbers(w.Get(name)))
		for i := range values {
			values[i] = values[i]*1.5 + 0.1
		}
		set(w.Get(name), values)
		run(t, m)
		if slices.Equal(numbers(m.Output()), before) {
			t.Errorf("%s changed, and the output did not", name)
		}
		want := outputOf(t, graph.Options{Weights: w, NoFusion: true}, l, []int{2, 3, 9, 9})
		near(t, name, numbers(m.Output()), want, 2e-5)
	}
}
