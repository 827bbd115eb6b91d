package program

import (
	"math"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// randomNet makes the program of a seed: convolutions, activations, sums, pools,
// pieces joined, views, products, orders of dimensions, of any values that there are.
// It returns the results: some of the values, views among them.
func randomNet[T cpu.Float](seed uint64, fixed bool) (n *net[T], results []*Value[T]) {
	n = newNet[T](seed)
	n.fixed = fixed
	images := 1 + n.r.IntN(2)
	channels := []int{3, 8, 16, 20, 32}[n.r.IntN(5)]
	size := []int{6, 9, 16, 24}[n.r.IntN(4)]
	values := []*Value[T]{n.input(images, channels, size, size+n.r.IntN(3))}
	all := values
	for range 3 + n.r.IntN(14) {
		y := n.random(values)
		if all = append(all, y); len(y.Shape) == 4 {
			values = append(values, y)
		}
	}
	results = []*Value[T]{all[len(all)-1]}
	for range n.r.IntN(3) {
		results = append(results, all[1+n.r.IntN(len(all)-1)])
	}
	return n, results
}

// random adds an op. Its operand is the last of the values, or one before.
func (n *net[T]) random(values []*Value[T]) *Value[T] {
	x := values[len(values)-1]
	if n.r.IntN(3) == 0 {
		x = values[n.r.IntN(len(values))]
	}
	alike := func(axis int) []*Value[T] { // values of x's shape, but for an axis
		var found []*Value[T]
		for _, v := range values {
			a, b := slices.Clone(v.Shape), slices.Clone(x.Shape)
			if axis >= 0 {
				a[axis], b[axis] = 0, 0
			}
			if slices.Equal(a, b) {
				found = append(found, v)
			}
		}
		return found
	}
	some := func(from []*Value[T]) *Value[T] { return from[n.r.IntN(len(from))] }
	same := alike(-1)
	switch n.r.IntN(19) {
	case 0, 1, 2, 3:
		return n.randomConv(x)
	case 4:
		return n.norm(x)
	case 5:
		return n.relu(x)
	case 6:
		curves := []vector.Curve{vector.SiLU, vector.Sigmoid, vector.ReLU6, {F: func(x float64) float64 { return x/2 + 1 }, DF: func(float64) float64 { return 0.5 }}}
		return n.curve("Curve", curves[n.r.IntN(len(curves))], x)
	case 7, 8:
		return n.add(some(same), x)
	case 9:
		return n.add(x, some(same), some(same))
	case 10:
		return n.product(n.curve("Sigmoid", vector.Sigmoid, x), some(same))
	case 11, 12:
		if joined := n.concat(some(alike(1)), x, some(alike(1))); joined.Shape[1] <= 160 {
			return joined
		}
		return n.relu(x)
	case 13:
		return n.randomPool(x)
	case 14: // squeeze and excite
		curves := []vector.Curve{vector.Sigmoid, vector.HardSigmoid(1.0/6, 0.5)}
		y := n.excite(x, curves[n.r.IntN(len(curves))])
		if n.r.IntN(2) > 0 { // which the convolution behind may do
			y = n.conv(y, convolution{filters: 8 * (1 + n.r.IntN(3)), bias: n.r.IntN(2) > 0})
		}
		return y
	case 15:
		return n.dense(n.flat(n.mean(x)), 1+n.r.IntN(20))
	case 16:
		return n.View(n.relu(n.flat(x)), x.Shape)
	case 17:
		return n.padded(x, x.Shape[1]+n.r.IntN(12))
	}
	if n.r.IntN(2) > 0 {
		return n.turn(x, n.r.IntN(2) > 0) // images of other sizes
	}
	return n.turn(n.relu(n.turn(x, true)), false)
}

// randomConv is a convolution of any kind, followed by what it may take over.
func (n *net[T]) randomConv(x *Value[T]) *Value[T] {
	c := convolution{filters: []int{3, 8, 16, 20, 32}[n.r.IntN(5)], kernel: 1 + 2*n.r.IntN(3), bias: n.r.IntN(2) > 0, made: n.r.IntN(8) == 0}
	if n.r.IntN(4) == 0 && min(x.Shape[2], x.Shape[3]) >= 4 {
		c.stride = 2
	}
	if channels := x.Shape[1]; n.r.IntN(4) == 0 {
		c.groups, c.filters = channels, channels
	} else if n.r.IntN(6) == 0 && channels%4 == 0 {
		c.groups, c.filters = 4, 16
	}
	y := n.conv(x, c)
	if n.r.IntN(2) > 0 {
		y = n.norm(y)
	}
	if n.r.IntN(2) > 0 {
		y = n.relu(y)
	}
	return y
}

// randomPool halves the images, or takes overlapping windows.
func (n *net[T]) randomPool(x *Value[T]) *Value[T] {
	if mean := n.r.IntN(2) > 0; min(x.Shape[2], x.Shape[3]) >= 6 && n.r.IntN(2) > 0 {
		return n.pool(x, mean, 2, 2)
	} else {
		return n.pool(x, mean, 3, 1)
	}
}

// programs is the number of random programs that a test tries.
func programs() int {
	if testing.Short() {
		return 40
	}
	return 200
}

// TestPassesChangeNothing: with any of the passes a program computes what it computes
// without all of them: whatever memory holds before a run, and in a second run too.
func TestPassesChangeNothing(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testPasses[float32](t, 5e-5) })
		if cpu.Active() == cpu.TierGo {
			t.Run("float64", func(t *testing.T) { testPasses[float64](t, 1e-9) })
		}
	})
}

func testPasses[T cpu.Float](t *testing.T, bound float64) {
	for seed := range uint64(programs()) {
		plain, results := randomNet[T](seed, false)
		want := plain.run(t, results, Options{NoFusion: true, NoLayout: true, Unplaced: true})
		for _, o := range []Options{
			{Inference: true},
			{Inference: true, Unplaced: true},
			{Inference: true, NoLayout: true},
			{Inference: true, NoFusion: true},
			{Inference: true, NoFusion: true, NoLayout: true},
		} {
			n, results := randomNet[T](seed, seed%2 > 0)
			got := n.run(t, results, o)
			for i := range want {
				if at := far(got[i], want[i], bound); at >= 0 {
					t.Fatalf("seed %d, %+v: element %d of result %d is %v, want %v in\n%s", seed, o, at, i, got[i][at], want[i][at], n.String())
				}
			}
		}
	}
}

// run compiles the program and runs it twice, after its memory was filled with NaN. It
// returns the results.
func (n *net[T]) run(t *testing.T, results []*Value[T], o Options) (all [][]T) {
	t.Helper()
	n.Compile(results, o)
	for range 2 {
		n.spoil()
		if err := n.Run(); err != nil {
			t.Fatalf("%v in\n%s", err, n.String())
		}
		var got [][]T
		for _, r := range results {
			got = append(got, slices.Clone(r.Data()))
			if len(r.Data()) != elements(r.Shape) {
				t.Fatalf("result of shape %v has %d elements", r.Shape, len(r.Data()))
			}
		}
		if all == nil {
			all = got
		}
		for i := range got {
			if !slices.Equal(got[i], all[i]) {
				t.Fatalf("%+v: result %d is another one in the second run, in\n%s", o, i, n.String())
			}
		}
	}
	return all
}

// spoil fills the memory of all values with NaN, but for those that are computed once.
func (n *net[T]) spoil() {
	fill := func(data []T) {
		for i := range data {
			data[i] = T(math.NaN())
		}
	}
	fill(n.Arena())
	for _, l := range n.kept {
		if !l.Fixed {
			fill(l.data)
		}
	}
}

// far returns the first element that differs by more than the bound, relative to the
// largest one, or -1.
func far[T cpu.Float](got, want []T, bound float64) int {
	scale := 1e-3
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-float64(want[i])) <= bound*scale) {
			return i
		}
	}
	return -1
}

// TestRunAllocatesNothing: a program that has run twice allocates no more.
func TestRunAllocatesNothing(t *testing.T) {
	for seed := range uint64(30) {
		n, results := randomNet[float32](seed, seed%2 > 0)
		n.Compile(results, Options{Inference: true})
		if allocs := testing.AllocsPerRun(5, func() {
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("seed %d: %v allocations a run, want 0, in\n%s", seed, allocs, n.String())
		}
	}
}

// TestLives: no two values that are alive at the same time share an element, the arena
// holds them all, and the times are those of the steps that touch them.
func TestLives(t *testing.T) {
	shared := 0
	for seed := range uint64(programs()) {
		n, results := randomNet[float32](seed, false)
		n.Compile(results, Options{Inference: true})
		lives, size := n.Lives()
		sum := 0
		for i, a := range lives {
			if a.First > a.Last || a.Begin < 0 || a.Begin%16 != 0 || a.Begin+a.Size > size {
				t.Fatalf("seed %d: %+v in an arena of %d elements", seed, a, size)
			}
			sum += (a.Size + 15) / 16 * 16
			for _, b := range lives[:i] {
				apart := a.Begin+a.Size <= b.Begin || b.Begin+b.Size <= a.Begin
				if together := a.First <= b.Last && b.First <= a.Last; together && !apart {
					t.Fatalf("seed %d: %+v and %+v overlap in\n%s", seed, a, b, n.String())
				} else if !apart {
					shared++
				}
			}
		}
		if size > sum {
			t.Errorf("seed %d: an arena of %d elements for values of %d", seed, size, sum)
		}
	}
	if shared == 0 {
		t.Error("no values share memory")
	}
}

// FuzzPasses tries the programs of other seeds.
func FuzzPasses(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(func(t *testing.T, seed uint64) {
		plain, results := randomNet[float32](seed, false)
		want := plain.run(t, results, Options{NoFusion: true, NoLayout: true, Unplaced: true})
		n, results := randomNet[float32](seed, true)
		got := n.run(t, results, Options{Inference: true})
		for i := range want {
			if at := far(got[i], want[i], 5e-5); at >= 0 {
				t.Fatalf("element %d of result %d is %v, want %v in\n%s", at, i, got[i][at], want[i][at], n.String())
			}
		}
	})
}
