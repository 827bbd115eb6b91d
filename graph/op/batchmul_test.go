package op_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// The ops that networks from other programs need join those of every.
func init() {
	of := func(f func(x node) (node, error), shape ...int) graphtest.Op {
		return graphtest.Op{F: func(in ...node) (node, error) { return f(in[0]) }, In: random(shape)}
	}
	add := func(name string, o graphtest.Op) {
		every = append(every, struct {
			name string
			op   graphtest.Op
		}{name, o})
	}
	for _, p := range products {
		add("BatchMul "+p.name, graphtest.Op{F: batchMul(p.o), In: random(p.a, p.b)})
	}
	for _, v := range views {
		add("Strided "+v.name, of(func(x node) (node, error) { return op.Strided(x, v.view) }, v.shape...))
	}
	add("Permute", of(func(x node) (node, error) { return op.Permute(x, 2, 0, 1) }, 2, 3, 4))
	add("PickChannels", of(func(x node) (node, error) { return op.PickChannels(x, 3, 0, 3) }, 2, 4, 3, 2))
	for _, s := range scales {
		if s.x.TotalSize() > 1000 {
			continue // differences take long
		}
		add("Scale "+s.name, graphtest.Op{F: func(in ...node) (node, error) { return op.Scale(in[0], in[1]) }, In: random(s.x, s.s)})
		add("Shift "+s.name, graphtest.Op{F: func(in ...node) (node, error) { return op.Shift(in[0], in[1]) }, In: random(s.x, s.s)})
	}
	add("Roll", graphtest.Op{F: roll(1, 0, 3), In: random(tensor.Shape{3, 4, 5})})
	add("PadImage", graphtest.Op{F: padImage(border), In: random(tensor.Shape{2, 3, 4, 5})})
	add("HardSwish", of(op.HardSwish, 4, 5))
	add("HardSigmoid", of(func(x node) (node, error) { return op.HardSigmoid(x, op.Line{Slope: 0.2, Offset: 0.5}) }, 4, 5))
}

// batchMul is BatchMul with parameters.
func batchMul(p op.Products) graphtest.Func {
	return func(in ...node) (node, error) { return op.BatchMul(in[0], in[1], p) }
}

// products are cases of BatchMul.
var products = []struct {
	name   string
	a, b   tensor.Shape
	o      op.Products
	shape  []int
	va, vb op.View // of the operands as they are multiplied
}{
	{name: "pairs", a: tensor.Shape{5, 3, 4}, b: tensor.Shape{5, 4, 2}, shape: []int{5, 3, 2},
		va: op.View{Shape: []int{5, 3, 4}, Steps: []int{12, 4, 1}}, vb: op.View{Shape: []int{5, 4, 2}, Steps: []int{8, 2, 1}}},
	{name: "one pair", a: tensor.Shape{3, 4}, b: tensor.Shape{4, 2}, o: op.Products{Scale: -2}, shape: []int{3, 2},
		va: op.View{Shape: []int{3, 4}, Steps: []int{4, 1}}, vb: op.View{Shape: []int{4, 2}, Steps: []int{2, 1}}},
	{name: "both turned", a: tensor.Shape{2, 2, 4, 3}, b: tensor.Shape{2, 2, 2, 4}, o: op.Products{TransA: true, TransB: true, Axes: []int{1, 2, 0, 3}}, shape: []int{2, 3, 2, 2},
		va: op.View{Shape: []int{2, 2, 3, 4}, Steps: []int{24, 12, 1, 3}}, vb: op.View{Shape: []int{2, 2, 4, 2}, Steps: []int{16, 8, 1, 4}}},
	{name: "second turned", a: tensor.Shape{5, 3, 4}, b: tensor.Shape{5, 2, 4}, o: op.Products{TransB: true, Scale: 0.5}, shape: []int{5, 3, 2},
		va: op.View{Shape: []int{5, 3, 4}, Steps: []int{12, 4, 1}}, vb: op.View{Shape: []int{5, 4, 2}, Steps: []int{8, 1, 4}}},
	{name: "of heads", a: tensor.Shape{2, 3, 18}, b: tensor.Shape{2, 3, 18}, // (N,L,3·H·D), two heads of three
		o: op.Products{
			A: op.View{Shape: []int{2, 2, 3, 3}, Steps: []int{54, 3, 18, 1}}, TransB: true,
			B: op.View{From: 6, Shape: []int{2, 2, 3, 3}, Steps: []int{54, 3, 18, 1}}, Scale: 0.25,
		}, shape: []int{2, 2, 3, 3},
		va: op.View{Shape: []int{2, 2, 3, 3}, Steps: []int{54, 3, 18, 1}}, vb: op.View{From: 6, Shape: []int{2, 2, 3, 3}, Steps: []int{54, 3, 1, 18}}},
	{name: "shared", a: tensor.Shape{4, 3, 2}, b: tensor.Shape{2, 5},
		o:     op.Products{B: op.View{Shape: []int{4, 2, 5}, Steps: []int{0, 5, 1}}},
		shape: []int{4, 3, 5},
		va:    op.View{Shape: []int{4, 3, 2}, Steps: []int{6, 2, 1}}, vb: op.View{Shape: []int{4, 2, 5}, Steps: []int{0, 5, 1}}},
	{name: "of vectors", a: tensor.Shape{4, 1, 6}, b: tensor.Shape{4, 6, 2}, o: op.Products{A: op.View{Shape: []int{4, 1, 3}, Steps: []int{6, 6, 1}}, B: op.View{From: 1, Shape: []int{4, 3, 1}, Steps: []int{12, 2, 1}}},
		shape: []int{4, 1, 1},
		va:    op.View{Shape: []int{4, 1, 3}, Steps: []int{6, 6, 1}}, vb: op.View{From: 1, Shape: []int{4, 3, 1}, Steps: []int{12, 2, 1}}},
}

// at is the element of a tensor that a view has at a position.
func at(v op.View, values []float64, position ...int) float64 {
	k := v.From
	for i, p := range position {
		k += p * v.Steps[i]
	}
	return values[k]
}

// positions lists all of a shape, the last dimension first.
func positions(shape []int) [][]int {
	all := [][]int{nil}
	for _, d := range shape {
		var longer [][]int
		for _, p := range all {
			for i := range d {
				longer = append(longer, append(slices.Clone(p), i))
			}
		}
		all = longer
	}
	return all
}

func TestBatchMul(t *testing.T) {
	for _, test := range products {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{F: batchMul(test.o), In: random(test.a, test.b)}
			a, b := o.In[0].Float64s(), o.In[1].Float64s()
			last := len(test.va.Shape) - 1
			axes := test.o.Axes
			if axes == nil {
				axes = []int{0, 1, 2, 3}[:last+1]
			}
			scale := test.o.Scale
			if scale == 0 {
				scale = 1
			}
			var want []float64
			for _, p := range positions(test.shape) {
				pa := make([]int, last+1)
				for i, a := range axes {
					pa[a] = p[i]
				}
				pb, sum := slices.Clone(pa), 0.0
				for k := range test.va.Shape[last] {
					pa[last], pb[last-1] = k, k
					sum += at(test.va, a, pa...) * at(test.vb, b, pb...)
				}
				want = append(want, scale*sum)
			}
			checkForward(t, o, want, test.shape...)
			o.Gradient(t)
		})
	}
}

// TestAttention compares attention out of one tensor with the same by copies.
func TestAttention(t *testing.T) {
	const n, l, h, d = 2, 5, 3, 4
	heads := func(i int) op.View {
		return op.View{From: i * h * d, Shape: []int{n, h, l, d}, Steps: []int{l * 3 * h * d, d, 3 * h * d, 1}}
	}
	attention := func(scores, y func(shares, x node) (node, error)) graphtest.Func {
		return func(in ...node) (node, error) {
			s, err := scores(nil, in[0])
			if err != nil {
				return nil, err
			}
			if s, err = op.SoftMax(s); err != nil {
				return nil, err
			}
			return y(s, in[0])
		}
	}
	views := attention(func(_, x node) (node, error) {
		return op.BatchMul(x, x, op.Products{A: heads(0), B: heads(1), TransB: true, Scale: 1 / math.Sqrt(d)})
	}, func(s, x node) (node, error) {
		return op.BatchMul(s, x, op.Products{B: heads(2), Axes: []int{0, 2, 1, 3}})
	})
	part := func(x node, i int) node {
		y, err := op.Strided(x, heads(i))
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	copies := attention(func(_, x node) (node, error) {
		return op.BatchMul(part(x, 0), part(x, 1), op.Products{TransB: true, Scale: 1 / math.Sqrt(d)})
	}, func(s, x node) (node, error) {
		y, err := op.BatchMul(s, part(x, 2), op.Products{})
		if err != nil {
			return nil, err
		}
		return op.Permute(y, 0, 2, 1, 3)
	})
	x := random(tensor.Shape{n, l, 3 * h * d})
	want, wantGrads, err := graphtest.Op{F: copies, In: x}.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, grads, err := graphtest.Op{F: views, In: x}.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "output", floats(got), floats(want), 1e-14)
	checkNear(t, "gradient", floats(grads[0]), floats(wantGrads[0]), 1e-14)
}

// TestViewErrors: what does not fit is refused by a text that says what came and
// what was expected.
func TestViewErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	f := func(shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("x"))
	}
	view := func(from int, shape, steps []int) op.View { return op.View{From: from, Shape: shape, Steps: steps} }
	mul := func(a, b node, p op.Products) func() (node, error) {
		return func() (node, error) { return op.BatchMul(a, b, p) }
	}
	strided := func(v op.View) func() (node, error) {
		return func() (node, error) { return op.Strided(f(2, 3), v) }
	}
	tests := []struct {
		name string
		f    func() (node, error)
		want string
	}{
		{"vectors", mul(f(3), f(3), op.Products{}), "BatchMul: operand is (3), want (…,rows,columns)"},
		{"inner dimensions", mul(f(2, 3, 4), f(2, 3, 4), op.Products{}), "BatchMul: operands are (2, 3, 4) and (2, 3, 4), want (…,M,K) and (…,K,N)"},
		{"outer dimensions", mul(f(2, 3, 4), f(3, 4, 2), op.Products{}), "operands are (2, 3, 4) and (3, 4, 2), want"},
		{"dimensions", mul(f(2, 3, 4), f(4, 2), op.Products{}), "operands are (2, 3, 4) and (4, 2), want"},
		{"axes", mul(f(2, 3, 4), f(2, 4, 3), op.Products{Axes: []int{0, 2, 1}}), "BatchMul: axes [0 2 1], want each of 0 to 2, and 2 last"},
		{"axes twice", mul(f(2, 3, 4), f(2, 4, 3), op.Products{Axes: []int{0, 0, 2}}), "BatchMul: axes [0 0 2], want each of 0 to 2"},
		{"scattered", mul(f(4, 6), f(3, 2), op.Products{A: view(0, []int{2, 3}, []int{12, 2})}), "BatchMul: matrices (2, 3) have steps [12 2], want rows or columns side by side"},
		{"overlapping rows", mul(f(4, 6), f(3, 2), op.Products{A: view(0, []int{2, 3}, []int{2, 1})}), "BatchMul: matrices (2, 3) have steps [2 1], want"},
		{"beyond", strided(view(1, []int{2, 3}, []int{3, 1})), "Strided: a view has elements 1 to 6 of (2, 3), want 0 to 5"},
		{"before", strided(view(-1, []int{2}, []int{1})), "Strided: a view has elements -1 to 0 of (2, 3), want 0 to 5"},
		{"negative step", strided(view(2, []int{2}, []int{-1})), "Strided: a view has shape (2) and steps [-1], want"},
		{"empty", strided(view(0, []int{0}, []int{1})), "Strided: a view has shape (0) and steps [1], want positive dimensions"},
		{"steps", strided(view(0, []int{2, 2}, []int{1})), "Strided: a view of shape (2, 2) has steps [1], want one for each dimension"},
		{"scalar", strided(view(0, []int{}, []int{})), "Strided: a view without dimensions"},
		{"Permute", func() (node, error) { return op.Permute(f(2, 3), 0, 2) }, "Permute: axes [0 2] of (2, 3), want each of its dimensions once"},
		{"PickChannels of a vector", func() (node, error) { return op.PickChannels(f(3), 0) }, "PickChannels: 1 channels of (3), want one or more of (N,C,…)"},
		{"PickChannels, none", func() (node, error) { return op.PickChannels(f(2, 3)) }, "PickChannels: 0 channels of (2, 3), want one or more"},
		{"PickChannels, beyond", func() (node, error) { return op.PickChannels(f(2, 3), 0, 3) }, "PickChannels: channel 3 of (2, 3), want 0 to 2"},
		{"Scale", func() (node, error) { return op.Scale(f(2, 3), f(2)) }, "Scale: operands are (2, 3) and (2), want the second's dimensions those of the first from the end, or 1"},
		{"Shift, more dimensions", func() (node, error) { return op.Shift(f(3), f(1, 3)) }, "Shift: operands are (3) and (1, 3), want"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := test.f()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want an error with %q", n, err, test.want)
			}
		})
	}
}

// TestNewOpsCheckTheirOperands: each refuses integers and missing operands by an
// error that names it.
func TestNewOpsCheckTheirOperands(t *testing.T) {
	integers := gorgonia.NewTensor(gorgonia.NewGraph(), tensor.Int, 4, gorgonia.WithShape(1, 1, 1, 1), gorgonia.WithName("x"))
	for name, f := range map[string]func(x node) (node, error){
		"BatchMul":     func(x node) (node, error) { return op.BatchMul(x, x, op.Products{}) },
		"Strided":      func(x node) (node, error) { return op.Strided(x, op.View{}) },
		"Permute":      func(x node) (node, error) { return op.Permute(x, 0, 1, 2, 3) },
		"PickChannels": func(x node) (node, error) { return op.PickChannels(x, 0) },
		"Scale":        func(x node) (node, error) { return op.Scale(x, x) },
		"Shift":        func(x node) (node, error) { return op.Shift(x, x) },
		"HardSwish":    op.HardSwish,
		"HardSigmoid":  func(x node) (node, error) { return op.HardSigmoid(x, op.Line{}) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, test := range []struct {
				x    node
				want string
			}{{integers, name + ": operand of int, want float32 or float64"}, {nil, name + ": operand 0 is nil, want a node"}} {
				if _, err := f(test.x); err == nil || err.Error() != test.want {
					t.Errorf("got error %v, want %q", err, test.want)
				}
			}
		})
	}
}
