package kernel

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// lastCase is a kernel that leaves images channels last to another one, with its
// operands: images as planes, and numbers a channel, whose layout is the zero one.
type lastCase[T cpu.Float] struct {
	plain interface {
		Forward(y []T, in [][]T)
		Lastly() (last any, ok bool)
	}
	in    []pixel.Layout
	x     [][]T
	bound float64 // of the largest value; 0 for the same bits
}

// laidKernel is the other one.
type laidKernel[T cpu.Float] interface {
	Forward(y []T, in [][]T)
	Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool)
	Place(in []pixel.Layout, out pixel.Layout)
}

// images are n operands of one shape, of one element in ten NaN.
func images[T cpu.Float](r *rand.Rand, l pixel.Layout, n int) (c lastCase[T]) {
	for range n {
		x := kerneltest.Normal[T](r, l.Size())
		for i := range x {
			if r.IntN(10) == 0 {
				x[i] = T(math.NaN())
			}
		}
		c.in, c.x = append(c.in, l), append(c.x, x)
	}
	return c
}

// lastCases make a case at random, by name.
func lastCases[T cpu.Float]() map[string]func(r *rand.Rand) lastCase[T] {
	with := func(n int, kernel func(r *rand.Rand, l pixel.Layout, c *lastCase[T])) func(r *rand.Rand) lastCase[T] {
		return func(r *rand.Rand) lastCase[T] {
			l := randomImages(r)
			c := images[T](r, l, n)
			kernel(r, l, &c)
			return c
		}
	}
	curve := func(v vector.Curve) func(r *rand.Rand) lastCase[T] {
		return with(1, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewActivation[T](v) })
	}
	return map[string]func(r *rand.Rand) lastCase[T]{
		"ReLU":             with(1, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewReLU[T]() }),
		"ReLU6":            with(1, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewReLU6[T]() }),
		"SiLU":             curve(vector.SiLU),
		"Sigmoid":          curve(vector.Sigmoid),
		"Reciprocal":       curve(vector.Reciprocal),
		"a curve in Go":    curve(vector.Curve{F: func(x float64) float64 { return x + 1 }}),
		"Add of two":       with(2, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewAdd[T](2) }),
		"Add of three":     with(3, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewAdd[T](3) }),
		"Interval's ReLU":  with(2, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewReLUInterval[T](false) }),
		"Hadamard":         with(2, func(_ *rand.Rand, _ pixel.Layout, c *lastCase[T]) { c.plain = NewHadamard[T]() }),
		"Broadcast x·s":    with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) { c.broadcast(r, l, true) }),
		"Broadcast x+s":    with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) { c.broadcast(r, l, false) }),
		"BatchNorm":        with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) { c.norm(r, l, false) }),
		"BatchNorm + ReLU": with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) { c.norm(r, l, true) }),
		"MaxPool2D":        with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) { c.plain = NewMaxPool2D[T](randomPool(r, l)) }),
		"AvgPool2D": with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) {
			c.plain, c.bound = NewAvgPool2D[T](randomPool(r, l)), 16*kerneltest.Epsilon[T]()
		}),
		"AvgPool2D of the image": with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) {
			// With padding the only window may end before the image does.
			s := PoolShape{Planes: l.N * l.C, H: l.H, W: l.W, KH: l.H + r.IntN(2), KW: l.W, StrideH: 1, StrideW: 1, OH: 1, OW: 1}
			s.PadTop, s.PadLeft = r.IntN(min(2, s.KH)), r.IntN(min(2, s.KW))
			c.plain, c.bound = NewAvgPool2D[T](s), 64*kerneltest.Epsilon[T]()
		}),
		"Concat": concatCase[T],
		"PadImage": with(1, func(r *rand.Rand, l pixel.Layout, c *lastCase[T]) {
			c.plain = &PadImage[T]{
				Planes: l.N * l.C, H: l.H, W: l.W, Top: r.IntN(3), Bottom: r.IntN(3), Left: r.IntN(3), Right: r.IntN(3), Fill: float64(r.IntN(2)),
			}
		}),
	}
}

// norm makes it a normalisation with running statistics.
func (c *lastCase[T]) norm(r *rand.Rand, l pixel.Layout, relu bool) {
	c.plain = &BatchNorm[T]{N: l.N, C: l.C, Pixels: l.H * l.W, Epsilon: 0.1, ReLU: relu}
	for range 4 {
		c.in, c.x = append(c.in, pixel.Layout{}), append(c.x, kerneltest.Normal[T](r, l.C))
	}
	for i, v := range c.x[4] {
		c.x[4][i] = v * v
	}
	c.bound = 16 * kerneltest.Epsilon[T]()
}

// broadcast makes it a product or a sum with a number for each channel, of every image
// or of all.
func (c *lastCase[T]) broadcast(r *rand.Rand, l pixel.Layout, multiply bool) {
	with := []int{1 + r.IntN(2)*(l.N-1), l.C, 1, 1}
	c.plain = NewBroadcast[T](multiply, []int{l.N, l.C, l.H, l.W}, with)
	c.in, c.x = append(c.in, pixel.Layout{}), append(c.x, kerneltest.Normal[T](r, with[0]*l.C))
}

// randomPool is a pooling whose padding may be larger on one side.
func randomPool(r *rand.Rand, l pixel.Layout) PoolShape {
	s := PoolShape{Planes: l.N * l.C, H: l.H, W: l.W, KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
	s.PadTop, s.PadLeft = r.IntN(s.KH), r.IntN(s.KW)
	s.OH = max(0, s.H+s.PadTop+r.IntN(s.KH)-s.KH)/s.StrideH + 1
	s.OW = max(0, s.W+s.PadLeft+r.IntN(s.KW)-s.KW)/s.StrideW + 1
	return s
}

// concatCase joins images of different numbers of channels.
func concatCase[T cpu.Float](r *rand.Rand) lastCase[T] {
	first := randomImages(r)
	k := &Concat[T]{Outer: first.N}
	c := lastCase[T]{plain: k}
	for range 1 + r.IntN(4) {
		l := first
		l.C = 1 + r.IntN(20)
		k.Blocks = append(k.Blocks, l.C*l.H*l.W)
		one := images[T](r, l, 1)
		c.in, c.x = append(c.in, l), append(c.x, one.x[0])
	}
	return c
}

// TestLastly: the kernels for images channels last compute what those for planes do,
// in all layouts and on all tiers.
func TestLastly(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testLastly[float32])
		t.Run("float64", testLastly[float64])
	})
}

func testLastly[T cpu.Float](t *testing.T) {
	for name, newCase := range lastCases[T]() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 25 {
				c := newCase(r)
				l := c.lay(t, r)
				want := make([]T, l.planes.Size())
				c.plain.Forward(want, c.x)
				for range 2 {
					l.check(t, want, c.bound)
				}
				l.checkPlanes(t, c, want)
			}
		})
	}
}

// laidCase is the kernel of a case, told where images lie, and its operands there.
type laidCase[T cpu.Float] struct {
	kernel laidKernel[T]
	in     [][]T
	out    pixel.Layout
	planes pixel.Layout // of the result, as planes
}

// lay asks the kernel how it wants its operands, and gives them to it so or with
// larger borders, as parts of wider pixels.
func (c lastCase[T]) lay(t *testing.T, r *rand.Rand) laidCase[T] {
	t.Helper()
	last, ok := c.plain.Lastly()
	if !ok {
		t.Fatalf("%T has no kernel for images channels last", c.plain)
	}
	k := last.(laidKernel[T])
	lie, some := slices.Clone(c.in), r.IntN(c.images())
	lie[some] = lie[some].Lastly(pixel.Border{}) // one image lies so, the others are planes
	wants, out, ok := k.Lay(lie)
	if !ok {
		t.Fatalf("%T takes no images channels last", k)
	}
	l := laidCase[T]{kernel: k, out: grown(r, out, false), planes: pixel.Planes(out.N, out.C, out.H, out.W)}
	places := make([]pixel.Layout, len(c.in))
	for i, w := range wants {
		if w.Last {
			places[i] = grown(r, w.Layout, w.Tight)
			l.in = append(l.in, lay(c.x[i], places[i]))
		} else {
			l.in = append(l.in, c.x[i])
		}
	}
	k.Place(places, l.out)
	return l
}

// images is the number of operands that are images.
func (c lastCase[T]) images() (n int) {
	for _, l := range c.in {
		if l.N > 0 {
			n++
		}
	}
	return n
}

// check runs the kernel between fences and compares.
func (l laidCase[T]) check(t *testing.T, want []T, bound float64) {
	t.Helper()
	y := kerneltest.Fenced[T](t, length(l.out), true) // all NaN
	l.kernel.Forward(y, kerneltest.CopyFenced(t, l.in, true))
	equal(t, unlay(t, y, l.out), want, bound)
}

// checkPlanes: a kernel that was not told where images lie takes planes.
func (l laidCase[T]) checkPlanes(t *testing.T, c lastCase[T], want []T) {
	t.Helper()
	last, _ := c.plain.Lastly()
	k := last.(laidKernel[T])
	if _, _, ok := k.Lay(c.in); ok {
		t.Errorf("%T takes images channels last, though all are planes", k)
	}
	y := kerneltest.Unset[T](len(want))
	k.Forward(y, c.x)
	equal(t, y, want, 0)
}

// equal compares with a bound relative to the largest value. NaN equals NaN.
func equal[T cpu.Float](t *testing.T, got, want []T, bound float64) {
	t.Helper()
	scale := 0.
	for _, v := range want {
		if v == v {
			scale = max(scale, math.Abs(float64(v)))
		}
	}
	for i, v := range got {
		if w := want[i]; v != w && (v == v || w == w) && !(math.Abs(float64(v-w)) <= bound*scale) {
			t.Fatalf("element %d of %d is %v, want %v", i, len(want), v, w)
		}
	}
}

// TestLastlyThreads: the bits do not depend on the number of threads.
func TestLastlyThreads(t *testing.T) {
	for name, newCase := range lastCases[float32]() {
		r := rand.New(rand.NewPCG(5, 6))
		for range 10 {
			l := newCase(r).lay(t, r)
			var first []uint32
			for _, threads := range []int{1, 2, 3, 8} {
				before := runtime.GOMAXPROCS(threads)
				y := kerneltest.Unset[float32](length(l.out))
				l.kernel.Forward(y, l.in)
				runtime.GOMAXPROCS(before)
				bits := kerneltest.Float32Bits(y)
				if first == nil {
					first = bits
				}
				if !slices.Equal(bits, first) {
					t.Errorf("%s: %d threads give other bits than one", name, threads)
				}
			}
		}
	}
}

// TestLastlyAllocatesNothing: no run but the first ones allocates.
func TestLastlyAllocatesNothing(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for name, newCase := range lastCases[float32]() {
			r := rand.New(rand.NewPCG(7, 8))
			for range 6 {
				l := newCase(r).lay(t, r)
				y := make([]float32, length(l.out))
				n := testing.AllocsPerRun(16, func() {
					runtime.GOMAXPROCS(2) // AllocsPerRun has set it to 1, and sets it back
					l.kernel.Forward(y, l.in)
				})
				if n > 0 {
					t.Errorf("%s, %v: %v allocations a run, want 0", name, l.out, n)
				}
			}
		}
	})
}

// TestConcatInPlace: an operand that lies in the result already is not read.
func TestConcatInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		c := concatCase[float32](r)
		l := c.lay(t, r)
		there := make([]bool, len(c.in))
		want := make([]float32, l.planes.Size())
		for i := range there {
			if there[i] = r.IntN(2) > 0; there[i] {
				l.in[i] = nil
			}
		}
		l.kernel.(interface{ InPlace(there []bool) }).InPlace(there)
		c.plain.Forward(want, c.x)
		y := kerneltest.Unset[float32](length(l.out))
		l.kernel.Forward(y, l.in)
		channel := 0
		for i, layout := range c.in {
			for range layout.C {
				for n := range l.out.N {
					for p := range l.out.H * l.out.W {
						v := y[l.out.At(n, p/l.out.W, p%l.out.W)+channel]
						w := want[(n*l.out.C+channel)*l.out.H*l.out.W+p]
						if there[i] {
							w = float32(math.NaN()) // left alone
						}
						if v != w && (v == v || w == w) {
							t.Fatalf("operand %d, in place %v: channel %d of pixel %d is %v, want %v", i, there[i], channel, p, v, w)
						}
					}
				}
				channel++
			}
		}
	}
}
