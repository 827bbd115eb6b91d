package graph_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// denseWeights are those of a Dense that maps 2 values to 3.
func denseWeights(t *testing.T, o graph.Options) *graph.Weights {
	t.Helper()
	o.Weights = &graph.Weights{}
	build(t, o, graph.Dense{Units: 3}, graph.Infer, 1, 2)
	return o.Weights
}

func matrix(values ...float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(values))
}

func vector(values ...float32) *tensor.Dense { return tensor.New(tensor.WithBacking(values)) }

func TestWeightsByName(t *testing.T) {
	w := denseWeights(t, graph.Options{})
	if got, want := w.Names(), []string{"dense/bias", "dense/weight"}; !slices.Equal(got, want) {
		t.Errorf("Names: got %q, want %q", got, want)
	}
	if got := w.Get("dense/weight"); got == nil || !got.Shape().Eq(tensor.Shape{2, 3}) {
		t.Errorf("Get: got %v, want a tensor (2,3)", got)
	}
	if got := w.Get("weight"); got != nil {
		t.Errorf("Get of no name: got %v, want nil", got)
	}
	all := w.Map()
	if len(all) != 2 || all["dense/weight"] != w.Get("dense/weight") {
		t.Errorf("Map: got %v, want the network's own tensors", all)
	}
	clear(all)
	if len(w.Names()) != 2 {
		t.Error("a change of the map changes the weights")
	}
}

func TestWeightsZeroValue(t *testing.T) {
	var w graph.Weights
	if w.Names() != nil || w.Get("x") != nil || len(w.Map()) != 0 {
		t.Error("the zero value is not empty")
	}
	if err := w.Load(nil); err != nil {
		t.Errorf("Load of nothing: %v", err)
	}
}

func TestWeightsLoad(t *testing.T) {
	double := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 0.1}))
	tall := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, 4, 2, 5, 3, 6}))
	turned := tall.Clone().(*tensor.Dense)
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	wide := tensor.New(tensor.WithShape(2, 4), tensor.WithBacking([]float32{1, 2, 3, 0, 4, 5, 6, 0}))
	view, err := wide.Slice(nil, tensor.S(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		from *tensor.Dense
		want []float32
	}{
		{"float32", matrix(1, 2, 3, 4, 5, 6), []float32{1, 2, 3, 4, 5, 6}},
		{"float64", double, []float32{1, 2, 3, 4, 5, 0.1}},
		{"transposed view", turned, []float32{1, 2, 3, 4, 5, 6}},
		{"slice of a larger tensor", view.(*tensor.Dense), []float32{1, 2, 3, 4, 5, 6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := denseWeights(t, graph.Options{})
			own := w.Get("dense/weight")
			if err := w.Load(map[string]*tensor.Dense{"dense/weight": tt.from, "dense/bias": vector(7, 8, 9)}); err != nil {
				t.Fatal(err)
			}
			if w.Get("dense/weight") != own {
				t.Error("Load replaced the tensor, want its values")
			}
			close32(t, "weight", own.Float32s(), tt.want, 0)
			close32(t, "bias", w.Get("dense/bias").Float32s(), []float32{7, 8, 9}, 0)
		})
	}
}

func TestWeightsLoadFloat64(t *testing.T) {
	w := denseWeights(t, graph.Options{Float64: true})
	if err := w.Load(map[string]*tensor.Dense{"dense/weight": matrix(1, 2, 3, 4, 5, 6), "dense/bias": vector(7, 8, 9)}); err != nil {
		t.Fatal(err)
	}
	if got := w.Get("dense/weight").Float64s(); !slices.Equal(got, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("got %v", got)
	}
}

// Load copies: the caller keeps its tensors.
func TestWeightsLoadCopies(t *testing.T) {
	w, other := denseWeights(t, graph.Options{Seed: 1}), denseWeights(t, graph.Options{Seed: 2})
	if err := w.Load(other.Map()); err != nil {
		t.Fatal(err)
	}
	other.Get("dense/weight").Float32s()[0]++
	if w.Get("dense/weight").Float32s()[0] == other.Get("dense/weight").Float32s()[0] {
		t.Error("the networks share a tensor after Load")
	}
}

func TestWeightsLoadErrors(t *testing.T) {
	good := map[string]*tensor.Dense{"dense/weight": matrix(1, 2, 3, 4, 5, 6), "dense/bias": vector(7, 8, 9)}
	tests := []struct {
		name   string
		change func(m map[string]*tensor.Dense)
		want   string
	}{
		{"missing", func(m map[string]*tensor.Dense) { delete(m, "dense/weight") },
			"graph: tensor dense/weight is missing, want one of (2, 3)"},
		{"nil", func(m map[string]*tensor.Dense) { m["dense/weight"] = nil },
			"graph: tensor dense/weight is missing, want one of (2, 3)"},
		{"extra", func(m map[string]*tensor.Dense) { m["dense/scale"] = vector(1) },
			"graph: the network has no tensor \"dense/scale\", it has [dense/bias dense/weight]"},
		{"wrong shape", func(m map[string]*tensor.Dense) { m["dense/weight"] = vector(1, 2, 3, 4, 5, 6) },
			"graph: tensor dense/weight is (6), the network's is (2, 3)"},
		{"integers", func(m map[string]*tensor.Dense) { m["dense/bias"] = tensor.New(tensor.WithBacking([]int{1, 2, 3})) },
			"graph: tensor dense/bias holds int, want float32 or float64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := denseWeights(t, graph.Options{})
			before := slices.Clone(w.Get("dense/weight").Float32s())
			from := maps.Clone(good)
			tt.change(from)
			if err := w.Load(from); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			close32(t, "weight after the error", w.Get("dense/weight").Float32s(), before, 0)
			close32(t, "bias after the error", w.Get("dense/bias").Float32s(), []float32{0, 0, 0}, 0)
		})
	}
}

// Graphs that share weights have to agree on them.
func TestWeightsOfAnotherNetwork(t *testing.T) {
	w := denseWeights(t, graph.Options{})
	for _, tt := range []struct {
		name string
		o    graph.Options
		in   int
		want string
	}{
		{"shape", graph.Options{}, 5, "graph: dense: dense/weight is (5, 3) of float32, but was (2, 3) of float32 in another graph of the network"},
		{"precision", graph.Options{Float64: true}, 2, "graph: dense: dense/weight is (2, 3) of float64, but was (2, 3) of float32 in another graph of the network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Weights = w
			if _, err := tt.o.Build(graph.Dense{Units: 3}, graph.Infer, 1, tt.in); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// A tensor that is stored column by column is refused, not read in the wrong
// order.
func TestWeightsColumnMajor(t *testing.T) {
	columns := map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float32{1, 4, 2, 5, 3, 6})),
		"dense/bias":   tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0, 0, 0})),
	}
	const want = "tensor dense/weight is stored column by column"
	w := &graph.Weights{}
	build(t, graph.Options{Weights: w}, graph.Dense{Units: 3}, graph.Infer, 1, 2)
	if err := w.Load(columns); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Load: got %v, want %s", err, want)
	}
	_, err := graph.Options{Weights: &graph.Weights{From: columns}}.Build(graph.Dense{Units: 3}, graph.Infer, 1, 2)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("From: got %v, want %s", err, want)
	}
}
