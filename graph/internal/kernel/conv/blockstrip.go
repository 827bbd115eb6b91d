package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// A ConvBlock with a normalisation goes over its batch more than once, and a batch of
// large images is in no cache: what it costs is how often memory is read and written.
// So statistics are taken of a strip of rows that has just been computed, and where
// nothing is pooled, nothing is kept of the activation: whether a pixel was between
// the limits shows in z, which the normalisation's gradient reads anyway.

// stripElements bounds the elements of a strip of rows, and lineElements those that
// several loops go over one after the other: sizes of a second and a first cache. The
// order of sums depends on them.
const (
	stripElements = 64 << 10
	lineElements  = 4 << 10
)

// recomputes reports whether Backward computes from z what the activation let through.
func (c *ConvBlock[T]) recomputes() bool { return c.norm != nil && c.KH == 1 && c.KW == 1 }

// limited reports whether there is an activation.
func (b Block) limited() bool { return b.Top > 0 }

// stripRows is the number of rows of the convolution of which statistics are taken at a
// time, a multiple of four. Winograd's tiles have strips of their own, so that they get
// all rows.
func (c *ConvBlock[T]) stripRows() int {
	if _, ok := c.engine.(*winograd[T]); ok {
		return c.OH
	}
	return min(max(stripElements/(c.OW*c.width())&^3, 4), c.OH)
}

// lines calls do for n pixels, some that are in the first cache at a time.
func lines(n, width int, do func(first, n int)) {
	step := max(lineElements/width&^3, 4)
	for first := 0; first < n; first += step {
		do(first, min(step, n-first))
	}
}

// gradientPixels is the gradient of image n channels last, as loadBlockGradient has
// left it, from row i on.
func (c *ConvBlock[T]) gradientPixels(s *convScratch[T], n, i int) []T {
	if c.dyAs.Last {
		return c.dy[c.dyAs.At(n, i, 0):]
	}
	return s.y[i*c.OW*c.width():]
}

// dotsThrough computes the sums that the gradient of the normalisation needs of image
// n, where nothing was pooled.
func (c *ConvBlock[T]) dotsThrough(s *convScratch[T], n int) {
	c.loadBlockGradient(s, n)
	width, b := c.width(), c.norm
	sum, dot := b.sumsOf(n)
	dy, z := c.gradientPixels(s, n, 0), b.image(n)
	s.line = cpu.Sized(s.line, max(lineElements, 4*width))
	lines(c.pixels(), width, func(first, n int) {
		d, z := dy[first*width:], z[first*width:]
		if c.limited() {
			c.windows.Through(s.line, d, z, n)
			d = s.line
		}
		pixel.Dots(sum, dot, d, z, b.mean, n, width)
	})
}

// gradientThrough sets the rows of s.dz from one on to the gradient of the rows [lo,hi)
// of image n's convolution, where nothing was pooled.
func (c *ConvBlock[T]) gradientThrough(s *convScratch[T], n, lo, hi, to int) {
	width, b := c.width(), c.norm
	for i := lo; i < hi; i++ {
		dz, dy, z := s.dz.pixels(i-lo+to, c.OW), c.gradientPixels(s, n, i), b.image(n)[i*c.OW*width:]
		lines(c.OW, width, func(first, n int) {
			dz, d, z := dz[first*width:], dy[first*width:], z[first*width:]
			if c.limited() {
				c.windows.Through(dz, d, z, n)
				d = dz
			}
			pixel.NormGrad(dz, d, z, b.mean, b.ofD, b.ofZ, b.term, n, width)
		})
	}
}

// byStrips returns the engine if Backward takes strips of rows, from the gradient of
// the result to those of the image and the filters, and how many rows that are; else
// nil. A bias would need the sums of whole images.
func (c *ConvBlock[T]) byStrips() (e stripEngine[T], rows int) {
	e, ok := c.engine.(stripEngine[T])
	if !ok || !c.recomputes() || len(c.dbs) > 0 || !e.byRows(c.dx != nil, c.dxAs.Stride) {
		return nil, 0
	}
	if e.wholeGradient() { // the image and its gradient are in the cache too
		return e, min(max(stripElements/4/(c.OW*c.width())&^3, 4), c.OH)
	}
	return e, c.stripRows()
}

// scratchStrips is scratchBack for what byStrips returns.
func (c *ConvBlock[T]) scratchStrips(e stripEngine[T], rows int) *convScratch[T] {
	if e == nil || e.wholeGradient() {
		return c.scratchBack()
	}
	s := c.scratch()
	s.dz = frameOf[T](rows, c.OW, c.width(), pixel.Border{}).over(s.dz.data)
	return s
}

// stripGradients computes what image n contributes to all gradients, so many rows at a
// time.
func (c *ConvBlock[T]) stripGradients(s *convScratch[T], n, chunk int, e stripEngine[T], rows int) {
	size, whole := len(c.dws)/c.chunks, e.wholeGradient()
	first, _ := c.images(chunk)
	c.loadBlockGradient(s, n)
	if size > 0 {
		c.take(s, n)
	}
	for lo := 0; lo < c.OH; lo += rows {
		hi, to := min(lo+rows, c.OH), 0
		if whole {
			to = lo
		}
		c.gradientThrough(s, n, lo, hi, to)
		if size > 0 {
			e.filterRows(c.dws[chunk*size:][:size], s, lo, hi, n == first && lo == 0)
		}
		if c.dx != nil {
			e.inputRows(c.dx[c.dxAs.At(n, 0, 0):][:c.dxAs.Image()], s, lo, hi)
		}
	}
}
