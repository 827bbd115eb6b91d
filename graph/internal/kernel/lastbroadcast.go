package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// LastBroadcast is Broadcast for inference on images channels last, where s has a
// number for each channel, of every image or of all: the factors of
// squeeze-and-excite, or a bias.
//
//	y[n,i,j,c] = x[n,i,j,c] · s[n,c]   or   x[n,i,j,c] + s[n,c]
//
// A product is one walk over x that computes little: memory decides its time. A 1×1
// convolution that alone reads it may multiply the pixels itself, see Beginning: then
// there is no such step, and the bits are the same.
type LastBroadcast[T cpu.Float] struct {
	plain   *Broadcast[T]
	in, out pixel.Layout
	numbers pixel.Numbers[T] // s
	y, x    []T
	rows    func(lo, hi int)
}

// Lastly returns the kernel for images channels last.
func (b *Broadcast[T]) Lastly() (last any, ok bool) {
	if !b.channelwise() {
		return nil, false
	}
	return &LastBroadcast[T]{plain: b}, true
}

// Beginning is the product of images with a number for each channel, which a
// convolution can do while it reads them.
func (b *Broadcast[T]) Beginning() conv.Beginning {
	if !b.multiply || !b.channelwise() {
		return conv.Beginning{}
	}
	return conv.Beginning{Factors: b.size}
}

// Lay takes an image channels last if it lies so, and s as it comes: a convolution of
// means gives the factors channels last, a product of matrices gives planes, and neither
// has to be turned. The result has no border of its own.
func (b *LastBroadcast[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	if !in[0].Last {
		return nil, out, false
	}
	out = pixel.Planes(in[0].N, in[0].C, in[0].H, in[0].W).Lastly(pixel.Border{})
	return []pixel.Want{{Layout: out}, pixel.WantNumbers(in[1])}, out, true
}

// Place tells the layouts. The numbers' memory is made here; Forward fills it at each
// run.
func (b *LastBroadcast[T]) Place(in []pixel.Layout, out pixel.Layout) {
	b.in, b.out, b.rows = in[0], out, b.someRows
	b.numbers.Place(b.plain.with[0], out.C, in[1])
}

// Forward computes y from the operands x and s. s is copied on the caller before the
// rows are shared out: it is small beside x.
func (b *LastBroadcast[T]) Forward(y []T, in [][]T) {
	if !b.out.Last {
		b.plain.Forward(y, in)
		return
	}
	b.numbers.Take(in[1])
	b.y, b.x = y, in[0]
	cpu.Parallel(b.out.N*b.out.H, b.rows)
}

// someRows computes the rows [lo,hi) of all images' rows. A sum is a shift that ends a
// row of pixels. It goes row by row: an image may have a border, and the next one other
// numbers.
func (b *LastBroadcast[T]) someRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		n, i := r/b.out.H, r%b.out.H
		y, x := b.y[b.out.At(n, i, 0):], b.x[b.in.At(n, i, 0):]
		if b.plain.multiply {
			b.numbers.Scale(n, b.out.W, y, b.out.Stride, x, b.in.Stride)
			continue
		}
		e := pixel.End[T]{
			Width: b.numbers.Width, YPixel: b.out.Stride, XPixel: b.in.Stride,
			Shift: b.numbers.Of(n), Low: T(math.Inf(-1)), High: T(math.Inf(1)),
		}
		e.Pixels(b.out.W, y, x, nil)
	}
}

// Backward is not there: programs for training keep planes.
func (b *LastBroadcast[T]) Backward([][]T, []T, [][]T) {
	panic("kernel: LastBroadcast has no gradient")
}

// Bytes is the memory that the kernel keeps.
func (b *LastBroadcast[T]) Bytes() int { return b.numbers.Bytes() }
