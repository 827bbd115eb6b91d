package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// LastBroadcast is Broadcast for inference on images channels last, where s has a
// number for each channel, of every image or of all: the factors of
// squeeze-and-excite, or a bias.
//
//	y[n,i,j,c] = x[n,i,j,c] · s[n,c]   or   x[n,i,j,c] + s[n,c]
//
// The numbers are few: they come as planes and get room for a whole number of vectors.
//
//	s, planes    │ s₀ s₁ … s₁₁ │ next image's      with 12 channels
//	numbers      │ s₀ s₁ … s₁₁ 0 0 0 0 │ next      with room for 16
//
// The room beyond C holds zeros: there x is zero too, and so are x·0 and x+0.
type LastBroadcast[T cpu.Float] struct {
	plain    *Broadcast[T]
	in, out  pixel.Layout
	numbers  []T // s, each image's with room for its last vector
	zeros    []T // a shift of nothing
	y, x     []T
	rows     func(lo, hi int)
	channels int // numbers of an image
}

// Lastly returns the kernel for images channels last.
func (b *Broadcast[T]) Lastly() (last any, ok bool) {
	if !b.channelwise() {
		return nil, false
	}
	return &LastBroadcast[T]{plain: b}, true
}

// Lay takes an image channels last if it lies so; s as planes, which are its numbers
// one behind the other.
func (b *LastBroadcast[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	if !in[0].Last {
		return nil, out, false
	}
	out = pixel.Planes(in[0].N, in[0].C, in[0].H, in[0].W).Lastly(pixel.Border{})
	return []pixel.Want{{Layout: out}, {}}, out, true
}

// Place tells the layouts. The numbers' memory is made here; Forward fills it at each
// run, as s may be computed anew by the graph.
func (b *LastBroadcast[T]) Place(in []pixel.Layout, out pixel.Layout) {
	b.in, b.out, b.rows = in[0], out, b.someRows
	b.channels = out.Width()
	if b.plain.with[0] == 1 {
		b.numbers = make([]T, b.channels)
	} else {
		b.numbers = make([]T, out.N*b.channels)
	}
	b.zeros = make([]T, b.channels)
}

// Forward computes y from the operands x and s. s is copied on the caller before the
// rows are shared out: it is small beside x.
func (b *LastBroadcast[T]) Forward(y []T, in [][]T) {
	if !b.out.Last {
		b.plain.Forward(y, in)
		return
	}
	c := b.out.C
	for n := 0; n*b.channels < len(b.numbers); n++ {
		copy(b.numbers[n*b.channels:][:c], in[1][n*c:])
	}
	b.y, b.x = y, in[0]
	cpu.Parallel(b.out.N*b.out.H, b.rows)
}

// someRows computes the rows [lo,hi) of all images' rows. A sum is a shift that ends a
// row of pixels. It goes row by row: an image may have a border, and the next one other
// numbers.
func (b *LastBroadcast[T]) someRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		n, i := r/b.out.H, r%b.out.H
		s := b.numbers
		if len(s) > b.channels {
			s = s[n*b.channels:][:b.channels]
		}
		y, x := b.y[b.out.At(n, i, 0):], b.x[b.in.At(n, i, 0):]
		if b.plain.multiply {
			b.scale(y, x, s)
			continue
		}
		e := pixel.End[T]{Width: b.channels, YPixel: b.out.Stride, XPixel: b.in.Stride, Shift: s, Low: T(math.Inf(-1)), High: T(math.Inf(1))}
		e.Pixels(b.out.W, y, x, nil)
	}
}

// scale multiplies a row of pixels with numbers a channel: windows of one pixel, as
// BatchNorm has them. A sum of one product, begun at zero and rounded once, is the
// rounded product.
func (b *LastBroadcast[T]) scale(y, x, s []T) {
	w := pixel.Window[T]{
		Kind: pixel.Dot, Width: b.channels, KH: 1, KW: 1, XPixel: b.in.Stride, WPixel: b.channels, YPixel: b.out.Stride,
		Shift: b.zeros, Low: T(math.Inf(-1)), High: T(math.Inf(1)),
	}
	w.Slide(b.out.W, y, x, s)
}

// Backward is not there: programs for training keep planes.
func (b *LastBroadcast[T]) Backward([][]T, []T, [][]T) {
	panic("kernel: LastBroadcast has no gradient")
}

// Bytes is the memory that the kernel keeps.
func (b *LastBroadcast[T]) Bytes() int { return cpu.BytesOf(b.numbers, b.zeros) }
