package graph_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
)

// Wherever a convolution and a pooling meet, fused and unfused networks compute
// the same: loss, output, and the gradients of parameters and input.
func TestFusionChangesNothing(t *testing.T) {
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}
	pooled := func(c graph.Layer, p graph.Layer) graph.Layer {
		return graph.Sequential{c, p, graph.Flatten{}, graph.Dense{Units: 3}}
	}
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		fused bool
	}{
		{"plain", pooled(conv, graph.MaxPool2D{}), true},
		{"no activation", pooled(graph.Conv2D{Filters: 4, Kernel: 3}, graph.MaxPool2D{}), true},
		{"no bias", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU, NoBias: true}, graph.MaxPool2D{}), true},
		{"groups, padding, dilation", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Groups: 2, Padding: graph.Same, Dilation: 2, Activation: graph.ReLU}, graph.MaxPool2D{}), true},
		{"windows of 3", pooled(conv, graph.MaxPool2D{Size: 3}), true},
		{"overlapping windows", pooled(conv, graph.MaxPool2D{Size: 3, Stride: 2}), false},
		{"padded windows", pooled(conv, graph.MaxPool2D{Size: 2, Padding: graph.Pad(1)}), false},
		{"another activation", pooled(graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.Tanh}, graph.MaxPool2D{}), false},
		{"average", pooled(conv, graph.AvgPool2D{}), false},
		{"two consumers of the activation", graph.Sequential{graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			a := s.Apply(conv, x)
			return s.Binary(binary, s.Apply(graph.MaxPool2D{}, a), s.Apply(graph.AvgPool2D{}, a))
		}), graph.Flatten{}, graph.Dense{Units: 3}}, true},
		{"two poolings", graph.Sequential{conv, graph.Concat{graph.MaxPool2D{}, graph.MaxPool2D{}}, graph.Flatten{}, graph.Dense{Units: 3}}, true},
		{"after a layer", graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 1}, conv, graph.MaxPool2D{}, graph.Flatten{}, graph.Dense{Units: 3}}, true},
		{"beside an op of Gorgonia", pooled(conv, graph.Sequential{graph.MaxPool2D{}, graph.Activation(gorgonia.Tanh)}), true},
	} {
		for _, double := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/float64 %v", tt.name, double), func(t *testing.T) {
				w := &graph.Weights{}
				o := graph.Options{Float64: double, InputGradient: true, Weights: w}
				fused := build(t, o, tt.layer, graph.Train, 3, 2, 12, 12)
				o.NoFusion = true
				plain := build(t, o, tt.layer, graph.Train, 3, 2, 12, 12)
				if got := slices.ContainsFunc(fused.Layers(), func(l graph.LayerInfo) bool { return l.Fused != "" }); got != tt.fused {
					t.Errorf("fused: %v, want %v", got, tt.fused)
				}
				if slices.ContainsFunc(plain.Layers(), func(l graph.LayerInfo) bool { return l.Fused != "" }) {
					t.Error("NoFusion fuses")
				}
				for _, m := range []*graph.Model{fused, plain} {
					fill(m.Input)
					run(t, m)
				}
				bound := 1e-5
				if double {
					bound = 1e-12
				}
				near(t, "output", numbers(fused.Output()), numbers(plain.Output()), bound)
				near(t, "loss", []float64{fused.Loss()}, []float64{plain.Loss()}, bound)
				near(t, "gradient of the input", numbers(fused.InputGrad()), numbers(plain.InputGrad()), bound)
				for i, p := range fused.Params() {
					near(t, "gradient of "+p.Name, numbers(p.Grad()), numbers(plain.Params()[i].Grad()), bound)
				}
			})
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
