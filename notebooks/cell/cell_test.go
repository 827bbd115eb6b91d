package cell

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

type double struct{ gorgonia.SDOp }

func TestOpKeepsTheGradient(t *testing.T) {
	if o, ok := Op(double{}).(gorgonia.SDOp); !ok || o != (double{}) {
		t.Errorf("got %T, want the op itself, which has a gradient", o)
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
