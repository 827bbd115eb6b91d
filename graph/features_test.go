package graph_test

import (
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// TestFeatures: they are what the network without its last product computes.
func TestFeatures(t *testing.T) {
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}
	hidden := graph.Sequential{conv, graph.Flatten{}, graph.Dense{Units: 5, Activation: graph.ReLU}}
	pixels := graph.Conv2D{Filters: 3, Kernel: 1}
	for _, tt := range []struct {
		name        string
		layer, body graph.Layer
	}{
		{"a Dense", graph.Sequential{hidden, graph.Dense{Units: 3}}, hidden},
		{"a Dense without bias", graph.Sequential{hidden, graph.Dense{Units: 3, NoBias: true}}, hidden},
		{"a Dense with an activation", graph.Sequential{hidden, graph.Dense{Units: 3, Activation: graph.Tanh}}, hidden},
		{"a Dense of the input's values", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}, graph.Flatten{}},
		{"a convolution and its mean", graph.Sequential{conv, pixels, graph.GlobalAvgPool2D{}}, conv},
		{"a BatchNorm behind", graph.Sequential{hidden, graph.Dense{Units: 3}, graph.BatchNorm{}}, hidden},
	} {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			t.Run(tt.name+"/"+mode.String(), func(t *testing.T) {
				w := &graph.Weights{}
				m := build(t, graph.Options{Weights: w, Features: true}, tt.layer, mode, 2, 2, 6, 6)
				fill(m.Input)
				run(t, m)
				part := build(t, graph.Options{Weights: w}, tt.body, graph.Infer, 2, 2, 6, 6)
				fill(part.Input)
				run(t, part)
				if !m.Features().Shape().Eq(part.OutputShape()) {
					t.Fatalf("features %v, want %v", m.Features().Shape(), part.OutputShape())
				}
				close32(t, "features", m.Features().Float32s(), part.Output().Float32s(), 1e-5)
			})
		}
	}
	if m := build(t, graph.Options{}, hidden, graph.Infer, 1, 2, 6, 6); m.Features() != nil {
		t.Errorf("features %v, asked for nothing", m.Features())
	}
}

// TestFeaturesOfInput: a product of the input itself reads the input.
func TestFeaturesOfInput(t *testing.T) {
	m := build(t, graph.Options{Features: true}, graph.Dense{Units: 3}, graph.Infer, 2, 4)
	fill(m.Input)
	run(t, m)
	close32(t, "features", m.Features().Float32s(), m.Input.Float32s(), 0)
}

func TestNoFeatures(t *testing.T) {
	end := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	twice := layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Node(op.Add(x, x)) })
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		want  string
	}{
		{"no product", graph.Flatten{}, "graph: no features: before the output (2, 16) there is no Dense and no convolution, want one"},
		{"a sum", graph.Sequential{end, twice}, "graph: no features: the output (2, 3) joins several by Add, want a Dense or a convolution at the network's end"},
		{"an op of Gorgonia", graph.Sequential{end, graph.Activation(gorgonia.Tanh)},
			"graph: no features: before the output (2, 3) there is no Dense and no convolution, want one"},
	} {
		_, err := graph.Options{Features: true}.Build(tt.layer, graph.Infer, 2, 1, 4, 4)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}
