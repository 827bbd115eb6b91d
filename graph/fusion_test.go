package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// Wherever a convolution and a pooling meet, fused and unfused networks compute
// the same: loss, output, and the gradients of parameters and input.
func TestFusionChangesNothing(t *testing.T) {
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}
	conv6 := graph.Conv2D{Filters: 4, Kernel: 3, BiasInit: sixes} // pixels on both sides of 6
	pooled := func(c graph.Layer, p graph.Layer) graph.Layer {
		return graph.Sequential{c, p, graph.Flatten{}, graph.Dense{Units: 3}}
	}
	normed := func(bias bool, after ...graph.Layer) graph.Layer {
		return append(graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3, NoBias: !bias}, graph.BatchNorm{}}, after...)
	}
	// residual is a block of a residual network on three channels behind a convolution.
	residual := func(shortcut graph.Layer, after ...graph.Layer) graph.Layer {
		body := graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}}
		r := graph.Residual{Body: body, Shortcut: shortcut}
		return append(graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 3}, r}, after...)
	}
	shortcut := graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 1}, graph.BatchNorm{}}
	twice := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		a := s.Apply(conv, x)
		return s.Node(op.Add(s.Apply(graph.MaxPool2D{}, a), s.Apply(graph.AvgPool2D{}, a)))
	})
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		fused string
	}{
		{"plain", pooled(conv, graph.MaxPool2D{}), "Conv2d+ReLU+MaxPool2D"},
		{"no activation", pooled(graph.Conv2D{Filters: 4, Kernel: 3}, graph.MaxPool2D{}), "Conv2d+MaxPool2D"},
		{"no bias", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU, NoBias: true}, graph.MaxPool2D{}), "Conv2d+ReLU+MaxPool2D"},
		{"groups, padding, dilation", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Groups: 2, Padding: graph.Same, Dilation: 2, Activation: graph.ReLU}, graph.MaxPool2D{}), "Conv2d+ReLU+MaxPool2D"},
		{"windows of 3", pooled(conv, graph.MaxPool2D{Size: 3}), "Conv2d+ReLU+MaxPool2D"},
		{"overlapping windows", pooled(conv, graph.MaxPool2D{Size: 3, Stride: 2}), "Conv2d+ReLU"},
		{"padded windows", pooled(conv, graph.MaxPool2D{Size: 2, Padding: graph.Pad(1)}), "Conv2d+ReLU"},
		{"another activation", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.Tanh}, graph.MaxPool2D{}), ""},
		{"average", pooled(conv, graph.AvgPool2D{}), "Conv2d+ReLU"},
		{"two consumers of the activation", graph.Sequential{twice, graph.Flatten{}, graph.Dense{Units: 3}}, "Conv2d+ReLU"},
		{"two poolings", graph.Sequential{conv, graph.Concat{graph.MaxPool2D{}, graph.MaxPool2D{}}, graph.Flatten{}, graph.Dense{Units: 3}}, "Conv2d+ReLU"},
		{"after a layer", graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 1}, conv, graph.MaxPool2D{}, graph.Flatten{}, graph.Dense{Units: 3}}, "Conv2d+ReLU+MaxPool2D"},
		{"beside an op of Gorgonia", pooled(conv, graph.Sequential{graph.MaxPool2D{}, graph.Activation(gorgonia.Tanh)}), "Conv2d+ReLU+MaxPool2D"},
		{"the convolution is the output", graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 12}, graph.Flatten{}}, ""},
		{"normalised", pooled(normed(false, graph.ReLU), graph.MaxPool2D{}), "Conv2d+BatchNorm+ReLU+MaxPool2D"},
		{"normalised, with bias", pooled(normed(true), graph.MaxPool2D{Size: 3}), "Conv2d+BatchNorm+MaxPool2D"},
		{"normalised, no pooling", pooled(normed(true, graph.ReLU), graph.AvgPool2D{}), "Conv2d+BatchNorm+ReLU"},
		{"normalised, no more", graph.Sequential{normed(false), graph.Flatten{}, graph.Dense{Units: 3}}, "Conv2d+BatchNorm"},
		{"normalised groups", pooled(graph.Sequential{graph.DepthwiseConv2D{Kernel: 3, Stride: 2, Multiplier: 2}, graph.BatchNorm{}, graph.ReLU}, graph.MaxPool2D{}), "Conv2d+BatchNorm+ReLU+MaxPool2D"},
		{"ReLU6", pooled(graph.Sequential{conv6, graph.ReLU6}, graph.MaxPool2D{}), "Conv2d+ReLU6+MaxPool2D"},
		{"normalised, ReLU6", pooled(normed(false, graph.ReLU6), graph.AvgPool2D{}), "Conv2d+BatchNorm+ReLU6"},
		{"residual", pooled(residual(nil, graph.ReLU), graph.AvgPool2D{}), "Conv2d+BatchNorm+Add+ReLU"},
		{"residual, ReLU6", pooled(residual(nil, graph.ReLU6), graph.AvgPool2D{}), "Conv2d+BatchNorm+Add+ReLU6"},
		{"residual, normalised shortcut", pooled(residual(shortcut, graph.ReLU), graph.AvgPool2D{}), "Conv2d+BatchNorm, Conv2d+BatchNorm+Add+ReLU"},
		{"residual, no activation", pooled(residual(nil), graph.AvgPool2D{}), "Conv2d+BatchNorm"},
		{"residual of the input", pooled(graph.Sequential{graph.Residual{Body: graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 5, Padding: graph.Same}, graph.BatchNorm{}}}, graph.ReLU}, graph.AvgPool2D{}), "Conv2d+BatchNorm+Add+ReLU"},
		{"residual, max-pooling", pooled(residual(nil, graph.ReLU), graph.MaxPool2D{}), "Conv2d+BatchNorm+Add+ReLU"},
		{"residual beside an op of Gorgonia", pooled(residual(nil, graph.ReLU, graph.Activation(gorgonia.Tanh)), graph.AvgPool2D{}), "Conv2d+BatchNorm+Add+ReLU"},
		{"dense, ReLU6", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 5}, graph.ReLU6, graph.Dense{Units: 3}}, ""},
		{"dense", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 5, Activation: graph.ReLU}, graph.Dense{Units: 3}}, "Mul+ReLU"},
		{"normalised vectors", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 5}, graph.BatchNorm{}, graph.ReLU, graph.Dense{Units: 3}}, "BatchNorm+ReLU"},
		{"dense with two consumers", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 5}, graph.Residual{Body: graph.ReLU}, graph.Dense{Units: 3}}, ""},
		{"numbers a channel", graph.Sequential{graph.Conv2D{Filters: 5, Kernel: 3}, graph.LayerFunc(expandMeans), graph.Flatten{}, graph.Dense{Units: 3}}, "Expand+Hadamard"},
		{"numbers that two read", graph.Sequential{graph.Conv2D{Filters: 5, Kernel: 3}, graph.LayerFunc(expandTwice), graph.Flatten{}, graph.Dense{Units: 3}}, ""},
	} {
		for _, double := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/float64 %v", tt.name, double), func(t *testing.T) {
				w := &graph.Weights{}
				o := graph.Options{Float64: double, InputGradient: true, Weights: w}
				fused := build(t, o, tt.layer, graph.Train, 3, 2, 12, 12)
				o.NoFusion = true
				plain := build(t, o, tt.layer, graph.Train, 3, 2, 12, 12)
				if got := fusions(fused); got != tt.fused {
					t.Errorf("fused: %q, want %q", got, tt.fused)
				}
				if got := fusions(plain); got != "" {
					t.Errorf("NoFusion fuses %q", got)
				}
				bound := 1e-5
				if double {
					bound = 1e-12
				}
				equalRuns(t, fused, plain, w, bound)
				for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
					o.NoFusion = false
					fused := build(t, o, tt.layer, mode, 3, 2, 12, 12)
					o.NoFusion = true
					equalRuns(t, fused, build(t, o, tt.layer, mode, 3, 2, 12, 12), w, bound)
				}
			})
		}
	}
}

// expandMeans multiplies images with their means, channel by channel.
func expandMeans(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	n, c := x.Shape()[0], x.Shape()[1]
	return s.Binary(op.Hadamard, s.Unary(func(f *gorgonia.Node) (*gorgonia.Node, error) {
		f, err := op.Reshape(f, n, c, 1, 1)
		if err != nil {
			return nil, err
		}
		return op.Expand(f, x.Shape()...)
	}, s.Apply(graph.GlobalAvgPool2D{}, x)), x)
}

// expandTwice multiplies images with what two readers need repeated.
func expandTwice(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	n, c := x.Shape()[0], x.Shape()[1]
	factors := s.Unary(func(f *gorgonia.Node) (*gorgonia.Node, error) {
		f, err := op.Reshape(f, n, c, 1, 1)
		if err != nil {
			return nil, err
		}
		return op.Expand(f, x.Shape()...)
	}, s.Apply(graph.GlobalAvgPool2D{}, x))
	return s.Binary(func(a, b *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(a, b) }, s.Binary(op.Hadamard, x, factors), factors)
}

// fusions lists what was fused.
func fusions(m *graph.Model) string {
	var all []string
	for _, l := range m.Layers() {
		if l.Fused != "" {
			all = append(all, l.Fused)
		}
	}
	return strings.Join(all, ", ")
}

// equalRuns compares all that two models over the weights w compute, and what
// they make of the weights' state.
func equalRuns(t *testing.T, a, b *graph.Model, w *graph.Weights, bound float64) {
	t.Helper()
	before, states := map[string][]float64{}, [2]map[string][]float64{{}, {}}
	for name, d := range w.Map() {
		before[name] = slices.Clone(numbers(d))
	}
	for i, m := range []*graph.Model{a, b} {
		for name, d := range w.Map() {
			set(d, before[name])
		}
		fill(m.Input)
		run(t, m)
		for name, d := range w.Map() {
			states[i][name] = slices.Clone(numbers(d))
		}
	}
	for name := range before {
		near(t, a.Mode.String()+": "+name, states[0][name], states[1][name], bound)
	}
	near(t, a.Mode.String()+": output", numbers(a.Output()), numbers(b.Output()), bound)
	near(t, a.Mode.String()+": loss", []float64{a.Loss()}, []float64{b.Loss()}, bound)
	if a.Mode == graph.Infer {
		return
	}
	near(t, a.Mode.String()+": gradient of the input", numbers(a.InputGrad()), numbers(b.InputGrad()), bound)
	if a.Mode != graph.Train {
		return
	}
	var got, want []float64 // of all parameters: that of a bias before a normalisation is rounding and nothing else
	for i, p := range a.Params() {
		if !strings.HasSuffix(p.Name, "conv2d/bias") {
			near(t, "gradient of "+p.Name, numbers(p.Grad()), numbers(b.Params()[i].Grad()), bound)
		}
		got, want = append(got, numbers(p.Grad())...), append(want, numbers(b.Params()[i].Grad())...)
	}
	near(t, "gradient", got, want, bound)
}

// set sets a tensor's values.
func set(d *tensor.Dense, x []float64) {
	for i, v := range x {
		if d.Dtype() == tensor.Float64 {
			d.Float64s()[i] = v
		} else {
			d.Float32s()[i] = float32(v)
		}
	}
}

// numbers returns a tensor's values in float64.
func numbers(d *tensor.Dense) []float64 {
	if d.Dtype() == tensor.Float64 {
		return d.Float64s()
	}
	var x []float64
	for _, v := range d.Float32s() {
		x = append(x, float64(v))
	}
	return x
}

// near compares with a bound relative to the largest value.
func near(t *testing.T, what string, got, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale := 1e-30
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if d := math.Abs(got[i]-want[i]) / scale; !(d <= bound) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// Gradients that are handed out have memory of their own, also where they are
// equal: training clips them in place.
func TestGradientsAreSeparate(t *testing.T) {
	sum := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		flat := func(n *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(n, 2, 3) }
		a, b := s.Param("a", graph.Ones, 2, 3), s.Param("b", graph.Ones, 2, 3)
		c, d := s.Param("c", graph.Ones, 6), s.Param("d", graph.Ones, 3, 2)
		return s.Binary(add, s.Binary(add, x, s.Binary(add, a, b)), s.Binary(add, s.Unary(flat, c), s.Unary(flat, d)))
	})
	m := build(t, graph.Options{Loss: graph.MSE{}, InputGradient: true}, sum, graph.Train, 2, 3)
	fill(m.Input)
	run(t, m)
	grads := [][]float32{m.InputGrad().Float32s()}
	for _, p := range m.Params() {
		grads = append(grads, p.Grad().Float32s())
	}
	for i, g := range grads {
		near(t, fmt.Sprint("gradient ", i), numbers(m.Params()[0].Grad()), numbers(m.InputGrad()), 1e-6)
		for _, other := range grads[:i] {
			if &g[0] == &other[0] {
				t.Errorf("gradient %d shares its memory", i)
			}
		}
	}
}

func sixes(_ *rand.Rand, values []float64, _ []int) {
	for i := range values {
		values[i] = 6
	}
}

func add(a, b *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(a, b) }
