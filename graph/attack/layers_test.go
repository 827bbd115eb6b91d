package attack_test

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// affine is x·scale+shift.
type affine struct{ scale, shift float64 }

func (a affine) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("affine").Node(op.Map(x, op.Function{
		Name: "affine", F: func(x float64) float64 { return x*a.scale + a.shift }, DF: func(float64) float64 { return a.scale },
	}))
}

// renamed are the weights of a network behind one more layer of its own name: the
// layers of a Sequential in a Sequential have the paths that they have alone.
func renamed(w *graph.Weights) *graph.Weights {
	return &graph.Weights{From: map[string]*tensor.Dense(w.Map())}
}
