package op_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// bind adds a node that holds x.
func bind(g *gorgonia.ExprGraph, name string, x dense) node {
	return gorgonia.NewTensor(g, x.Dtype(), x.Dims(), gorgonia.WithShape(x.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(x))
}

// TestBadValues hands ops values that they were not made for, as only a broken
// machine would: the answer is an error that names the op, not a panic.
func TestBadValues(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	g := gorgonia.NewGraph()
	x, w := bind(g, "x", graphtest.Random("x", 1, 4, 1, 3, 3)), bind(g, "w", graphtest.Random("w", 1, 2, 1, 2, 2))
	y, err := op.Conv2d(x, w, nil, op.Conv{})
	if err != nil {
		t.Fatal(err)
	}
	cost, err := gorgonia.Sum(y)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := gorgonia.Grad(cost, w)
	if err != nil {
		t.Fatal(err)
	}
	small, single := graphtest.Random("small", 1, 1, 1, 1, 1), to(tensor.Float32, graphtest.Random("x", 1, 4, 1, 3, 3))
	good := x.Value()
	backward := op.Operands(grads[0])[0].Op()
	tests := []struct {
		name string
		op   gorgonia.Op
		in   []gorgonia.Value
		want string
	}{
		{"too small", y.Op(), []gorgonia.Value{small, w.Value()}, "Conv2d: runtime error: slice bounds out of range"},
		{"float32", y.Op(), []gorgonia.Value{single, w.Value()}, "Conv2d: operand 0: got float32, want float64"},
		{"integers", y.Op(), []gorgonia.Value{good, tensor.New(tensor.WithBacking([]int{1, 2}))}, "Conv2d: operand 1: got int, want float64"},
		{"no tensor", y.Op(), []gorgonia.Value{good, gorgonia.NewI(3)}, "Conv2d: operand 1: got a *gorgonia.I, want a dense tensor or a float"},
		{"nothing", y.Op(), []gorgonia.Value{good, nil}, "Conv2d: operand 1: got a <nil>, want"},
		{"gradient too small", backward, []gorgonia.Value{good, w.Value(), good, small}, "Conv2dGrad: "},
		{"gradient in float32", backward, []gorgonia.Value{good, w.Value(), good, single}, "Conv2dGrad: operand 0: got float32, want float64"},
		{"gradient's operand", backward, []gorgonia.Value{single, w.Value(), good, good}, "Conv2dGrad: operand 0: got float32, want float64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.op.Do(test.in...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

// TestDescriptions: what drawings and summaries show.
func TestDescriptions(t *testing.T) {
	g, step := gorgonia.NewGraph(), uint64(0)
	x, w := bind(g, "x", graphtest.Random("x", 1, 2, 4, 8, 8)), bind(g, "w", graphtest.Random("w", 1, 6, 2, 3, 3))
	flat := bind(g, "flat", graphtest.Random("flat", 1, 2, 3, 5))
	pad := op.Padding{Top: 1, Right: 2}
	tests := []struct {
		f       func() (node, error)
		want    string
		mulAdds int
	}{
		{func() (node, error) { return op.Conv2d(x, w, nil, op.Conv{Groups: 2}) }, "Conv2d stride 1x1 groups 2", 2 * 6 * 6 * 6 * 18},
		{func() (node, error) {
			return op.Conv2d(x, w, nil, op.Conv{StrideW: 2, Pad: pad, DilationH: 2, Groups: 2})
		}, "Conv2d stride 1x2 pad 1,0,0,2 dilation 2x1 groups 2", 2 * 6 * 5 * 4 * 18},
		{func() (node, error) {
			return op.MaxPool2D(x, op.Pool{KH: 3, KW: 2, StrideH: 1, Pad: op.Padding{Top: 1}})
		}, "MaxPool2D 3x2 stride 1x2 pad 1,0,0,0", 0},
		{func() (node, error) { return op.Mul(flat, bind(g, "v", graphtest.Random("v", 1, 5, 7)), nil) }, "Mul", 2 * 3 * 7 * 5},
		{func() (node, error) { return op.Dropout(x, 0.25, op.Random{Step: &step}) }, "Dropout rate 0.25", 0},
		{func() (node, error) { return op.Concat(1, x, x) }, "Concat axis 1", 0},
		{func() (node, error) { return op.Patches(x, 4) }, "Patches 4x4", 0},
	}
	for _, test := range tests {
		y, err := test.f()
		if err != nil {
			t.Fatal(err)
		}
		if got := y.Op().String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if got := y.Op().(interface{ MulAdds() int }).MulAdds(); got != test.mulAdds {
			t.Errorf("%s: %d multiply-adds, want %d", test.want, got, test.mulAdds)
		}
	}
}

// TestOtherShapes: an op is made for its operands and fits no others.
func TestOtherShapes(t *testing.T) {
	g := gorgonia.NewGraph()
	y, err := op.ReLU(bind(g, "x", graphtest.Random("x", 1, 2, 3)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gorgonia.ApplyOp(y.Op(), bind(g, "other", graphtest.Random("x", 1, 3, 2)))
	if want := "ReLU: operand 0 has shape (3, 2), the op was made for (2, 3)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// TestBoundViews binds tensors whose elements do not lie one behind the other.
func TestBoundViews(t *testing.T) {
	big := graphtest.Random("x", 1, 4, 6)
	turned := big.Clone().(dense)
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	rows, err := big.Slice(gorgonia.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := big.Slice(nil, gorgonia.S(2, 5))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		x    dense
	}{
		{"turned", turned},
		{"rows", rows.(dense)},
		{"columns", columns.(dense)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var want []float64
			for i := range test.x.Shape()[0] {
				for j := range test.x.Shape()[1] {
					v, err := test.x.At(i, j)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, v.(float64))
				}
			}
			y, err := graphtest.Op{F: func(in ...node) (node, error) { return op.LeakyReLU(in[0], 1) }, In: []dense{test.x}}.Run()
			if err != nil {
				t.Fatal(err)
			}
			checkNear(t, "output", floats(y), want, 0)
		})
	}
}

func TestColumnMajor(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float64{1, 2, 3, 4, 5, 6}))
	_, err := graphtest.Op{F: func(in ...node) (node, error) { return op.ReLU(in[0]) }, In: []dense{x}}.Run()
	if want := "ReLU: operand 0: got a column-major tensor, want row-major"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// TestScalars: a sum of losses is one.
func TestScalars(t *testing.T) {
	for _, p := range precisions {
		o := in(p.dtype, graphtest.Op{
			F: func(in ...node) (node, error) {
				a, err := op.MSE(in[0], in[1], in[2])
				if err != nil {
					return nil, err
				}
				b, err := op.Tanh(a)
				if err != nil {
					return nil, err
				}
				return op.Add(a, b)
			},
			In:       append(random(tensor.Shape{2, 3}, tensor.Shape{2, 3}), vector(1, 2)),
			Constant: []int{1, 2},
		})
		if err := o.Check(); err != nil {
			t.Error(err)
		}
		mse := o
		mse.F = func(in ...node) (node, error) { return op.MSE(in[0], in[1], in[2]) }
		a, sum := drop(t, mse)[0], drop(t, o)[0]
		checkNear(t, p.dtype.String(), []float64{sum}, []float64{a + math.Tanh(a)}, p.limit)
	}
}

// TestOpsDoNotMerge: Gorgonia makes equal ops one, and these must never be.
func TestOpsDoNotMerge(t *testing.T) {
	g, step := gorgonia.NewGraph(), uint64(0)
	x := bind(g, "x", tensor.Ones(tensor.Float64, 1000))
	var values [3]gorgonia.Value
	var nodes [3]node
	for i, seed := range []uint64{1, 2, 1} {
		y, err := op.Dropout(x, 0.5, op.Random{Seed: seed, Step: &step})
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = y
		gorgonia.Read(y, &values[i])
	}
	if nodes[0].ID() == nodes[2].ID() || nodes[0].Hashcode() == nodes[2].Hashcode() {
		t.Errorf("equal Dropouts are one node")
	}
	vm := gorgonia.NewTapeMachine(g)
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	first, second, third := values[0].(dense).Float64s(), values[1].(dense).Float64s(), values[2].(dense).Float64s()
	if slices.Equal(first, second) {
		t.Errorf("Dropouts of different seeds have one mask")
	}
	if !slices.Equal(first, third) {
		t.Errorf("Dropouts of equal seeds have two masks")
	}
}

// TestWant: a gradient that no node picks is not computed.
func TestWant(t *testing.T) {
	g := gorgonia.NewGraph()
	in := random(tensor.Shape{2, 3}, tensor.Shape{3, 4}, tensor.Shape{4})
	x, w, b := bind(g, "x", in[0]), bind(g, "w", in[1]), bind(g, "b", in[2])
	y, err := op.Mul(x, w, b)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := gorgonia.Sum(y)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := gorgonia.Grad(cost, x, w, b)
	if err != nil {
		t.Fatal(err)
	}
	dy := tensor.Ones(tensor.Float64, 2, 4)
	run := func() (results [3][]float64) {
		t.Helper()
		backward := op.Operands(grads[0])[0].Op()
		if _, err := backward.Do(in[0], in[1], in[2], dy, dy); err != nil {
			t.Fatal(err)
		}
		for i, n := range grads {
			v, err := n.Op().Do(dy)
			if err != nil {
				t.Fatal(err)
			}
			results[i] = floats(v.(dense))
		}
		return results
	}
	before := run()
	for _, x := range in[:2] {
		for i := range x.Float64s() {
			x.Float64s()[i] *= 2
		}
	}
	for i := range dy.Float64s() {
		dy.Float64s()[i] = 2
	}
	op.Want(gorgonia.Nodes{op.Operands(grads[1])[0], grads[1]})
	after := run()
	checkNear(t, "gradient of x, not wanted", after[0], before[0], 0)
	checkNear(t, "gradient of w, wanted", after[1], scaled(before[1], 4), 1e-15)
	checkNear(t, "gradient of b, not wanted", after[2], before[2], 0)
	op.Want(gorgonia.Nodes{op.Operands(grads[1])[0], grads[0], grads[1], grads[2]})
	after = run()
	checkNear(t, "gradient of x, wanted again", after[0], scaled(before[0], 4), 1e-15)
	checkNear(t, "gradient of b, wanted again", after[2], scaled(before[2], 2), 1e-15)
}

func scaled(x []float64, by float64) []float64 {
	y := slices.Clone(x)
	for i := range y {
		y[i] *= by
	}
	return y
}

// TestConstantsHaveNoGradient: asking for one is an error.
func TestConstantsHaveNoGradient(t *testing.T) {
	for _, test := range every {
		for _, constant := range append(slices.Clone(test.op.Constant), test.op.State...) {
			o := in(tensor.Float64, test.op)
			o.Constant, o.State = nil, nil
			for i := range o.In {
				if i != constant {
					o.Constant = append(o.Constant, i)
				}
			}
			if _, _, err := o.Gradients(nil); err == nil || !strings.Contains(err.Error(), "Non Differentiable") {
				t.Errorf("%s: got error %v for the gradient of operand %d, want one", test.name, err, constant)
			}
		}
	}
}
