package program

import (
	"math"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
)

// gradients adds the backward steps of everything that y depends on, given the
// gradient dy of y. It returns the gradients of the bound tensors, in the order in
// which they were used.
func (n *net[T]) gradients(y, dy *Value[T]) (grads []*Value[T]) {
	of := map[*Value[T]][]*Value[T]{y: {dy}} // what adds up to a value's gradient
	for i := len(n.ops) - 1; i >= 0; i-- {
		op := n.ops[i]
		if len(of[op.out]) == 0 {
			continue
		}
		d := n.sum(of[op.out])
		if op.kernel == nil {
			of[op.in[0]] = append(of[op.in[0]], n.Program.View(d, op.in[0].Shape))
			continue
		}
		wanted := make([]bool, len(op.in))
		for j := range wanted {
			wanted[j] = !slices.Contains(op.constant, j)
		}
		for j, g := range n.Gradient("Grad", nil, op.kernel, op.in, d, wanted, true) {
			if g != nil {
				of[op.in[j]] = append(of[op.in[j]], g)
			}
		}
	}
	seen := map[*Value[T]]bool{}
	for _, op := range n.ops {
		for _, v := range op.in {
			if v.Bound != nil && !seen[v] && len(of[v]) > 0 {
				seen[v] = true
				grads = append(grads, n.sum(of[v]))
			}
		}
	}
	return grads
}

// sum is the sum of the parts of a gradient.
func (n *net[T]) sum(parts []*Value[T]) *Value[T] {
	if len(parts) == 1 {
		return parts[0]
	}
	return n.Program.Add("Add", nil, kernel.NewAdd[T](len(parts)), parts[0].Shape, parts...)
}

// block adds a convolution, ReLU and pooling in one, as training fuses them.
func (n *net[T]) block(x *Value[T], filters int) *Value[T] {
	s := conv.Shape{
		N: x.Shape[0], C: x.Shape[1], H: x.Shape[2], W: x.Shape[3], F: filters, KH: 3, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: x.Shape[2], OW: x.Shape[3],
	}
	k := conv.NewConvBlock[T](s, conv.Block{Bias: true, Top: math.Inf(1), KH: 2, KW: 2})
	shape := []int{s.N, s.F, s.OH / 2, s.OW / 2}
	return n.Add("Conv2d+ReLU+MaxPool2D", k, shape, x, n.bind("w", 1/float64(9*s.C), s.F, s.C, 3, 3), n.bind("b", 1, s.F))
}

// shortcut adds a convolution, normalisation, the sum with a value of the result's shape
// and ReLU in one, as training fuses them.
func (n *net[T]) shortcut(x, r *Value[T]) *Value[T] {
	s := conv.Shape{
		N: x.Shape[0], C: x.Shape[1], H: x.Shape[2], W: x.Shape[3], F: r.Shape[1], KH: 3, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: x.Shape[2], OW: x.Shape[3],
	}
	norm := &conv.Norm{Epsilon: 2, Momentum: 0.9, Training: true}
	k := conv.NewConvBlock[T](s, conv.Block{Norm: norm, Top: math.Inf(1), Residual: true, KH: 1, KW: 1})
	y := n.Add("Conv2d+BatchNorm+Add+ReLU", k, r.Shape, x, n.bind("w", 1/float64(9*s.C), s.F, s.C, 3, 3),
		n.bind("g", 1, s.F), n.bind("b", 1, s.F), n.bind("m", 1, s.F), n.bind("var", 0.1, s.F), r)
	n.ops[len(n.ops)-1].constant = []int{4, 5}
	return y
}

// randomTraining makes a program of a seed with the gradients of all bound tensors.
func randomTraining[T cpu.Float](seed uint64) (n *net[T], results []*Value[T]) {
	n = newNet[T](seed)
	n.training = true
	x := n.input(1+n.r.IntN(3), []int{3, 8, 16, 20}[n.r.IntN(4)], 6+n.r.IntN(6), 6+n.r.IntN(6))
	values := []*Value[T]{x}
	for range 2 + n.r.IntN(8) {
		y := n.random(values)
		if n.r.IntN(6) == 0 {
			if last := values[len(values)-1]; min(last.Shape[2], last.Shape[3]) >= 4 {
				y = n.block(last, 8*(1+n.r.IntN(3)))
			}
		} else if r := values[n.r.IntN(len(values))]; len(y.Shape) == 4 && n.r.IntN(3) == 0 && slices.Equal(r.Shape[2:], y.Shape[2:]) {
			y = n.shortcut(y, r)
		}
		if len(y.Shape) == 4 {
			values = append(values, y)
		}
	}
	y := values[len(values)-1]
	results = append(n.gradients(y, n.bind("dy", 1, y.Shape...)), y)
	if v := values[n.r.IntN(len(values))]; v.Bound == nil {
		results = append(results, v)
	}
	return n, results
}

// TestTrainingPassesChangeNothing: a training program computes the values and the
// gradients that it computes without any passes, whatever memory holds before.
func TestTrainingPassesChangeNothing(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testTraining[float32](t, 1e-4) })
	t.Run("float64", func(t *testing.T) { testTraining[float64](t, 1e-9) })
}

func testTraining[T cpu.Float](t *testing.T, bound float64) {
	for seed := range uint64(programs()) {
		checkTraining[T](t, seed, bound)
	}
}

// checkTraining compares the program of a seed with and without passes.
func checkTraining[T cpu.Float](t *testing.T, seed uint64, bound float64) {
	t.Helper()
	plain, results := randomTraining[T](seed)
	want := plain.run(t, results, Options{NoFusion: true, NoLayout: true, Unplaced: true})
	for _, o := range []Options{{}, {NoLayout: true}, {Unplaced: true}} {
		n, results := randomTraining[T](seed)
		got := n.run(t, results, o)
		for i := range want {
			if at := far(got[i], want[i], bound); at >= 0 {
				t.Fatalf("seed %d, %+v: element %d of result %d is %v, want %v in\n%s", seed, o, at, i, got[i][at], want[i][at], n.String())
			}
		}
	}
}

// FuzzTrainingPasses tries the programs of other seeds.
func FuzzTrainingPasses(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(func(t *testing.T, seed uint64) {
		checkTraining[float32](t, seed, 1e-4)
		checkTraining[float64](t, seed, 1e-9)
	})
}

// TestTrainingAllocatesNothing: a training program that has run allocates no more.
func TestTrainingAllocatesNothing(t *testing.T) {
	for seed := range uint64(20) {
		n, results := randomTraining[float32](seed)
		n.Compile(results, Options{})
		if allocs := testing.AllocsPerRun(5, func() {
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("seed %d: %v allocations a run, want 0, in\n%s", seed, allocs, n.String())
		}
	}
}
