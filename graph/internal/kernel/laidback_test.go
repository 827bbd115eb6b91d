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

// This file compares kernels that take images channels last in training with
// themselves on planes, forward and backward.

// backKernel is a kernel for training that can be told how images lie.
type backKernel[T cpu.Float] interface {
	kerneltest.Operation[T]
	LayBack(in []pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool)
	Place(in []pixel.Layout, out pixel.Layout)
}

// backCase is a kernel of two makes, one for planes and one to be laid, with its
// operands, all images of one shape.
type backCase[T cpu.Float] struct {
	make  func() backKernel[T]
	image pixel.Layout // as planes
	x     [][]T
	bound float64 // of the result; 0 for the same bits
}

// backCases make a case at random, by name.
func backCases[T cpu.Float]() map[string]func(r *rand.Rand) backCase[T] {
	with := func(n int, make func(r *rand.Rand, l pixel.Layout) func() backKernel[T]) func(r *rand.Rand) backCase[T] {
		return func(r *rand.Rand) backCase[T] {
			l := randomImages(r)
			return backCase[T]{make: make(r, l), image: l, x: images[T](r, l, n).x}
		}
	}
	one := func(n int, make func() backKernel[T]) func(r *rand.Rand) backCase[T] {
		return with(n, func(*rand.Rand, pixel.Layout) func() backKernel[T] { return make })
	}
	curve := func(c vector.Curve) func(r *rand.Rand) backCase[T] {
		return one(1, func() backKernel[T] { return NewActivation[T](c) })
	}
	quarter, two := 0.25, 2.0
	return map[string]func(r *rand.Rand) backCase[T]{
		"ReLU":    one(1, func() backKernel[T] { return NewReLU[T]() }),
		"ReLU6":   one(1, func() backKernel[T] { return NewReLU6[T]() }),
		"SiLU":    curve(vector.SiLU),
		"Sigmoid": curve(vector.Sigmoid), // 0 becomes 1/2
		"Exp":     curve(vector.Exp),
		// Their derivatives are infinite at 0, which times a gradient of 0 is NaN.
		"Sqrt":                        curve(vector.Sqrt),
		"Reciprocal":                  curve(vector.Reciprocal),
		"Pow":                         curve(vector.Pow(0.5)),
		"Add":                         one(2, func() backKernel[T] { return NewAdd[T](2) }),
		"Add of three":                one(3, func() backKernel[T] { return NewAdd[T](3) }),
		"Add of five":                 one(5, func() backKernel[T] { return NewAdd[T](5) }),
		"Combine":                     one(2, func() backKernel[T] { return NewCombine[T](&quarter, &two) }),
		"ReLU of an interval, centre": one(2, func() backKernel[T] { return NewReLUInterval[T](false) }),
		"ReLU of an interval, radius": one(2, func() backKernel[T] { return NewReLUInterval[T](true) }),
		"Hadamard":                    one(2, func() backKernel[T] { return NewHadamard[T]() }),
		"a curve in Go": curve(vector.Curve{
			F: func(x float64) float64 { return x*x + 1 }, DF: func(x float64) float64 { return 2 * x },
		}),
		"PadChannels": with(1, func(r *rand.Rand, l pixel.Layout) func() backKernel[T] {
			pixels, more := l.H*l.W, r.IntN(20)
			return func() backKernel[T] { return &PadChannels[T]{N: l.N, From: l.C * pixels, To: (l.C + more) * pixels} }
		}),
		"MaxPool2D": maxCase[T],
		"AvgPool2D": meanCase[T](func(r *rand.Rand, l pixel.Layout) PoolShape { return randomPool(r, l) }, 16),
		"AvgPool2D of the image": meanCase[T](func(_ *rand.Rand, l pixel.Layout) PoolShape {
			return PoolShape{Planes: l.N * l.C, H: l.H, W: l.W, KH: l.H, KW: l.W, StrideH: 1, StrideW: 1, OH: 1, OW: 1}
		}, 16),
		"AvgPool2D of single pixels": meanCase[T](func(r *rand.Rand, l pixel.Layout) PoolShape {
			step := 1 + r.IntN(3)
			return PoolShape{Planes: l.N * l.C, H: l.H, W: l.W, KH: 1, KW: 1, StrideH: step, StrideW: step, OH: (l.H-1)/step + 1, OW: (l.W-1)/step + 1}
		}, 0),
	}
}

// meanCase makes means of windows. On planes they add up in another order: so many
// roundings of what is at most the largest pixel, however small the mean is.
func meanCase[T cpu.Float](shape func(r *rand.Rand, l pixel.Layout) PoolShape, roundings float64) func(r *rand.Rand) backCase[T] {
	return func(r *rand.Rand) backCase[T] {
		l := randomImages(r)
		s, x, largest := shape(r, l), images[T](r, l, 1).x, 0.
		for _, v := range x[0] {
			if v == v {
				largest = max(largest, math.Abs(float64(v)))
			}
		}
		return backCase[T]{
			make:  func() backKernel[T] { return NewAvgPool2D[T](s) },
			image: l, x: x, bound: roundings * kerneltest.Epsilon[T]() * largest,
		}
	}
}

// maxCase makes the largest of windows, with what is special among the pixels: equal
// ones, windows of -Inf alone, +Inf and NaN.
func maxCase[T cpu.Float](r *rand.Rand) backCase[T] {
	l := randomImages(r)
	s, x := randomPool(r, l), images[T](r, l, 1).x
	special := []T{0, 1, T(math.Inf(1)), T(math.Inf(-1)), T(math.Inf(-1))}
	for i, often := 0, r.Float64(); i < len(x[0]); i++ {
		if r.Float64() < often {
			x[0][i] = special[r.IntN(len(special))]
		}
	}
	return backCase[T]{make: func() backKernel[T] { return NewMaxPool2D[T](s) }, image: l, x: x}
}

// laidBack is a kernel of a case that was told how its images lie: with any border,
// but of the width that it asked for, as nothing is joined in training.
type laidBack[T cpu.Float] struct {
	kernel backKernel[T]
	in     []pixel.Layout
	out    pixel.Layout
}

// lay tells a kernel that one of its operands lies channels last.
func (c backCase[T]) lay(t *testing.T, r *rand.Rand) laidBack[T] {
	t.Helper()
	l := laidBack[T]{kernel: c.make()}
	lie := slices.Repeat([]pixel.Layout{c.image}, len(c.x))
	if _, _, ok := l.kernel.LayBack(lie, true); ok {
		t.Fatalf("%T takes images channels last, though all are planes", l.kernel)
	}
	some := r.IntN(len(lie))
	lie[some] = lie[some].Lastly(pixel.Border{})
	wants, out, ok := l.kernel.LayBack(lie, r.IntN(2) > 0)
	if !ok || len(wants) != len(lie) || !out.Last {
		t.Fatalf("%T wants %v and gives %v, %v, of %v", l.kernel, wants, out, ok, lie)
	}
	for _, w := range wants {
		if !w.Last {
			t.Fatalf("%T wants planes beside images channels last", l.kernel)
		}
		l.in = append(l.in, grown(r, w.Layout, true))
	}
	l.out = grown(r, out, true)
	l.kernel.Place(l.in, l.out)
	return l
}

// run runs both ways between fences: it returns the result, and the gradients that are
// wanted, as they lie. The result is spoiled in between, as a program may have
// overwritten it.
func (l laidBack[T]) run(t *testing.T, x [][]T, dy []T, wanted []bool, atEnd bool) (y []T, dIn [][]T) {
	t.Helper()
	in := make([][]T, len(x))
	for i := range x {
		in[i] = lay(x[i], l.in[i])
	}
	fenced := kerneltest.CopyFenced(t, in, atEnd)
	out := kerneltest.Fenced[T](t, length(l.out), atEnd) // all NaN
	l.kernel.Forward(out, fenced)
	y = slices.Clone(out)
	copy(out, kerneltest.Unset[T](len(out)))
	laid := lay(dy, l.out.Unbordered())
	d := kerneltest.CopyFenced(t, [][]T{laid}, atEnd)[0]
	dIn = make([][]T, len(x))
	for i := range dIn {
		if wanted[i] {
			dIn[i] = kerneltest.Fenced[T](t, l.in[i].Unbordered().Size(), atEnd)
		}
	}
	l.kernel.Backward(dIn, d, fenced)
	for i, operand := range append(fenced, d) {
		within(t, operand, append(in, laid)[i], 0) // nobody has written to it
	}
	return y, dIn
}

// planes are the result and all gradients on planes.
func (c backCase[T]) planes(size int, r *rand.Rand) (y, dy []T, dIn [][]T) {
	k := c.make()
	y, dy = kerneltest.Unset[T](size), kerneltest.Normal[T](r, size)
	k.Forward(y, c.x)
	for range c.x {
		dIn = append(dIn, kerneltest.Unset[T](c.image.Size()))
	}
	k.Backward(dIn, dy, c.x)
	return y, dy, dIn
}

// TestLaidBack: kernels compute of images channels last what they do of planes, in all
// layouts and on all tiers. Gradients have the same bits.
func TestLaidBack(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testLaidBack[float32])
		if cpu.Active() == cpu.TierGo { // which is all that there is
			t.Run("float64", testLaidBack[float64])
		}
	})
}

// tries is how often a test makes each case.
func tries() int {
	if testing.Short() {
		return 12
	}
	return 60
}

func testLaidBack[T cpu.Float](t *testing.T) {
	for name, newCase := range backCases[T]() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, 12))
			for i := range tries() {
				c := newCase(r)
				l := c.lay(t, r)
				size := pixel.Planes(l.out.N, l.out.C, l.out.H, l.out.W).Size()
				want, dy, wantIn := c.planes(size, r)
				for run := range 3 { // all gradients, and then some or none
					wanted := make([]bool, len(c.x))
					for j := range wanted {
						wanted[j] = run == 0 || r.IntN(2) > 0
					}
					y, dIn := l.run(t, c.x, dy, wanted, (i+run)%2 > 0)
					within(t, unlay(t, y, l.out), want, c.bound)
					for j, d := range dIn {
						if d != nil {
							within(t, unlay(t, d, l.in[j].Unbordered()), wantIn[j], 0)
						}
					}
				}
			}
		})
	}
}

// within compares with a bound on the difference. NaN equals NaN.
func within[T cpu.Float](t *testing.T, got, want []T, bound float64) {
	t.Helper()
	for i, v := range got {
		if w := want[i]; v != w && (v == v || w == w) && !(math.Abs(float64(v-w)) <= bound) {
			t.Fatalf("element %d of %d is %v, want %v ± %v", i, len(want), v, w, bound)
		}
	}
}

// TestLaidBackThreads: the bits do not depend on the number of threads.
func TestLaidBackThreads(t *testing.T) {
	t.Run("float32", testLaidBackThreads[float32])
	t.Run("float64", testLaidBackThreads[float64])
}

func testLaidBackThreads[T cpu.Float](t *testing.T) {
	for name, newCase := range backCases[T]() {
		r := rand.New(rand.NewPCG(13, 14))
		for range 5 {
			c := newCase(r)
			l := c.lay(t, r)
			dy := kerneltest.Normal[T](r, l.out.N*l.out.C*l.out.H*l.out.W)
			var first []uint64
			for _, threads := range []int{1, 2, 3, 8} {
				before := runtime.GOMAXPROCS(threads)
				y, dIn := l.run(t, c.x, dy, slices.Repeat([]bool{true}, len(c.x)), true)
				runtime.GOMAXPROCS(before)
				var bits []uint64
				for _, v := range slices.Concat(append(dIn, y)...) {
					if v != v {
						v = T(math.NaN()) // which NaN does not matter
					}
					bits = append(bits, math.Float64bits(float64(v)))
				}
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

// TestLaidBackAllocatesNothing: no run but the first one allocates.
func TestLaidBackAllocatesNothing(t *testing.T) {
	for name, newCase := range backCases[float32]() {
		r := rand.New(rand.NewPCG(15, 16))
		for range 4 {
			c := newCase(r)
			l := c.lay(t, r)
			y, dy := make([]float32, l.out.Size()), make([]float32, l.out.Unbordered().Size())
			var in, dIn [][]float32
			for i, x := range c.x {
				in, dIn = append(in, lay(x, l.in[i])), append(dIn, make([]float32, l.in[i].Unbordered().Size()))
			}
			n := testing.AllocsPerRun(16, func() {
				runtime.GOMAXPROCS(2) // AllocsPerRun has set it to 1, and sets it back
				l.kernel.Forward(y, in)
				l.kernel.Backward(dIn, dy, in)
			})
			if n > 0 {
				t.Errorf("%s, %v: %v allocations a run, want 0", name, l.out, n)
			}
		}
	}
}

// TestLayBackRefuses: a sum of one operand, and windows whose
// places do not fit into a byte, stay with planes.
func TestLayBackRefuses(t *testing.T) {
	image := pixel.Planes(1, 8, 20, 20).Lastly(pixel.Border{})
	window := func(kh, kw int) PoolShape {
		return PoolShape{Planes: 8, H: 20, W: 20, KH: kh, KW: kw, StrideH: 1, StrideW: 1, OH: 21 - kh, OW: 21 - kw}
	}
	for _, c := range []struct {
		kernel   backKernel[float32]
		operands int
		want     bool
	}{
		{NewAdd[float32](1), 1, false},
		{NewAdd[float32](2), 2, true},
		{NewAdd[float32](3), 3, true},
		{NewMaxPool2D[float32](window(15, 15)), 1, true},
		{NewMaxPool2D[float32](window(16, 1)), 1, false},
		{NewMaxPool2D[float32](window(1, 16)), 1, false},
		{NewAvgPool2D[float32](window(16, 16)), 1, true},
	} {
		if _, _, ok := c.kernel.LayBack(slices.Repeat([]pixel.Layout{image}, c.operands), true); ok != c.want {
			t.Errorf("%T of %d operands takes images channels last: %v, want %v", c.kernel, c.operands, ok, c.want)
		}
	}
}

// TestLaidBackBytes: a pooling of pixels keeps a byte for each winner, the scale and the
// shift of a channel, and where windows overlap a window for each goroutine.
func TestLaidBackBytes(t *testing.T) {
	image := pixel.Planes(1, 6, 5, 5)
	for _, c := range []struct{ stride, size, want int }{
		{2, 2, 2*2*8 + 2*8*4},
		{1, 4, 4*4*8 + 2*8*4 + 2*2*8*4},
	} {
		k := NewMaxPool2D[float32](PoolShape{Planes: 6, H: 5, W: 5, KH: 2, KW: 2, StrideH: c.stride, StrideW: c.stride, OH: c.size, OW: c.size})
		wants, out, _ := k.LayBack([]pixel.Layout{image.Lastly(pixel.Border{})}, true)
		k.Place([]pixel.Layout{wants[0].Layout}, out)
		x, y := make([]float32, wants[0].Size()), make([]float32, out.Size())
		k.Forward(y, [][]float32{x})
		k.Backward([][]float32{make([]float32, len(x))}, y, [][]float32{x})
		if got := k.Bytes(); got != c.want {
			t.Errorf("stride %d: %d bytes, want %d", c.stride, got, c.want)
		}
	}
}
