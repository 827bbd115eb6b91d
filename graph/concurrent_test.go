package graph_test

import (
	"sync"
	"testing"

	"tapenet/graph"
)

// TestBuildGradientsAtOnce: goroutines may build and run graphs with gradients, each
// over tensors of its own in one memory. The race detector judges, and the losses
// are equal.
func TestBuildGradientsAtOnce(t *testing.T) {
	layer := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	shared := &graph.Weights{}
	if _, err := (graph.Options{Weights: shared, Fixed: true}).Build(layer, graph.Infer, 1, 4); err != nil {
		t.Fatal(err)
	}
	const goroutines = 4
	losses, errs := make([]float64, goroutines), make([]error, goroutines)
	weights := make([]*graph.Weights, goroutines)
	for i := range weights {
		weights[i] = shared.Share()
	}
	var wait sync.WaitGroup
	for i := range goroutines {
		wait.Go(func() {
			o := graph.Options{Weights: weights[i], Fixed: true, InputGradient: true}
			g, err := o.Build(layer, graph.Eval, 2, 4)
			if err == nil {
				copy(g.Input.Float32s(), []float32{1, 2, 3, 4, 0, 1, 0, 1})
				err = g.Run()
			}
			if errs[i] = err; err == nil {
				losses[i] = g.Loss()
			}
		})
	}
	wait.Wait()
	for i := range goroutines {
		if errs[i] != nil || losses[i] != losses[0] || losses[i] == 0 {
			t.Errorf("goroutine %d: loss %v, error %v, want %v", i, losses[i], errs[i], losses[0])
		}
	}
}

// TestWeightsShare: other tensors, the same memory, and fixed as before.
func TestWeightsShare(t *testing.T) {
	layer := graph.Dense{Units: 3}
	w := &graph.Weights{}
	if _, err := (graph.Options{Weights: w}).Build(layer, graph.Infer, 1, 4); err != nil {
		t.Fatal(err)
	}
	s := w.Share()
	if got, want := len(s.Names()), 2; got != want {
		t.Fatalf("%d tensors, want %d", got, want)
	}
	for _, name := range s.Names() {
		a, b := w.Get(name), s.Get(name)
		if a == b || &a.Float32s()[0] != &b.Float32s()[0] || !a.Shape().Eq(b.Shape()) {
			t.Errorf("%s: want another tensor of %v with the same memory", name, a.Shape())
		}
	}
	if _, err := (graph.Options{Weights: s}).Build(layer, graph.Train, 1, 4); err != nil {
		t.Errorf("training of shared weights: %v", err)
	}
	if _, err := (graph.Options{Weights: w, Fixed: true}).Build(layer, graph.Infer, 2, 4); err != nil {
		t.Errorf("fixed graph of the first: %v", err)
	}
	_, err := (graph.Options{Weights: w.Share()}).Build(layer, graph.Train, 1, 4)
	if err == nil {
		t.Error("training of what is fixed for others, want an error")
	}
}
