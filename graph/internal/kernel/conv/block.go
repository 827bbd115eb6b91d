package conv

import (
	"math"

	"tapenet/graph/internal/hugepage"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// MaxWindow is the longest side of a window that a ConvBlock pools.
const MaxWindow = 15

// Block says what follows the convolution of a ConvBlock, in this order.
type Block struct {
	Bias bool    // the convolution has one
	Norm *Norm   // nil for none
	Top  float64 // of the activation min(max(x, 0), Top): +Inf for ReLU, 6 for ReLU6; 0 for none

	// Residual adds an image before the activation. It needs a normalisation and an
	// activation, and that nothing is pooled.
	Residual bool

	// KH and KW are the size of the windows of the max-pooling, which lie side by
	// side: 1×1 for none.
	KH, KW int
}

// Norm are the settings of a batch normalisation, see kernel.BatchNorm.
type Norm struct {
	Epsilon  float64 // is added to the variance
	Momentum float64 // share of the running statistics that a batch leaves
	Training bool    // the batch's own statistics normalise, and move the running ones
}

// ConvBlock is a convolution and what usually follows it, in one op:
//
//	y = MaxPool2D(act(BatchNorm(Conv2d(x, w, bias), γ, β, mean, variance)))
//
// where act is ReLU or ReLU6; or, for a residual image r,
//
//	y = act(BatchNorm(Conv2d(x, w, bias), γ, β, mean, variance) + r)
//
// Its operands are the operands of its parts, in this order. Pixels stay channels last until the result is written. Of each
// window it keeps the largest pixel and where that was. The convolution's output exists a few rows
// at a time only, unless there is a normalisation whose statistics or gradient
// need all of it.
type ConvBlock[T cpu.Float] struct {
	Conv2d[T]
	Block
	PH, PW int // size of a plane of the result

	forwardOnly bool             // no Backward follows: nothing is kept for it
	windows     pixel.Windows[T] // a row of windows, with the normalisation's scale and shift, or the bias
	winner      []uint8          // the place in its window of each winner, (N, PH·PW, width)
	norm        *blockNorm[T]    // nil for none
	res         residual[T]      // if Residual

	finish, statistics, dots func(lo, hi int) // methods, for Parallel: made once
}

// NewConvBlock returns the kernel for one geometry.
func NewConvBlock[T cpu.Float](s Shape, b Block) *ConvBlock[T] {
	c := &ConvBlock[T]{Conv2d: newConv2d[T](s), Block: b, PH: s.OH / b.KH, PW: s.OW / b.KW}
	w := c.width()
	c.windows = pixel.Windows[T]{
		Cols: c.PW, Width: w, KH: b.KH, KW: b.KW, Row: s.OW * w,
		Scale: make([]T, w), Shift: make([]T, w), Unscaled: b.Norm == nil,
	}
	if c.windows.Top = T(b.Top); b.Top == 0 { // else the floor is 0
		c.windows.Floor, c.windows.Top = T(math.Inf(-1)), T(math.Inf(1))
	}
	if b.Norm != nil {
		c.norm = newBlockNorm[T](s, w, *b.Norm)
	}
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	c.finish, c.statistics, c.dots = c.finishImages, c.statisticsOf, c.dotsOf
	c.begin()
	return c
}

// ForwardOnly says whether no Backward follows a Forward, so that nothing has to be
// kept for it. At first it is false.
func (c *ConvBlock[T]) ForwardOnly(on bool) { c.forwardOnly = on }

// pooled is the number of windows of a plane.
func (c *ConvBlock[T]) pooled() int { return c.PH * c.PW }

// split separates the operands of the convolution, or their gradients, from the
// operands of the normalisation.
func (c *ConvBlock[T]) split(in [][]T) (conv, norm [][]T) {
	if c.Bias {
		return in[:3], in[3:]
	}
	return in[:2], in[2:]
}

// Forward computes y (N,F,PH,PW) from the operands in.
//
// Without a normalisation, or if its statistics are known, no gradient will ask for
// the convolution and no residual image is added, one pass convolves, scales, pools and writes. Else a
// first pass convolves all images and takes their statistics, and a second one
// does what follows.
func (c *ConvBlock[T]) Forward(y []T, in [][]T) {
	conv, norm := c.split(in)
	c.beginForward(y, conv)
	c.beginResidual(in)
	if c.winner == nil && !c.forwardOnly && !c.recomputes() {
		c.winner = hugepage.Make[uint8](c.N * c.pooled() * c.width())
	}
	scale, shift := c.windows.Scale, c.windows.Shift
	switch {
	case c.Norm == nil: // 1·z + bias
		for f := range c.F {
			scale[f] = 1
		}
		copy(shift, c.bias)
		c.convolveAll(c.forward)
	case c.Norm.Training || !c.forwardOnly || c.Residual:
		c.norm.reserve(c.stripRows()) // the statistics, or the gradient, read the whole batch
		c.convolveAll(c.statistics)
		c.norm.affine(scale, shift, norm, c.bias)
		cpu.Parallel(c.N, c.finish)
	default:
		c.norm.affine(scale, shift, norm, c.bias)
		c.convolveAll(c.forward)
	}
}

// rowsTogether is the number of rows of windows that forwardImages convolves at a time:
// two, or four if a window's height is odd, so that the first row of pixels is a
// multiple of four as engine.convolve wants it.
func (c *ConvBlock[T]) rowsTogether() int { return 2 << (c.KH & 1) }

// stripSize is the number of elements of the convolution of these rows.
func (c *ConvBlock[T]) stripSize() int { return min(c.rowsTogether()*c.KH, c.OH) * c.windows.Row }

// forwardImages does everything for the images [lo,hi). It convolves a few rows
// of windows at a time, while they are in the cache.
func (c *ConvBlock[T]) forwardImages(lo, hi int) {
	s, rows := c.blockScratch(), c.rowsTogether()
	defer c.idle.Put(s)
	s.z = cpu.Sized(s.z, c.stripSize())
	for n := lo; n < hi; n++ {
		c.beginImage(s, n)
		for i := 0; i < c.PH; i += rows {
			last := min(i+rows, c.PH)
			c.convolve(s, n, s.z, i*c.KH, last*c.KH)
			for r := i; r < last; r++ {
				c.windows.Largest(c.windowRow(s, n, r), c.winners(n, r), s.z[(r-i)*c.KH*c.windows.Row:])
			}
		}
		c.writeImage(s, n)
	}
}

// statisticsOf convolves the images [lo,hi) and takes their statistics, a strip of
// rows at a time, while that is in the cache.
func (c *ConvBlock[T]) statisticsOf(lo, hi int) {
	s := c.blockScratch()
	defer c.idle.Put(s)
	if e, ok := c.engine.(*winograd[T]); ok && e.together() > 1 && !c.forwardOnly {
		c.statisticsTogether(e, s, lo, hi)
		return
	}
	row := c.OW * c.width()
	for n := lo; n < hi; n++ {
		c.beginImage(s, n)
		z := c.norm.image(n)
		for part := range c.norm.parts {
			first, last := c.norm.part(part)
			c.convolve(s, n, z[first*row:last*row], first, last)
			c.norm.statistics(n, part, z[first*row:last*row])
		}
	}
}

// statisticsTogether is statisticsOf for small images, of which a product takes several.
// An image is one strip, see stripRows.
func (c *ConvBlock[T]) statisticsTogether(e *winograd[T], s *convScratch[T], lo, hi int) {
	for n := lo; n < hi; n += e.together() {
		images := min(e.together(), hi-n)
		e.convolveImages(s, images, func(i int) { c.beginImage(s, n+i) }, func(i int) []T { return c.norm.image(n + i) })
		for i := n; i < n+images; i++ {
			c.norm.statistics(i, 0, c.norm.image(i))
		}
	}
}

// finishImages normalises, pools and writes the images [lo,hi), once the
// statistics of all images are known.
func (c *ConvBlock[T]) finishImages(lo, hi int) {
	s := c.blockScratch()
	defer c.idle.Put(s)
	for n := lo; n < hi; n++ {
		c.loadResidual(s, n)
		z := c.norm.image(n)
		for i := range c.PH {
			y, z := c.windowRow(s, n, i), z[i*c.KH*c.windows.Row:]
			if c.KH == 1 && c.KW == 1 {
				c.windows.Affine(y, z, c.residualRow(s, n, i), c.PW)
			} else {
				c.windows.Largest(y, c.winners(n, i), z)
			}
		}
		c.writeImage(s, n)
	}
}

// winners returns where the winners of row i of image n's windows are kept, or
// nil if they are not.
func (c *ConvBlock[T]) winners(n, i int) []uint8 {
	if c.forwardOnly {
		return nil
	}
	row := c.PW * c.width()
	return c.winner[(n*c.PH+i)*row:][:row]
}

// convolve computes the rows [lo,hi) of image n's convolution, channels last
// and without the bias. Where there is no engine it multiplies the filters with
// the patches of these rows, and turns the planes.
func (c *ConvBlock[T]) convolve(s *convScratch[T], n int, z []T, lo, hi int) {
	if c.engine != nil {
		c.engine.convolve(z, s, lo, hi)
		return
	}
	x := c.planes(s, n)
	k, p, fg, group := c.patch(), (hi-lo)*c.OW, c.F/c.Groups, c.InSize()/c.Groups
	cols := s.patches(c.Shape)
	s.planes = cpu.Sized(s.planes, c.OutSize())
	for g := range c.Groups {
		c.unrollRows(x[g*group:][:group], lo, hi, cols)
		gemm.Gemm(false, false, fg, p, k, c.w[g*fg*k:], k, cols, p, false, s.planes[g*fg*p:], p)
	}
	pixel.FromPlanes(z, c.width(), s.planes, p, c.F, p)
}

// windowRow is where the largest pixels of row i of image n's windows go: to y if
// that is channels last, else to s.y.
func (c *ConvBlock[T]) windowRow(s *convScratch[T], n, i int) []T {
	if c.out.Last {
		return c.y[c.out.At(n, i, 0):]
	}
	return s.y[i*c.PW*c.width():]
}

// writeImage turns the windows' largest pixels s.y into the planes of y.
func (c *ConvBlock[T]) writeImage(s *convScratch[T], n int) {
	if c.out.Last {
		return
	}
	size := c.F * c.pooled()
	pixel.ToPlanes(c.y[n*size:][:size], c.pooled(), s.y, c.width(), c.F, c.pooled())
}

// blockScratch is scratch, with room for an image of windows in s.y.
func (c *ConvBlock[T]) blockScratch() *convScratch[T] {
	s := c.scratch()
	if !c.out.Last {
		s.y = cpu.Sized(s.y, c.pooled()*c.width())
	}
	return s
}

// Bytes is the memory that the kernel keeps: the convolution's, the winners,
// and the normalisation's.
func (c *ConvBlock[T]) Bytes() int {
	n := c.Conv2d.Bytes() + len(c.winner) + cpu.BytesOf(c.windows.Scale, c.windows.Shift, c.res.own)
	if b := c.norm; b != nil {
		n += cpu.BytesOf(b.z, b.means, b.m2s, b.mean, b.scale, b.ofD, b.ofZ, b.term)
	}
	return n
}
