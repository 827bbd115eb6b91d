package cell

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// half is an op that divides by two or, broken, panics.
type half struct {
	gorgonia.SDOp
	broken bool
}

func (h half) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if h.broken {
		panic("a bad op")
	}
	return tensor.Div(in[0], 2.0)
}

func (half) String() string { return "half" }

func (half) SymDiff(in gorgonia.Nodes, y, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	return gorgonia.Nodes{dy}, nil
}

func TestOpKeepsTheGradient(t *testing.T) {
	o, ok := Op(half{}).(gorgonia.SDOp)
	if !ok {
		t.Fatalf("got %T, want an op that has a gradient", Op(half{}))
	}
	dy := new(gorgonia.Node)
	if grads, err := o.SymDiff(nil, nil, dy); err != nil || len(grads) != 1 || grads[0] != dy {
		t.Errorf("gradients %v, error %v, want those of the op itself", grads, err)
	}
	y, err := o.Do(tensor.New(tensor.WithBacking([]float64{1, 4})))
	if err != nil {
		t.Fatal(err)
	}
	if got := y.Data().([]float64); got[0] != 0.5 || got[1] != 2 {
		t.Errorf("halves of 1 and 4 are %v", got)
	}
}

func TestOpThatPanicsIsAnError(t *testing.T) {
	v, err := Op(half{broken: true}).Do()
	if want := "op half panicked: a bad op"; v != nil || err == nil || err.Error() != want {
		t.Errorf("got %v and error %v, want none and %q", v, err, want)
	}
}

func TestFunc(t *testing.T) {
	sum := Func(func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Add(in...) })
	a, b := graphtest.Random("a", 1, 3), graphtest.Random("b", 1, 3)
	y, err := graphtest.Op{F: sum, In: []*tensor.Dense{a, b}}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := y.Float64s()[2], a.Float64s()[2]+b.Float64s()[2]; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}
