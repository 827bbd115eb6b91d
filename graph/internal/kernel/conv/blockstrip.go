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

//
// With d for what the activation lets through of dy, Backward reads dy and z twice, and
// keeps neither d nor dz of the batch:
//
//	1  d = Through(dy, z)      Σ d and Σ d·(z-μ), of each image         dotsOf
//	   all images' sums        γ's and β's gradients; ofD, ofZ, term    blockNorm.gradients
//	2  d = Through(dy, z)      dz = ofD·d + ofZ·(z-μ) + term            gradientThrough
//	   dz, a strip in a cache  dw += …, dx = …                          stripGradients
//
// With a residual image r it reads d itself in 2, which 1 has kept: it is r's gradient.

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
	// As an engine wants it, strips begin with a multiple of four rows.
	return min(max(stripElements/(c.OW*c.width())&^3, 4), c.OH)
}

// lines calls do for n pixels, some that are in the first cache at a time.
//
// Where lines end is a matter of n and width, and so is the order of sums over them.
func lines(n, width int, do func(first, n int)) {
	step := max(lineElements/width&^3, 4)
	for first := 0; first < n; first += step {
		do(first, min(step, n-first))
	}
}

// loadGradientPixels makes ready what gradientPixels returns of image n.
func (c *ConvBlock[T]) loadGradientPixels(s *convScratch[T], n int) {
	if !c.Residual {
		c.loadBlockGradient(s, n)
	}
}

// gradientPixels is the gradient of image n channels last from row i on: dy, or d where
// a residual image is added.
func (c *ConvBlock[T]) gradientPixels(s *convScratch[T], n, i int) []T {
	if c.Residual {
		return c.sumGradient(n)[i*c.OW*c.width():]
	}
	return c.resultGradient(s, n, i)
}

// resultGradient is dy of image n channels last, as loadBlockGradient has left it, from
// row i on.
func (c *ConvBlock[T]) resultGradient(s *convScratch[T], n, i int) []T {
	if c.dyAs.Last {
		return c.dy[c.dyAs.At(n, i, 0):]
	}
	return s.y[i*c.OW*c.width():]
}

// dotsThrough computes the sums that the gradient of the normalisation needs of image
// n, where nothing was pooled.
//
// The sums are the image's own, so that images can go to any goroutine: gradients adds
// them up in the order of the images.
func (c *ConvBlock[T]) dotsThrough(s *convScratch[T], n int) {
	c.loadBlockGradient(s, n)
	width, b := c.width(), c.norm
	sum, dot := b.sumsOf(n)
	dy, z := c.resultGradient(s, n, 0), b.image(n)
	s.line = cpu.Sized(s.line, max(lineElements, 4*width))
	lines(c.pixels(), width, func(first, n int) {
		d, z := dy[first*width:], z[first*width:]
		if c.limited() {
			c.windows.Through(s.line, d, z, nil, n)
			d = s.line
		}
		pixel.Dots(sum, dot, d, z, b.mean, n, width)
	})
}

// dotsThroughSum does so where a residual image is added, and keeps d. It goes by rows, as
// these may be apart in the residual image. A sum goes over several of them: how many is
// a matter of the shape, and so is the order of sums.
func (c *ConvBlock[T]) dotsThroughSum(s *convScratch[T], n int) {
	c.loadBlockGradient(s, n)
	c.loadResidual(s, n)
	width, b := c.width(), c.norm
	sum, dot := b.sumsOf(n)
	dy, z, d := c.resultGradient(s, n, 0), b.image(n), c.sumGradient(n)
	row := c.OW * width
	rows := max(lineElements/row, 1)
	for lo := 0; lo < c.OH; lo += rows {
		hi := min(lo+rows, c.OH)
		step := 1
		if !c.res.as.Bordered() {
			step = hi - lo
		}
		for i := lo; i < hi; i += step {
			c.windows.Through(d[i*row:], dy[i*row:], z[i*row:], c.residualRow(s, n, i), step*c.OW)
		}
		pixel.Dots(sum, dot, d[lo*row:], z[lo*row:], b.mean, (hi-lo)*c.OW, width)
	}
	c.giveResidual(n)
}

// gradientThrough sets the rows of s.dz from one on to the gradient of the rows [lo,hi)
// of image n's convolution, where nothing was pooled.
//
// dz may be d: pixel.NormGrad works in place. The border of s.dz is not touched.
func (c *ConvBlock[T]) gradientThrough(s *convScratch[T], n, lo, hi, to int) {
	width, b := c.width(), c.norm
	for i := lo; i < hi; i++ {
		dz, dy, z := s.dz.pixels(i-lo+to, c.OW), c.gradientPixels(s, n, i), b.image(n)[i*c.OW*width:]
		lines(c.OW, width, func(first, n int) {
			dz, d, z := dz[first*width:], dy[first*width:], z[first*width:]
			if c.limited() && !c.Residual {
				c.windows.Through(dz, d, z, nil, n)
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
	if !ok || !c.recomputes() || len(c.dbs) > 0 || !e.byRows(c.dx != nil, c.adds, c.dxAs.Stride) {
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
//
// Where a strip has memory for its rows alone, each one overwrites the one before it. Where
// s.dz is whole, rows stay where they are: an engine whose filters see several rows
// reads the rows of earlier strips again.
//
//	whole       dz │ done │ strip │ …        to = lo
//	not whole   dz │ strip │                 to = 0
func (c *ConvBlock[T]) stripGradients(s *convScratch[T], n, chunk int, e stripEngine[T], rows int) {
	size, whole := len(c.dws)/c.chunks, e.wholeGradient()
	first, _ := c.images(chunk)
	c.loadGradientPixels(s, n)
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
			// The chunk's first strip overwrites the sum, the others add to it.
			e.filterRows(c.dws[chunk*size:][:size], s, lo, hi, n == first && lo == 0)
		}
		if c.dx != nil {
			e.inputRows(c.gradientOf(n), s, lo, hi, c.adds)
		}
	}
}
