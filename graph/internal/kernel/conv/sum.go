package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// An image that two ops read, as one in front of a shortcut, has the sum of two gradients.
// Where the other op has written its own already, the convolution adds to that, image by
// image, while it has the image's gradient in a cache: a sum behind it would read both
// gradients from memory, and write a third tensor.
//
//	dx of the shortcut ─┐
//	dy ──▶ engine ──▶ s + ──▶ dx, in the same place
//
// A sum of two numbers is the same in either order, and so are the bits.

// AddsTo makes Backward add the gradient of an operand to what its memory holds. It
// reports false, and changes nothing, for another operand than the image.
func (c *Conv2d[T]) AddsTo(operand int) bool {
	if operand != 0 {
		return false
	}
	c.adds = true
	return true
}

// gradientOf is where the gradient of image n lies.
func (c *Conv2d[T]) gradientOf(n int) []T {
	if !c.dxAs.Last {
		return c.dx[n*c.InSize():][:c.InSize()]
	}
	return c.dx[c.dxAs.At(n, 0, 0):][:c.dxAs.Image()]
}

// room is where the gradient of image n is computed: its place, or memory of s, from where
// settle adds it.
func (c *Conv2d[T]) room(s *convScratch[T], n int) []T {
	dx := c.gradientOf(n)
	if !c.adds {
		return dx
	}
	s.sum = cpu.Sized(s.sum, len(dx))
	return s.sum
}

// settle ends what room has begun.
func (c *Conv2d[T]) settle(s *convScratch[T], n int) {
	if c.adds {
		vector.Add(c.gradientOf(n), s.sum)
	}
}

// add adds the pixels to image n, which lies in y by a layout. The channels that fill
// a pixel of y up stay zero.
func (f frame[T]) add(y []T, l pixel.Layout, n, channels int) {
	for i := range f.rows {
		row, from := y[l.At(n, i, 0):], f.pixels(i, f.cols)
		if l.Stride == f.width {
			vector.Add(row[:len(from)], from)
			continue
		}
		for j := range f.cols {
			vector.Add(row[j*l.Stride:][:channels], from[j*f.width:])
		}
	}
}
