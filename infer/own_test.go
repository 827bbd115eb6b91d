package infer

import (
	"errors"
	"hash"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/weights"
)

// small returns a predictor of a network of our own, for 1×2×2 images, with the
// model it was made from.
func small(t testing.TB) (*Predictor, weights.Model) {
	t.Helper()
	m := smallModel()
	p, err := New(smallNet, m)
	if err != nil {
		t.Fatal(err)
	}
	return p, m
}

var smallNet = graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}

func smallModel() weights.Model {
	return weights.Model{
		Input:   [3]int{1, 2, 2},
		Classes: []string{"one", "two", "three"},
		Tensors: map[string]*tensor.Dense{
			"dense/weight": tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]float32{
				1, 0, 0,
				0, 1, 0,
				0, 0, 1,
				0, 0, 0,
			})),
			"dense/bias": tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0, 0, 0})),
		},
	}
}

func TestNew(t *testing.T) {
	p, m := small(t)
	if p.Input != m.Input || strings.Join(p.Classes, " ") != "one two three" {
		t.Errorf("input %v, classes %q, want those of the model", p.Input, p.Classes)
	}
	for i, x := range [][]float32{{9, 0, 0, 5}, {0, 9, 0, 5}, {0, 0, 9, 5}} {
		if got := predict(t, p, [][]float32{x})[0]; got.Class != i || got.Label != m.Classes[i] || got.Probabilities[i] < 0.99 {
			t.Errorf("%v gives %+v, want class %d", x, got, i)
		}
	}
}

func TestNewErrors(t *testing.T) {
	tests := []struct {
		name   string
		layer  graph.Layer
		change func(*weights.Model)
		want   string
	}{
		{"no layer", nil, func(*weights.Model) {}, "layer is nil"},
		{"layer that does not fit", graph.Conv2D{Filters: 1, Kernel: 3}, func(m *weights.Model) {
			m.Tensors = map[string]*tensor.Dense{
				"conv2d/weight": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1, 1, 3, 3)),
				"conv2d/bias":   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1)),
			}
		}, "kernel 3"},
		{"no input", smallNet, func(m *weights.Model) { m.Input = [3]int{} }, "want positive dimensions"},
		{"other input", smallNet, func(m *weights.Model) { m.Input = [3]int{1, 1, 2} }, "tensor dense/weight is (4, 3), the network's is (2, 3)"},
		{"too few classes", smallNet, func(m *weights.Model) { m.Classes = m.Classes[:2] }, "infer: the network's output is (1, 3), want (1,2) for the classes [one two]"},
		{"no tensors", smallNet, func(m *weights.Model) { m.Tensors = nil }, "tensor dense/bias is missing, want one of (3)"},
		{"images as output", graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Unary(op.ReLU, x) }),
			func(m *weights.Model) { m.Tensors = nil }, "(1, 1, 2, 2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := smallModel()
			tt.change(&m)
			p, err := New(tt.layer, m)
			wantError(t, err, tt.want)
			if p != nil {
				t.Errorf("a predictor beside the error")
			}
		})
	}
}

// TestNewCopiesOnce: with its graph, a predictor takes one copy of the weights and
// little more.
func TestNewCopiesOnce(t *testing.T) {
	const n = 2000
	m := weights.Model{Input: [3]int{1, 1, n}, Classes: make([]string, n), Tensors: map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n, n)),
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := New(graph.Sequential{graph.Flatten{}, graph.Dense{Units: n, NoBias: true}}, m)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(4*n*n*11/10); took > most {
		t.Errorf("took %d MB, want at most %d", took>>20, most>>20)
	}
	x := make([]float32, n)
	x[0] = 1
	m.Tensors["dense/weight"].Float32s()[7] = 100 // as training might
	predictions, err := p.Predict([][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	if got := predictions[0].Probabilities[7]; got > 0.1 {
		t.Errorf("class 7 is %v probable, want no more than the others: the weights are shared with the caller's", got)
	}
}

// failing is a layer whose graph fails when it runs.
type failing struct{}

func (failing) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Op(failingOp{s.Unary(op.ReLU, s.Apply(graph.Flatten{}, x)).Op()}, s.Apply(graph.Flatten{}, x))
}

type failingOp struct{ gorgonia.Op }

func (failingOp) Do(...gorgonia.Value) (gorgonia.Value, error) { return nil, errors.New("no luck") }
func (o failingOp) WriteHash(h hash.Hash)                      { h.Write([]byte("failing")) }
func (o failingOp) Hashcode() uint32                           { return 1 }

// wantError demands an error of one line that has all parts.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want one with %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has several lines", err)
	}
}
