package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// This file compares convolutions that take or give images channels last in training
// with themselves on planes.

// backKernel is a convolution, by itself or with what follows it.
type backKernel[T cpu.Float] interface {
	kerneltest.Operation[T]
	LayBack(in []pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool)
	Place(in []pixel.Layout, out pixel.Layout)
	AddsTo(operand int) bool
}

// replacing is a backKernel that may write a gradient over dy.
type replacing interface{ Replaces(operand int) bool }

// backCase is a kernel of two makes, one for planes and one to be laid, and its
// operands: the image and the others.
type backCase[T cpu.Float] struct {
	make       func() backKernel[T]
	image, out pixel.Layout // as planes
	x          [][]T
	constant   []int // operands without a gradient
	residual   bool  // the last operand is an image as large as the result
	there      []T   // a gradient of the image that is there before, as planes; nil for none
}

// lies says how the images of a case lie: the first operand, the result and the
// residual image.
type lies struct{ in, out, residual pixel.Layout }

// newBackCase makes a convolution at random, or one with an activation, a pooling and
// perhaps a normalisation behind it.
func newBackCase[T cpu.Float](r *rand.Rand, s Shape) (c backCase[T]) {
	b := Block{Bias: r.IntN(2) > 0, KH: 1, KW: 1}
	c.image, c.out = pixel.Planes(s.N, s.C, s.H, s.W), pixel.Planes(s.N, s.F, s.OH, s.OW)
	c.x = [][]T{kerneltest.Normal[T](r, s.N*s.InSize()), kerneltest.Normal[T](r, s.Weights())}
	if b.Bias {
		c.x = append(c.x, kerneltest.Normal[T](r, s.F))
	}
	if r.IntN(2) > 0 {
		c.make = func() backKernel[T] { return NewConv2d[T](s, b.Bias) }
		return c
	}
	b.Top, b.KH, b.KW = []float64{0, 6, math.Inf(1)}[r.IntN(3)], 1+r.IntN(min(3, s.OH)), 1+r.IntN(min(3, s.OW))
	if r.IntN(2) > 0 {
		b.KH, b.KW = 1, 1
	}
	if r.IntN(2) > 0 {
		b.Norm = &Norm{Epsilon: 0.1, Momentum: 0.9, Training: true}
		for range 4 {
			c.x = append(c.x, kerneltest.Normal[T](r, s.F))
		}
		c.constant = []int{len(c.x) - 2, len(c.x) - 1}
		if b.Residual = b.Top > 0 && b.KH == 1 && b.KW == 1; b.Residual {
			c.residual = true
			c.x = append(c.x, kerneltest.Normal[T](r, c.out.Size()))
		}
	}
	c.out.H, c.out.W = s.OH/b.KH, s.OW/b.KW
	c.make = func() backKernel[T] { return NewConvBlock[T](s, b) }
	return c
}

// run runs both ways between fences, with images that lie as they are told, and returns
// the result and the gradients as planes. The running statistics, which change, are its
// own.
func (c backCase[T]) run(t *testing.T, k backKernel[T], l lies, dy []T, atEnd bool) (got [][]T) {
	t.Helper()
	operands, last := slices.Clone(c.x), len(c.x)-1
	operands[0] = turned(c.x[0], l.in)
	if c.residual {
		operands[last] = turned(c.x[last], l.residual)
	}
	x := kerneltest.CopyFenced(t, operands, atEnd)
	y := kerneltest.Fenced[T](t, l.out.Size(), atEnd) // all NaN
	k.Forward(y, x)
	got = append(got, unturned(t, y, l.out))
	d := kerneltest.CopyFenced(t, [][]T{turned(dy, l.out.Unbordered())}, atEnd)[0]
	copy(y, kerneltest.Unset[T](len(y))) // a program may overwrite it
	dIn := make([][]T, len(x))
	for i := range x {
		if !slices.Contains(c.constant, i) {
			dIn[i] = kerneltest.Fenced[T](t, len(x[i]), atEnd)
		}
	}
	dIn[0] = kerneltest.Fenced[T](t, l.in.Unbordered().Size(), atEnd)
	if c.there != nil {
		copy(dIn[0], turned(c.there, l.in.Unbordered()))
	}
	if c.residual {
		dIn[last] = kerneltest.Fenced[T](t, l.residual.Unbordered().Size(), atEnd)
		if k.(replacing).Replaces(last) && c.there != nil {
			dIn[last] = d
		}
	}
	k.Backward(dIn, d, x)
	dIn[0] = unturned(t, dIn[0], l.in.Unbordered())
	if c.residual {
		dIn[last] = unturned(t, dIn[last], l.residual.Unbordered())
	}
	return append(got, dIn...)
}

// turned returns planes in a layout, which may be planes.
func turned[T cpu.Float](planes []T, l pixel.Layout) []T {
	if !l.Last {
		return planes
	}
	return lay(planes, l)
}

func unturned[T cpu.Float](t *testing.T, data []T, l pixel.Layout) []T {
	t.Helper()
	if !l.Last {
		return slices.Clone(data)
	}
	return unlay(t, data, l)
}

// lay tells the kernel at random that its image lies channels last, that its result
// is wanted so, or both; the border may be any, even less than it asks for: a gradient
// has none.
func (c backCase[T]) lay(t *testing.T, r *rand.Rand) (k backKernel[T], l lies) {
	t.Helper()
	k, in := c.make(), c.image
	lie := slices.Repeat([]pixel.Layout{{}}, len(c.x))
	lie[0] = in
	if _, _, ok := k.LayBack(lie, false); ok {
		t.Fatalf("%T has a layout though nobody wants one", k)
	}
	from := r.IntN(3)
	if from > 0 {
		lie[0] = in.Lastly(pixel.Border{})
	}
	wants, out, ok := k.LayBack(lie, from != 1)
	if !ok || out.Last != (from != 1) || wants[0].Last != (from > 0) {
		t.Fatalf("%T wants %v and gives %v, %v, of %v", k, wants, out, ok, lie[0])
	}
	if from > 0 {
		if in = wants[0].Layout; r.IntN(4) == 0 {
			in = in.Unbordered()
		}
		in = grown(r, pixel.Want{Layout: in, Tight: true})
	}
	if out.Last {
		out = grown(r, pixel.Want{Layout: out, Tight: true})
	}
	l = lies{in, out, c.out}
	places := slices.Clone(lie)
	places[0] = in
	if want := wants[len(wants)-1]; c.residual {
		if want.Last != out.Last {
			t.Fatalf("%T wants its residual image as %v for a result as %v", k, want, out)
		}
		if want.Last {
			l.residual = grown(r, pixel.Want{Layout: want.Layout, Tight: true})
		}
		places[len(places)-1] = l.residual
	}
	k.Place(places, out)
	return k, l
}

// backShapes are shapes for each engine, and with groups, which have none.
func backShapes(r *rand.Rand) (shapes []Shape) {
	for _, kind := range layerKinds {
		shapes = append(shapes, kind.shape(r))
	}
	one := randomLayer(r, 1, 1+r.IntN(40), 1)
	groups := randomLayer(r, 4*(1+r.IntN(3)), 4*(1+r.IntN(4)), 4)
	return append(shapes, one, groups)
}

// TestLayBack: convolutions compute of images channels last what they do of planes,
// with the same bits but for one sum, on all tiers.
func TestLayBack(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testLayBack[float32])
		if cpu.Active() == cpu.TierGo { // which is all that there is
			t.Run("float64", testLayBack[float64])
		}
	})
}

func testLayBack[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	times := 12
	if testing.Short() {
		times = 2
	}
	for i := range times {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // memory between fences is given back after each
			for _, s := range backShapes(r) {
				newBackCase[T](r, s).check(t, r, s, i%2 > 0)
			}
		})
	}
}

// check compares a laid kernel with one on planes.
func (c backCase[T]) check(t *testing.T, r *rand.Rand, s Shape, atEnd bool) {
	t.Helper()
	dy := kerneltest.Normal[T](r, c.out.Size())
	want := c.run(t, c.make(), lies{c.image, c.out, c.out}, dy, true)
	k, l := c.lay(t, r)
	for range 2 { // memory is reused at the second run
		for j, got := range c.run(t, k, l, dy, atEnd) {
			if j == 2 && s.pointwise() { // the sum of its weights' gradient is cut otherwise, if the image has a border
				kerneltest.CheckRelative(t, "dw", got, want[j], 1e-5)
				continue
			}
			for at, v := range got {
				if w := want[j][at]; v != w && (v == v || w == w) {
					t.Fatalf("%T of %+v, %v: element %d of %d (0 the result, then gradients) is %v, want %v", k, s, l, at, j, v, w)
				}
			}
		}
	}
}

// TestLayBackThreads: the bits do not depend on the number of threads.
func TestLayBackThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, s := range backShapes(r) {
		c := newBackCase[float32](r, s)
		dy := kerneltest.Normal[float32](r, c.out.Size())
		k, l := c.lay(t, r)
		var first []uint32
		for _, threads := range []int{1, 2, 3, 8} {
			before := runtime.GOMAXPROCS(threads)
			bits := kerneltest.Float32Bits(c.run(t, k, l, dy, true)...)
			runtime.GOMAXPROCS(before)
			if first == nil {
				first = bits
			}
			if !slices.Equal(bits, first) {
				t.Errorf("%T of %+v: %d threads give other bits than one", k, s, threads)
			}
		}
	}
}

// TestAddsTo: a convolution that adds the image's gradient to another one gives their sum,
// with the bits of a sum that is made behind it, and the gradients of the other operands as
// before: for all engines and layouts, on all tiers.
func TestAddsTo(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testAddsTo[float32])
		if cpu.Active() == cpu.TierGo {
			t.Run("float64", testAddsTo[float64])
		}
	})
}

func testAddsTo[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	times := 12
	if testing.Short() {
		times = 3
	}
	for i := range times {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for _, s := range backShapes(r) {
				newBackCase[T](r, s).checkSum(t, r, s, i%2 > 0)
			}
		})
	}
}

// checkSum compares a kernel that adds with the same one before it is told to. It writes
// the residual image's gradient over dy, if it may.
func (c backCase[T]) checkSum(t *testing.T, r *rand.Rand, s Shape, atEnd bool) {
	t.Helper()
	dy := kerneltest.Normal[T](r, c.out.Size())
	k, l := c.make(), lies{c.image, c.out, c.out}
	if r.IntN(3) > 0 {
		k, l = c.lay(t, r)
	}
	want := c.run(t, k, l, dy, atEnd)
	if k.AddsTo(1) {
		t.Fatalf("%T adds the gradient of its filters", k)
	}
	if !k.AddsTo(0) {
		t.Fatalf("%T does not add the gradient of its image", k)
	}
	c.there = kerneltest.Normal[T](r, c.image.Size())
	for i, v := range c.there {
		want[1][i] += v
	}
	for range 2 { // memory is reused at the second run
		for j, got := range c.run(t, k, l, dy, atEnd) {
			for at, v := range got {
				if w := want[j][at]; v != w && (v == v || w == w) {
					t.Fatalf("%T of %+v, %v: element %d of %d (0 the result, then gradients) is %v, want %v", k, s, l, at, j, v, w)
				}
			}
		}
	}
}
