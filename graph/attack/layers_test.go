package attack_test

import (
	"math"
	"sync/atomic"

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

// rounding is x rounded to the given number of levels from 0 to 1. Its gradient is zero.
type rounding struct{ levels float64 }

func (r rounding) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("rounding").Node(op.Map(x, op.Function{
		Name: "round", F: func(x float64) float64 { return math.Round(x*(r.levels-1)) / (r.levels - 1) }, DF: func(float64) float64 { return 0 },
	}))
}

// noisy adds numbers that never come twice (fractions of the multiples of the golden ratio),
// whatever the batch and the number of threads, to all of a tensor.
type noisy struct{ runs *atomic.Uint64 }

func (n noisy) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("noisy").Node(op.Map(x, op.Function{
		Name: "noise",
		F: func(x float64) float64 {
			_, fraction := math.Modf(float64(n.runs.Add(1)) * math.Phi)
			return x + fraction/10
		},
		DF: func(float64) float64 { return 1 },
	}))
}

// softMax hands over probabilities.
type softMax struct{}

func (softMax) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("softmax").Node(op.SoftMax(x))
}
