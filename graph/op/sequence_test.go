package op_test

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// chain is an op, a loss behind it and all gradients, as one sequence.
type chain struct {
	*op.Sequence
	grads gorgonia.Nodes
	cost  node
}

// newChain makes a chain of o, whose gradients are those of its operands that
// have one.
func newChain(t *testing.T, o graphtest.Op) chain {
	t.Helper()
	g := gorgonia.NewGraph()
	in := make([]node, len(o.In))
	var wrt gorgonia.Nodes
	for i, x := range o.In {
		in[i] = bind(g, string(rune('a'+i)), x)
		if !slices.Contains(o.Constant, i) && !slices.Contains(o.State, i) {
			wrt = append(wrt, in[i])
		}
	}
	y, err := o.F(in...)
	if err != nil {
		t.Fatal(err)
	}
	cost := squared(t, y)
	grads, err := gorgonia.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	live, err := gorgonia.Sort(g.ExactSubgraphRoots(append(gorgonia.Nodes{cost}, grads...)...))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(live)
	s, _, _, err := op.NewSequence(live)
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		t.Fatal("no sequence: a node is not an op of the package")
	}
	return chain{s, grads, cost}
}

// squared is the mean of y², y itself if that is a scalar.
func squared(t *testing.T, y node) node {
	t.Helper()
	if y.IsScalar() {
		return y
	}
	n := y.Shape().TotalSize()
	flat, err := op.Reshape(y, 1, n)
	if err != nil {
		t.Fatal(err)
	}
	zeros := bind(y.Graph(), "zeros", tensor.New(tensor.Of(y.Dtype()), tensor.WithShape(1, n)))
	cost, err := op.MSE(flat, zeros, bind(y.Graph(), "ones", tensor.Ones(y.Dtype(), 1)))
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

// TestNoAllocations: neither an op nor its gradient allocates after the first
// run.
func TestNoAllocations(t *testing.T) {
	for _, test := range every {
		for _, p := range precisions {
			c := newChain(t, in(p.dtype, test.op))
			n := testing.AllocsPerRun(5, func() {
				if _, err := c.Do(); err != nil {
					t.Fatal(err)
				}
			})
			if n > 0 {
				t.Errorf("%s in %v: %v allocations a run, want 0", test.name, p.dtype, n)
			}
		}
	}
}

// TestSequenceIsTheMachine: one op or many, the numbers are the same.
func TestSequenceIsTheMachine(t *testing.T) {
	twice := graphtest.Op{
		F:  func(in ...node) (node, error) { return op.Conv2d(in[0], in[0], nil, op.Conv{Pad: op.Padding{Top: 1}}) },
		In: random(tensor.Shape{2, 2, 3, 3}),
	}
	sum := graphtest.Op{F: func(in ...node) (node, error) { return op.Add(in[0], in[1], in[0]) }, In: random(tensor.Shape{3}, tensor.Shape{3})}
	for _, o := range []graphtest.Op{every[0].op, twice, sum} {
		c := newChain(t, in(tensor.Float64, o))
		for range 2 { // memory is reused at the second run
			if _, err := c.Do(); err != nil {
				t.Fatal(err)
			}
		}
		inner := o.F
		o.F = func(in ...node) (node, error) {
			y, err := inner(in...)
			if err != nil {
				return nil, err
			}
			return squared(t, y), nil
		}
		y, grads, err := in(tensor.Float64, o).Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(*c.Value(c.cost).(*gorgonia.F64)); got != floats(y)[0] {
			t.Errorf("cost is %v, want %v", got, floats(y)[0])
		}
		for i, n := range c.grads {
			checkNear(t, "gradient", floats(c.Value(n).(dense)), floats(grads[i]), 1e-15)
		}
	}
}

// TestSequenceErrors: the first op that fails ends the run.
func TestSequenceErrors(t *testing.T) {
	labels := vector(0, 1)
	c := newChain(t, crossEntropy(0, graphtest.Random("logits", 1, 2, 3), labels, vector(1, 1)))
	for _, test := range []struct {
		label float64
		want  string
	}{{5, "CrossEntropy: label 5 is not one of the classes 0 to 2"}, {2, ""}} {
		labels.Float64s()[1] = test.label
		_, err := c.Do()
		if test.want == "" && (err != nil || c.Err() != nil) {
			t.Errorf("label %v: got errors %v and %v, want none", test.label, err, c.Err())
		}
		if test.want != "" && (err == nil || c.Err() == nil || !strings.Contains(c.Err().Error(), test.want)) {
			t.Errorf("label %v: got errors %v and %v, want %q", test.label, err, c.Err(), test.want)
		}
	}
}

// TestSequenceOfOthers: an op of another package cannot be part of one.
func TestSequenceOfOthers(t *testing.T) {
	g := gorgonia.NewGraph()
	x := bind(g, "x", vector(1, 2))
	y, err := gorgonia.Tanh(x)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, _, err := op.NewSequence(gorgonia.Nodes{x, y}); s != nil || err != nil {
		t.Errorf("got sequence %v and error %v, want none", s, err)
	}
}

// TestSequenceReshapesInPlace: in a sequence a reshape and its gradient are
// views, except of a tensor that is bound from outside.
func TestSequenceReshapesInPlace(t *testing.T) {
	g := gorgonia.NewGraph()
	x := bind(g, "x", graphtest.Random("x", 1, 2, 6))
	flat, err := op.Reshape(x, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	relu, err := op.ReLU(flat)
	if err != nil {
		t.Fatal(err)
	}
	back, err := op.Reshape(relu, 2, 6)
	if err != nil {
		t.Fatal(err)
	}
	s, _, _, err := op.NewSequence(gorgonia.Nodes{x, flat, relu, back})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(); err != nil {
		t.Fatal(err)
	}
	data := func(n node) *float64 { return &s.Value(n).(dense).Float64s()[0] }
	if data(flat) == data(x) {
		t.Error("the reshape of a bound tensor shares its memory")
	}
	if data(back) != data(relu) {
		t.Error("the reshape of an op's value is a copy")
	}
	if got := s.Value(back).Shape(); !slices.Equal(got, tensor.Shape{2, 6}) {
		t.Errorf("the view has shape %v, want (2, 6)", got)
	}
}

// TestGorgoniaAdd: Gorgonia names its sums, the one that a caller makes and the one
// that gorgonia.Grad makes of gradients, as a sequence expects it, and nothing else.
func TestGorgoniaAdd(t *testing.T) {
	for _, p := range precisions {
		g := gorgonia.NewGraph()
		x := bind(g, "x", to(p.dtype, graphtest.Random("x", 1, 2, 3)))
		for name, f := range map[string]func(a, b node) (node, error){
			op.GorgoniaAdd: gorgonia.Add, "- false": gorgonia.Sub, "⊙ false": gorgonia.HadamardProd,
		} {
			y, err := f(x, x)
			if err != nil {
				t.Fatal(err)
			}
			if got := y.Op().String(); got != name {
				t.Errorf("in %v the op is %q, want %q", p.dtype, got, name)
			}
			if got, want := op.Ours(gorgonia.Nodes{x, y}), name == op.GorgoniaAdd; got != want {
				t.Errorf("in %v %q is taken for a sum of gradients: %v, want %v", p.dtype, name, got, want)
			}
		}
		twice, err := op.Hadamard(x, x)
		if err != nil {
			t.Fatal(err)
		}
		grads, err := gorgonia.Grad(squared(t, twice), x)
		if err != nil {
			t.Fatal(err)
		}
		if got := grads[0].Op().String(); got != op.GorgoniaAdd {
			t.Errorf("in %v the gradient of a node with two uses is %q, want %q", p.dtype, got, op.GorgoniaAdd)
		}
	}
}
