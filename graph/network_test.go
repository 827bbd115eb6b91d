package graph_test

import (
	"slices"
	"testing"

	"tapenet/graph"
)

func network(t testing.TB, l graph.Layer, o graph.Options, input ...int) *graph.Network {
	t.Helper()
	n, err := graph.NewNetwork(l, input, o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func model(t testing.TB, n *graph.Network, mode graph.Mode, batch int) *graph.Model {
	t.Helper()
	m, err := n.Model(mode, batch)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNetworkKeepsModels(t *testing.T) {
	input := []int{2}
	n, err := graph.NewNetwork(graph.Dense{Units: 2}, input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	input[0] = 5 // the caller's own from now on
	train := model(t, n, graph.Train, 3)
	if model(t, n, graph.Train, 3) != train {
		t.Error("the second call for a mode and batch size builds another model")
	}
	if model(t, n, graph.Train, 4) == train || model(t, n, graph.Eval, 3) == train {
		t.Error("another batch size or mode gives the same model")
	}
	if got := train.Input.Shape(); !slices.Equal(got, []int{3, 2}) {
		t.Errorf("input is %v, want (3, 2)", got)
	}
}

func TestNetworkErrors(t *testing.T) {
	if n, err := graph.NewNetwork(graph.Dense{}, []int{2}, graph.Options{}); err == nil || n != nil {
		t.Errorf("NewNetwork of a layer that does not fit: got %v, %v, want nil and an error", n, err)
	}
	n := network(t, graph.Dense{Units: 2}, graph.Options{}, 2)
	for _, tt := range []struct {
		mode  graph.Mode
		batch int
		want  string
	}{
		{graph.Train, 0, "graph: batch size 0, want a positive number"},
		{graph.Infer, -2, "graph: batch size -2, want a positive number"},
		{graph.Mode(9), 1, "graph: no mode Mode(9)"},
	} {
		if _, err := n.Model(tt.mode, tt.batch); err == nil || err.Error() != tt.want {
			t.Errorf("Model(%v, %d): got %v, want %s", tt.mode, tt.batch, err, tt.want)
		}
	}
}

// All graphs of a network read the same tensors, so that each sees at once
// what another one's training changes.
func TestNetworkSharesWeights(t *testing.T) {
	n := network(t, smallCNN(), graph.Options{Seed: 5}, 1, 8, 8)
	train := model(t, n, graph.Train, 2)
	eval, infer := model(t, n, graph.Eval, 2), model(t, n, graph.Infer, 2)
	fill(eval.Input)
	fill(infer.Input)
	run(t, eval)
	before := slices.Clone(eval.Output().Float32s())
	if !slices.Equal(eval.Params()[0].Value.Float32s(), n.Weights.Get(train.Params()[0].Name).Float32s()) ||
		eval.Params()[0].Value != train.Params()[0].Value {
		t.Error("Eval and Train have tensors of their own")
	}
	fill(train.Input)
	run(t, train)
	step(train, 0.5)
	run(t, eval)
	run(t, infer)
	if slices.Equal(before, eval.Output().Float32s()) {
		t.Error("Eval does not see the training step")
	}
	if !slices.Equal(eval.Output().Float32s(), infer.Output().Float32s()) {
		t.Error("Eval and Infer differ")
	}
	if n.Weights.Step != 1 {
		t.Errorf("Step is %d after one training run and three others, want 1", n.Weights.Step)
	}
}

// Training on one batch makes the loss fall: gradients, weights and modes fit
// together.
func TestNetworkLearns(t *testing.T) {
	n := network(t, smallCNN(), graph.Options{Seed: 5}, 1, 8, 8)
	train, eval := model(t, n, graph.Train, 6), model(t, n, graph.Eval, 6)
	for _, m := range []*graph.Model{train, eval} {
		fill(m.Input)
		copy(m.Target.Float32s(), []float32{0, 1, 2, 0, 1, 2})
	}
	for range 60 {
		run(t, train)
		step(train, 0.1)
	}
	run(t, eval)
	if loss := eval.Loss(); !(loss < 0.2) {
		t.Errorf("loss after 60 steps is %g, want less than 0.2 (chance is 1.1)", loss)
	}
}
