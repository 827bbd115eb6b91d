package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// denseCase is a product with what follows it.
type denseCase[T cpu.Float] struct {
	Dense[T]
	in [][]T
}

// newDenseCase makes the operands at random. One in ten rows of x has a NaN.
func newDenseCase[T cpu.Float](r *rand.Rand, m, k, n, mode int) *denseCase[T] {
	acts := []conv.Act{{}, conv.ReLU, {Limited: true, Low: -0.5, High: 1}, {Curve: &vector.SiLU}}
	c := &denseCase[T]{Dense: Dense[T]{M: m, K: k, N: n, Bias: mode&1 > 0, Residual: mode&2 > 0, Act: acts[mode>>2]}}
	c.in = [][]T{kerneltest.Normal[T](r, m*k), kerneltest.Normal[T](r, k*n)}
	for i := range m {
		if r.IntN(10) == 0 {
			c.in[0][i*k+r.IntN(k)] = T(math.NaN())
		}
	}
	if c.Bias {
		c.in = append(c.in, kerneltest.Normal[T](r, n))
	}
	if c.Residual {
		c.in = append(c.in, kerneltest.Normal[T](r, m*n))
	}
	return c
}

// want is the formula, in float64, and the largest absolute value before the
// activation.
func (c *denseCase[T]) want() (y []float64, scale float64) {
	for i := range c.M {
		for j := range c.N {
			sum := 0.
			for l := range c.K {
				sum += float64(c.in[0][i*c.K+l]) * float64(c.in[1][l*c.N+j])
			}
			if c.Bias {
				sum += float64(c.in[2][j])
			}
			if c.Residual {
				sum += float64(c.in[len(c.in)-1][i*c.N+j])
			}
			if sum == sum {
				scale = max(scale, math.Abs(sum))
			}
			switch a := c.Act; {
			case a.Curve != nil:
				sum = a.Curve.F(sum)
			case a.Limited:
				sum = min(max(sum, a.Low), a.High)
			}
			y = append(y, sum)
		}
	}
	return y, scale
}

// run computes the output between fences.
func (c *denseCase[T]) run(t *testing.T, d *Dense[T]) []T {
	t.Helper()
	y := kerneltest.Fenced[T](t, c.M*c.N, true) // all NaN
	d.Forward(y, kerneltest.CopyFenced(t, c.in, true))
	return slices.Clone(y)
}

// kernel is a new kernel, whose weights are fixed or not.
func (c *denseCase[T]) kernel(fixed bool) *Dense[T] {
	d := c.Dense
	if fixed {
		d.Fix()
	}
	return &d
}

// TestDense compares prepared, unprepared and streamed products, with all endings,
// with a loop in float64; the bits of AVX-512 are those of AVX2.
func TestDense(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {1, 30, 9}, {5, 17, 40}, {14, 3, 31}, {60, 20, 13}, {130, 9, 72}}
	t.Run("float32", func(t *testing.T) { testDense[float32](t, sizes, 1, 2e-6, cpu.Best()) })
	t.Run("float64", func(t *testing.T) { testDense[float64](t, sizes, 1, 1e-13, cpu.TierGo) })
	parts := [][3]int{{5, 1600, 20}, {250, 800, 9}} // more rows and weights than a block has
	t.Run("parts/float32", func(t *testing.T) { testDense[float32](t, parts, 3, 5e-6, cpu.Best()) })
	t.Run("parts/float64", func(t *testing.T) { testDense[float64](t, parts, 3, 1e-13, cpu.TierGo) })
	streamed := [][3]int{{1, 1025, 1027}}
	t.Run("streamed/float32", func(t *testing.T) { testDense[float32](t, streamed, 5, 1e-5, cpu.Best()) })
	t.Run("streamed/float64", func(t *testing.T) { testDense[float64](t, streamed, 15, 1e-13, cpu.TierGo) })
}

// testDense has every modes-th combination of bias, residual and activation.
func testDense[T cpu.Float](t *testing.T, sizes [][3]int, modes int, bound float64, best cpu.Tier) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range sizes {
		for mode := 0; mode < 16; mode += modes {
			c := newDenseCase[T](r, s[0], s[1], s[2], mode)
			want, scale := c.want()
			var first []T // on AVX2, with weights that change
			for _, fixed := range []bool{false, true} {
				for tier := cpu.TierGo; tier <= best; tier++ {
					undo := cpu.Use(tier)
					d := c.kernel(fixed)
					for range 2 {
						got := c.run(t, d)
						for i, v := range got {
							if w := want[i]; !(math.Abs(float64(v)-w) <= bound*scale || v != v && w != w) {
								t.Fatalf("%v, %v, mode %d, fixed %v: y[%d] is %v, want %v", tier, s, mode, fixed, i, v, w)
							}
							if tier > cpu.TierGo && first != nil && v != first[i] && (v == v || first[i] == first[i]) {
								t.Fatalf("%v, %v, mode %d, fixed %v: y[%d] is %v, on AVX2 %v", tier, s, mode, fixed, i, v, first[i])
							}
						}
						if tier == cpu.TierAVX2 && first == nil {
							first = got
						}
					}
					undo()
				}
			}
		}
	}
}

// TestDenseThreads: the bits do not depend on the number of threads, and no run but
// the first ones allocates.
func TestDenseThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range [][3]int{{1, 1025, 1027}, {1, 300, 130}, {70, 40, 33}} {
		for mode := range 16 {
			for _, fixed := range []bool{false, true} {
				c := newDenseCase[float32](r, s[0], s[1], s[2], mode)
				d, y := c.kernel(fixed), make([]float32, s[0]*s[2])
				var first []uint32
				for _, threads := range []int{1, 2, 3, 8} {
					before := runtime.GOMAXPROCS(threads)
					d.Forward(y, c.in)
					runtime.GOMAXPROCS(before)
					bits := kerneltest.Float32Bits(y)
					if first == nil {
						first = bits
					}
					if !slices.Equal(bits, first) {
						t.Errorf("%v, mode %d, fixed %v: %d threads give other bits than one", s, mode, fixed, threads)
					}
				}
				n := testing.AllocsPerRun(10, func() {
					runtime.GOMAXPROCS(2) // AllocsPerRun has set it to 1, and sets it back
					d.Forward(y, c.in)
				})
				if n > 0 {
					t.Errorf("%v, mode %d, fixed %v: %v allocations a run, want 0", s, mode, fixed, n)
				}
			}
		}
	}
}

// TestDenseFixed: weights that are fixed are read once, others at each run, and
// prepared again for another tier.
func TestDenseFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	c := newDenseCase[float32](r, 9, 20, 21, 1)
	fixed, free := c.kernel(true), c.kernel(false)
	before := c.run(t, fixed)
	for i := range c.in[1] {
		c.in[1][i] *= 2
	}
	for i := range c.in[2] {
		c.in[2][i] *= 2
	}
	if after := c.run(t, fixed); !slices.Equal(kerneltest.Float32Bits(after), kerneltest.Float32Bits(before)) {
		t.Error("weights are fixed, and changed the output")
	}
	after := c.run(t, free)
	for i, v := range after {
		if w := 2 * before[i]; v != w && (v == v || w == w) && math.Abs(float64(v-w)) > 1e-4 {
			t.Fatalf("weights are not fixed: y[%d] is %v, want %v", i, v, w)
		}
	}
	if got, want := fixed.Prepares(), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("prepares operands %v, want %v", got, want)
	}
	if fixed.Plans() != fixed.Bytes() {
		t.Errorf("plans to keep %d bytes, and keeps %d", fixed.Plans(), fixed.Bytes())
	}
	if got, want := fixed.Bytes(), 4*(20*24+24+24); got != want {
		t.Errorf("keeps %d bytes, want %d", got, want)
	}
	if free.Forward(make([]float32, 9*21), c.in); free.Bytes() != fixed.Bytes() {
		t.Errorf("keeps %d bytes, want %d whether weights are fixed or not", free.Bytes(), fixed.Bytes())
	}
	kerneltest.EachTier(t, func(t *testing.T) {
		got := c.run(t, fixed)
		for i, v := range got {
			if w := after[i]; v != w && (v == v || w == w) && math.Abs(float64(v-w)) > 1e-4 && cpu.Active() != cpu.Best() {
				t.Fatalf("y[%d] is %v, want %v", i, v, w)
			}
		}
	})
}

// TestDenseEnd: what a product takes over, and in which order.
func TestDenseEnd(t *testing.T) {
	sum, relu := conv.Ending{Sum: true}, conv.Ending{Act: &conv.ReLU}
	norm, pool := conv.Ending{Norm: &conv.Norm{}}, conv.Ending{Pool: &conv.Pool{KH: 2, KW: 2}}
	for _, test := range []struct {
		before []conv.Ending
		next   conv.Ending
		want   string
	}{
		{nil, sum, "bias true, residual true, limited false"},
		{nil, relu, "bias true, residual false, limited true"},
		{[]conv.Ending{sum}, relu, "bias true, residual true, limited true"},
		{[]conv.Ending{sum}, sum, "nothing"},
		{[]conv.Ending{relu}, sum, "nothing"},
		{[]conv.Ending{relu}, relu, "nothing"},
		{nil, norm, "nothing"},
		{nil, pool, "nothing"},
		{nil, conv.Ending{}, "nothing"},
	} {
		type ender interface {
			End(conv.Ending) (any, bool)
		}
		var k ender = &Mul[float32]{M: 2, K: 3, N: 4, Bias: true}
		for _, e := range test.before {
			both, _ := k.End(e)
			k = both.(ender)
		}
		got := "nothing"
		if both, ok := k.End(test.next); ok {
			d := both.(*Dense[float32])
			got = fmt.Sprintf("bias %v, residual %v, limited %v", d.Bias, d.Residual, d.Act.Limited)
			if d.M != 2 || d.K != 3 || d.N != 4 {
				t.Errorf("%+v then %+v: size %d×%d×%d, want 2×3×4", test.before, test.next, d.M, d.K, d.N)
			}
		}
		if got != test.want {
			t.Errorf("%+v then %+v: %s, want %s", test.before, test.next, got, test.want)
		}
	}
}

// TestNormFixed: a normalisation of images channels last reads numbers that are fixed
// once, others at each run.
func TestNormFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, fixed := range []bool{false, true} {
		c := lastCases[float64]()["BatchNorm"](r)
		l := c.lay(t, r)
		k := l.kernel.(*Pixelwise[float64])
		if got, want := k.Prepares(), []int{1, 2, 3, 4}; !slices.Equal(got, want) {
			t.Errorf("prepares operands %v, want %v", got, want)
		}
		if fixed {
			k.Fix()
		}
		before, after := kerneltest.Unset[float64](length(l.out)), kerneltest.Unset[float64](length(l.out))
		k.Forward(before, l.in)
		for i := range l.in[2] { // β
			l.in[2][i]++
		}
		k.Forward(after, l.in)
		y, shifted := unlay(t, before, l.out), unlay(t, after, l.out)
		for i, v := range y {
			want := v + 1
			if fixed {
				want = v
			}
			if v == v && math.Abs(shifted[i]-want) > 1e-9 {
				t.Fatalf("fixed %v: element %d is %v, want %v", fixed, i, shifted[i], want)
			}
		}
	}
}

// TestDenseReLU: the kernel for inference of a product with ReLU has the ReLU, and takes
// over nothing that would come before it.
func TestDenseReLU(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, rows := range []int{1, 5} {
		m := &Mul[float32]{M: rows, K: 30, N: 20, Bias: true, ReLU: true}
		in := [][]float32{kerneltest.Normal[float32](r, rows*30), kerneltest.Normal[float32](r, 30*20), kerneltest.Normal[float32](r, 20)}
		want, got := make([]float32, rows*20), make([]float32, rows*20)
		m.Forward(want, in)
		last, ok := m.Lastly()
		if !ok {
			t.Fatal("a product has no kernel for inference")
		}
		last.(*Dense[float32]).Forward(got, in)
		kerneltest.CheckRelative(t, "y", got, want, 1e-5)
		if _, ok := m.End(conv.Ending{Sum: true}); ok {
			t.Error("a sum behind the ReLU was taken before it")
		}
	}
}
