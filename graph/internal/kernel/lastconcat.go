package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// LastConcat sets images channels last side by side along the channels. An operand
// that lies in the result's memory it leaves where it is: its kernel has written to it
// there. If that holds for all, nothing is left to do.
//
//	pixel of the result: │ in[0] │ in[1] │ in[2] │ zeros, up to a multiple of eight
//
// An operand in the result's memory is one whose layout has the result's Stride, with its
// first channel where the drawing shows it. The program decides which ones these are
// (Joined of package program).
type LastConcat[T cpu.Float] struct {
	plain *Concat[T]
	in    []pixel.Layout
	out   pixel.Layout
	there []bool
	y     []T
	x     [][]T
	rows  func(lo, hi int)
}

// Lastly returns the kernel for images channels last.
func (c *Concat[T]) Lastly() (last any, ok bool) { return &LastConcat[T]{plain: c}, true }

// Lay takes images channels last if one of them lies so, and if it joins channels: an
// operand's block for each image is then all of its channels. A join along
// another axis, or of what is no image, stays with the plain kernel.
func (c *LastConcat[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	channels := 0
	for i, l := range in {
		if l.N == 0 || l.H != in[0].H || l.W != in[0].W || l.N != in[0].N || l.C*l.H*l.W != c.plain.Blocks[i] {
			return nil, out, false
		}
		ok = ok || l.Last
		channels += l.C
		want = append(want, pixel.Want{Layout: pixel.Planes(l.N, l.C, l.H, l.W).Lastly(pixel.Border{})})
	}
	return want, pixel.Planes(in[0].N, channels, in[0].H, in[0].W).Lastly(pixel.Border{}), ok && c.plain.Outer == in[0].N
}

// Place tells the layouts.
func (c *LastConcat[T]) Place(in []pixel.Layout, out pixel.Layout) {
	c.in, c.out, c.rows = in, out, c.someRows
}

// InPlace says which operands lie in the result's memory. It comes before Place.
func (c *LastConcat[T]) InPlace(there []bool) { c.there = there }

// Forward computes y.
func (c *LastConcat[T]) Forward(y []T, in [][]T) {
	if !c.out.Last {
		c.plain.Forward(y, in)
		return
	}
	c.y, c.x = y, in
	cpu.Parallel(c.out.N*c.out.H, c.rows)
}

// someRows copies the operands' rows [lo,hi) of all images' rows. at is the channel
// that an operand begins with. Of each operand it copies the C channels that count, not
// the zeros that fill its last vector: in the result the next operand's channels are
// there.
func (c *LastConcat[T]) someRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		n, i := r/c.out.H, r%c.out.H
		at := 0
		for k, l := range c.in {
			if c.there == nil || !c.there[k] {
				y, x := c.y[c.out.At(n, i, 0)+at:], c.x[k][l.At(n, i, 0):]
				// Pixel by pixel: between an operand's channels lie those of the others.
				for j := range l.W {
					copy(y[j*c.out.Stride:][:l.C], x[j*l.Stride:])
				}
			}
			at += l.C
		}
		if extra := c.out.Width() - c.out.C; extra > 0 {
			for j := range c.out.W {
				clear(c.y[c.out.At(n, i, j)+c.out.C:][:extra])
			}
		}
	}
}

// Backward is not there: nobody asks for a gradient of it.
func (c *LastConcat[T]) Backward([][]T, []T, [][]T) { panic("kernel: LastConcat has no gradient") }
