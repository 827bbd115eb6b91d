package graph_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// given is x·w + b + c with values that are there already.
func given(w, b, c []float32) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		y := s.Node(op.Mul(x, s.ParamOf("w", w, 2, 3), s.StateOf("b", b, 3)))
		return s.Node(op.Shift(y, s.Constant("c", c, 3)))
	})
}

// TestGivenValues: first values that are given are the network's, in both
// precisions; a constant is not among the weights.
func TestGivenValues(t *testing.T) {
	layer := given([]float32{1, 2, 3, 4, 5, 6}, []float32{0.5, 0, 0}, []float32{0, 0, 100})
	for _, double := range []bool{false, true} {
		o := graph.Options{Float64: double, Weights: &graph.Weights{}, Loss: graph.MSE{}}
		m := build(t, o, layer, graph.Infer, 1, 2)
		set(m.Input, []float64{1, 10})
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		if got, want := float64s(m.Output()), []float64{41.5, 52, 163}; !slices.Equal(got, want) {
			t.Errorf("Float64 %v: got %v, want %v", double, got, want)
		}
		if got := o.Weights.Names(); !slices.Equal(got, []string{"b", "w"}) {
			t.Errorf("weights %v, want b and w", got)
		}
	}
}

// TestGivenCopies: a network has values of its own, unless they are fixed.
func TestGivenCopies(t *testing.T) {
	w, b := []float32{1, 2, 3, 4, 5, 6}, []float32{0.5, 0, 0}
	layer := given(w, b, []float32{0, 0, 0})
	for _, fixed := range []bool{false, true} {
		o := graph.Options{Fixed: fixed, Weights: &graph.Weights{}}
		build(t, o, layer, graph.Infer, 1, 2)
		if shared := &o.Weights.Get("w").Float32s()[0] == &w[0]; shared != fixed {
			t.Errorf("Fixed %v: the values are shared: %v", fixed, shared)
		}
		from := o.Weights.Map()
		again := graph.Options{Fixed: fixed, Weights: &graph.Weights{From: from}}
		build(t, again, layer, graph.Infer, 1, 2)
		got := again.Weights.Get("w")
		if shared := &got.Float32s()[0] == &from["w"].Float32s()[0]; shared != fixed || got == from["w"] {
			t.Errorf("Fixed %v: From's values are shared: %v, and the tensor: %v", fixed, shared, got == from["w"])
		}
	}
}

// TestFixedOfOtherKinds: what does not fit as it is is copied all the same.
func TestFixedOfOtherKinds(t *testing.T) {
	tall := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, 4, 2, 5, 3, 6}))
	turned := tall.Clone().(*tensor.Dense)
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	double := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	for name, from := range map[string]*tensor.Dense{"float64": double, "transposed view": turned} {
		o := graph.Options{Fixed: true, Weights: &graph.Weights{From: map[string]*tensor.Dense{"dense/weight": from, "dense/bias": vector(7, 8, 9)}}}
		build(t, o, graph.Dense{Units: 3}, graph.Infer, 1, 2)
		if got := o.Weights.Get("dense/weight").Float32s(); !slices.Equal(got, []float32{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s: got %v, want 1 to 6", name, got)
		}
	}
}

// TestFixedIsNotTrained: fixed weights are refused for training, whichever comes
// first, and not loaded into.
func TestFixedIsNotTrained(t *testing.T) {
	dense := graph.Dense{Units: 3}
	if _, err := (graph.Options{Fixed: true}).Build(dense, graph.Train, 1, 2); err == nil || !strings.Contains(err.Error(), "want Options.Fixed unset for a graph in Train mode") {
		t.Errorf("Train with Fixed: error %v", err)
	}
	first := graph.Options{Weights: &graph.Weights{}}
	build(t, first, dense, graph.Train, 1, 2)
	first.Fixed = true
	if _, err := first.Build(dense, graph.Infer, 1, 2); err == nil || !strings.Contains(err.Error(), "fixed weights that another graph trains") {
		t.Errorf("Fixed after Train: error %v", err)
	}
	fixed := graph.Options{Weights: &graph.Weights{}, Fixed: true}
	build(t, fixed, dense, graph.Infer, 1, 2)
	build(t, fixed, dense, graph.Eval, 1, 2)
	if err := fixed.Weights.Load(fixed.Weights.Map()); err == nil || !strings.Contains(err.Error(), "the weights are fixed") {
		t.Errorf("Load into fixed weights: error %v", err)
	}
	fixed.Fixed = false
	build(t, fixed, dense, graph.Infer, 1, 2)
	if _, err := fixed.Build(dense, graph.Train, 1, 2); err == nil || !strings.Contains(err.Error(), "training of weights that are fixed for another graph") {
		t.Errorf("Train after Fixed: error %v", err)
	}
}

func TestGivenErrors(t *testing.T) {
	tests := []struct {
		name  string
		build func(s *graph.Scope) *gorgonia.Node
		want  string
	}{
		{"size", func(s *graph.Scope) *gorgonia.Node { return s.ParamOf("w", []float32{1, 2}, 3) }, "graph: own: w has 2 values, want 3 of shape (3)"},
		{"constant's size", func(s *graph.Scope) *gorgonia.Node { return s.Constant("c", nil, 3) }, "graph: own: c has 0 values, want 3 of shape (3)"},
		{"shape", func(s *graph.Scope) *gorgonia.Node { return s.StateOf("w", nil, 0) }, "graph: own: w has shape (0), want positive dimensions"},
		{"no values", func(s *graph.Scope) *gorgonia.Node { return s.ParamOf("w", nil, 3) }, "graph: own: w has no init"},
		{"twice", func(s *graph.Scope) *gorgonia.Node {
			s.Constant("c", []float32{1}, 1)
			return s.ParamOf("c", []float32{1}, 1)
		}, "graph: own: c is defined twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := graph.Build(graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				tt.build(s.Sub("own"))
				return x
			}), graph.Infer, 1, 2)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestFixedTakesNoMemory: a network of fixed weights adds next to nothing to them.
func TestFixedTakesNoMemory(t *testing.T) {
	from := map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1000, 1000)),
		"dense/bias":   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1000)),
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	build(t, graph.Options{Fixed: true, Weights: &graph.Weights{From: from}}, graph.Dense{Units: 1000}, graph.Infer, 1, 1000)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("building took %d bytes beside weights of 4 MB, want less than 1 MB", took)
	}
}

// float64s are a tensor's values.
func float64s(d *tensor.Dense) []float64 {
	if d.Dtype() == tensor.Float64 {
		return d.Float64s()
	}
	var values []float64
	for _, v := range d.Float32s() {
		values = append(values, float64(v))
	}
	return values
}
