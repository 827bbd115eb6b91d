package graph_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// TestRunContext: a run ends before its next op when its context does, and leaves a model
// that can be run again.
func TestRunContext(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Infer, graph.Train} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		armed, late := false, 0
		watch := func(name string, see func()) graph.Activation {
			return func(x *gorgonia.Node) (*gorgonia.Node, error) {
				return op.Map(x, op.Function{Name: name, F: func(v float64) float64 { see(); return v }, DF: func(float64) float64 { return 1 }})
			}
		}
		net := graph.Sequential{
			graph.Flatten{}, graph.Dense{Units: 1},
			watch("first", func() {
				if armed {
					cancel()
				}
			}),
			graph.Dense{Units: 1},
			watch("second", func() {
				if ctx.Err() != nil {
					late++
				}
			}),
		}
		w := &graph.Weights{}
		m, err := graph.Options{Weights: w}.Build(net, mode, 1, 1, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		copy(m.Input.Float32s(), []float32{1, 2, 3, 4})
		if err := m.RunContext(ctx); err != nil {
			t.Fatal(err)
		}
		want, step := slices.Clone(m.Output().Float32s()), w.Step
		armed = true
		if err := m.RunContext(ctx); !errors.Is(err, context.Canceled) || err != ctx.Err() {
			t.Errorf("%v: %v, want context.Canceled", mode, err)
		}
		if late > 0 || w.Step != step {
			t.Errorf("%v: the second op has seen %d numbers since, and the step is %d, want none and %d", mode, late, w.Step, step)
		}
		armed = false
		if err := m.RunContext(ctx); err != ctx.Err() {
			t.Errorf("%v: %v for a context that has ended", mode, err)
		}
		if err := m.Run(); err != nil || !slices.Equal(m.Output().Float32s(), want) {
			t.Errorf("%v: %v, %v, want %v as before", mode, err, m.Output().Float32s(), want)
		}
	}
}
