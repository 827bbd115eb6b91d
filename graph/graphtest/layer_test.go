package graphtest_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestLayer(t *testing.T) {
	graphtest.Layer(t, graphtest.Case{
		Layer: graph.Sequential{
			graph.Conv2D{Filters: 3, Kernel: 3, Activation: graph.Tanh},
			graph.BatchNorm{},
			graph.Dropout{Rate: 0.3},
			graph.Flatten{},
			graph.Dense{Units: 4},
		},
		Input:  []int{2, 5, 4},
		Output: []int{4},
		Bad:    []graphtest.Bad{{Input: []int{5}, Error: "want images (N,C,H,W)"}, {Input: []int{2, 2, 4}, Error: "does not fit"}},
	})
}

// TestLayerFinds runs the kit on layers that are wrong in one way each: it has
// to find exactly that.
func TestLayerFinds(t *testing.T) {
	tests := []struct {
		name string
		c    graphtest.Case
		want []string // the checks that fail, with a part of what they say
	}{
		{"wrong gradient", graphtest.Case{Layer: fake{backward: scale(2)}},
			[]string{"gradient: graphtest: the gradient of input is wrong: element 0"}},
		{"wrong gradient of a parameter", graphtest.Case{Layer: graph.LayerFunc(weighted)},
			[]string{"gradient: graphtest: the gradient of scale is wrong"}},
		{"wrong shape", graphtest.Case{Layer: graph.Flatten{}, Output: []int{5}},
			[]string{"shapes: output is (1, 4) in mode train, want (1, 5)"}},
		{"bad input accepted", graphtest.Case{Layer: graph.Flatten{}, Bad: []graphtest.Bad{{Input: []int{3}, Error: "oh"}}},
			[]string{`errors: input [3] is accepted, want error "oh"`}},
		{"other error", graphtest.Case{Layer: graph.Dense{Units: 4}, Bad: []graphtest.Bad{{Error: "too small"}}},
			[]string{`errors: input []: got error "graph: dense: input is (1)`}},
		{"no error in time", graphtest.Case{Layer: graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Errorf("oh") })},
			[]string{"gradient: graph: oh", "shapes: ", "unchanged: ", "batch: ", "modes: ", "saving: ", "repeatable: ", "allocations: ", "lanes: "}},
		{"parameter changed", graphtest.Case{Layer: graph.LayerFunc(decaying)},
			[]string{"gradient: ", "unchanged: a run in mode train changes scale, element 0", "batch: "}},
		{"input changed", graphtest.Case{Layer: fake{forward: func(y, x []float64) { x[0] = 0.5 }}},
			[]string{"gradient: ", "unchanged: a run in mode train changes input, element 0", "batch: ", "repeatable: "}},
		{"state changed in inference", graphtest.Case{Layer: graph.LayerFunc(moving)},
			[]string{"unchanged: a run in mode eval changes mean"}},
		{"depends on the batch", graphtest.Case{Layer: fake{forward: centred, backward: centred}},
			[]string{"batch: sample 0 alone differs from sample 0 of 3: output, element 0"}},
		{"not finite", graphtest.Case{Layer: graph.LayerFunc(logarithm)},
			[]string{"gradient: ", "modes: "}},
		{"not saved", graphtest.Case{Layer: &forgetful{}},
			[]string{"saving: another network with the saved weights differs: output", "batch: ", "modes: ", "repeatable: "}},
		{"never the same", graphtest.Case{Layer: fake{forward: noisy}},
			[]string{"gradient: ", "batch: ", "modes: mode eval differs from infer: output", "saving: ", "repeatable: mode train: a second run differs"}},
		{"unseeded weights", graphtest.Case{Layer: graph.Dense{Units: 4, WeightInit: unseeded}},
			[]string{"modes: ", "repeatable: mode train: equal seeds give different weights: dense/weight"}},
		{"depends on the processors", graphtest.Case{Layer: fake{forward: func(y, x []float64) { y[0] = x[0] + float64(runtime.GOMAXPROCS(0))/10 }}},
			[]string{"batch: ", "repeatable: mode train: a run on two processors differs from one"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.Input = []int{4}
			err := test.c.Check()
			if err == nil {
				t.Fatalf("no error, want %q", test.want)
			}
			found := strings.Split(err.Error(), "\n")
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", found, want)
				}
			}
			if len(found) != len(test.want) {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}

// weighted multiplies by a parameter, whose gradient it loses.
func weighted(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := s.Param("scale", graph.Ones, 4, 4)
	w = s.Unary(func(w *gorgonia.Node) (*gorgonia.Node, error) { return fake{backward: scale(0)}.apply(w) }, w)
	return s.Binary(gorgonia.Mul, x, w)
}

// decaying multiplies by a parameter that gets smaller at each run.
func decaying(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := s.Param("scale", graph.Ones, 4, 4)
	w = s.Unary(func(w *gorgonia.Node) (*gorgonia.Node, error) {
		return fake{forward: func(y, x []float64) { scale(0.5)(x, x) }}.apply(w)
	}, w)
	return s.Binary(gorgonia.Mul, x, w)
}

// moving normalises with the batch's statistics, and moves the running ones,
// in every mode.
func moving(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	mean := s.State("mean", graph.Zeros, 4)
	ones := s.State("ones", graph.Ones, 4)
	return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) {
		mean, err := fake{forward: func(y, x []float64) { clear(y); x[0]++ }, backward: scale(0)}.apply(mean)
		if err != nil {
			return nil, err
		}
		return op.BatchNorm(x, ones, ones, mean, ones, op.Norm{Epsilon: 1e-3})
	}, x)
}

// logarithm is NaN for negative numbers.
func logarithm(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return fake{forward: func(y, x []float64) {
		for i, v := range x {
			y[i] = math.Log(v)
		}
	}}.Build(s, x)
}

// forgetful keeps a parameter to itself.
type forgetful struct{ builds int }

func (f *forgetful) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	f.builds++
	by := float64(f.builds)
	return fake{forward: scale(by), backward: scale(by)}.Build(s, x)
}

// centred subtracts the mean of the whole batch.
func centred(y, x []float64) {
	var mean float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i, v := range x {
		y[i] = v - mean
	}
}

func noisy(y, x []float64) {
	for i, v := range x {
		y[i] = v + rand.Float64()
	}
}

func unseeded(_ *rand.Rand, values []float64, _ []int) {
	for i := range values {
		values[i] = rand.Float64()
	}
}
