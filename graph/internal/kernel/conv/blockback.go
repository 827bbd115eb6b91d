package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// The way back of a block with a pooling, whose winners Forward has kept:
//
//	dy ── Spread ──▶ s.dz, the winners' pixels ── NormGrad ──▶ of z ── engine ──▶ dw, dx
//
// For a normalisation without a pooling see blockstrip.go. A scratch belongs to one
// goroutine, and s.dz to one image at a time; what has to last beyond an image is in dws,
// dbs and the normalisation.

// Backward computes the gradients of the operands. It skips those that are nil.
//
// A normalisation takes a pass of its own first: the gradient of its input
// needs sums over the whole batch. Then the chunks of images go their way as in
// Conv2d.
func (c *ConvBlock[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	conv, norm := c.split(in)
	dConv, dNorm := c.split(dIn)
	c.beginBackward(dConv[:2], dy, conv)
	c.beginResidualGradient(dIn, in)
	db := cpu.Operand(dConv, 2)
	// The bias has a sum for each chunk, from zero on: all of its images are added to it.
	if c.dbs = c.dbs[:0]; db != nil {
		c.dbs = resized(c.dbs, c.chunks*c.width())
		clear(c.dbs)
	}
	if c.norm != nil {
		cpu.Parallel(c.N, c.dots)
		c.norm.gradients(dNorm, norm)
	}
	if c.dx != nil || len(c.dws) > 0 || len(c.dbs) > 0 {
		c.gradientsOfAll()
	}
	c.endBackward(dConv[:2])
	if db != nil {
		vector.SumChunks(c.dbs[:c.width()], c.dbs, c.chunks)
		copy(db, c.dbs)
	}
	c.giveBack()
}

// dotsOf computes the sums that the gradient of the normalisation needs of the
// images [lo,hi).
//
// It is shared out by images, not by chunks: an image's sums are its own.
func (c *ConvBlock[T]) dotsOf(lo, hi int) {
	s := c.scratchStrips(c.byStrips())
	defer c.idle.Put(s)
	for n := lo; n < hi; n++ {
		switch {
		case c.Residual:
			c.dotsThroughSum(s, n)
		case c.recomputes():
			c.dotsThrough(s, n)
		default:
			c.spreadImage(s, n)
			c.norm.dots(n, s.dz)
		}
	}
}

// backwardChunks goes through the images of the chunks [lo,hi): from the
// gradient of the windows to the gradients of the filters, the bias and the
// image.
//
// A chunk's images come in their order on one goroutine, and chunks are added up in theirs:
// so the bits do not depend on the number of threads.
func (c *ConvBlock[T]) backwardChunks(lo, hi int) {
	e, rows := c.byStrips()
	s := c.scratchStrips(e, rows)
	defer c.idle.Put(s)
	c.fold(s, lo, hi)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			if e != nil {
				c.stripGradients(s, n, chunk, e, rows)
				continue
			}
			c.blockGradient(s, n)
			if len(c.dbs) > 0 {
				s.dz.sums(c.dbs[chunk*c.width():][:c.width()])
			}
			if c.engine != nil {
				c.imageGradient(s, n, chunk)
			} else {
				// No engine: the matrix product takes planes.
				s.planes = cpu.Sized(s.planes, c.OutSize())
				pixel.ToPlanes(s.planes, c.pixels(), s.dz.data, c.width(), c.F, c.pixels())
				c.unrolledGradient(s, n, chunk, n > first, s.planes)
			}
		}
	}
}

// blockGradient sets s.dz to the gradient of image n's convolution.
func (c *ConvBlock[T]) blockGradient(s *convScratch[T], n int) {
	if c.recomputes() {
		c.loadGradientPixels(s, n)
		c.gradientThrough(s, n, 0, c.OH, 0)
		return
	}
	c.spreadImage(s, n)
	if c.norm != nil {
		c.norm.inputGradient(n, s.dz)
	}
}

// loadBlockGradient turns the gradient of image n channels last, in s.y, unless it
// lies so.
func (c *ConvBlock[T]) loadBlockGradient(s *convScratch[T], n int) {
	if c.dyAs.Last {
		return
	}
	size, width := c.F*c.pooled(), c.width()
	s.y = cpu.Sized(s.y, c.pooled()*width)
	// The channels beyond F, where forward may have left a NaN, become zero.
	pixel.FromPlanes(s.y, width, c.dy[n*size:][:size], c.pooled(), c.F, c.pooled())
}

// spreadImage sets s.dz to the gradient of image n before the pooling and the
// activation: the winner of each window gets the window's gradient, all other pixels
// get zero.
func (c *ConvBlock[T]) spreadImage(s *convScratch[T], n int) {
	c.loadBlockGradient(s, n)
	w, width := c.windows, c.width()
	w.Row = s.dz.row
	for i := range c.PH {
		dy := s.y[min(i*c.PW*width, len(s.y)):]
		if c.dyAs.Last {
			dy = c.dy[c.dyAs.At(n, i, 0):]
		}
		w.Spread(s.dz.data[s.dz.first+i*c.KH*s.dz.row:], dy, c.winners(n, i))
	}
	// Spread has written all pixels of the windows. Those right of the windows and the rows
	// below them have the gradient zero.
	for i := range c.OH {
		row := s.dz.pixels(i, c.OW)
		if i < c.PH*c.KH {
			row = row[c.PW*c.KW*width:] // pixels that no window covers
		}
		clear(row)
	}
}
