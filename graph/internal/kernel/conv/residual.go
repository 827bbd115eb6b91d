package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// residual is the image that a ConvBlock adds to the normalised one: the shortcut of
// a residual network (He et al. 2015). It is the last operand, as large as the result.
//
//	y = act(BatchNorm(Conv2d(x, w, bias), …) + r)
//
// Where it lies channels last it is read in place, row by row. The gradient d of the sum
// is also r's own gradient. Backward needs it twice, see blockstrip.go, and a third reader
// adds it to the gradient that comes through the convolutions. So the first pass keeps
// it, where r's gradient lies if that is channels last, and the second pass reads it
// instead of dy. That may be dy's own memory.
type residual[T cpu.Float] struct {
	as  pixel.Layout // of r; its gradient has no border
	r   []T
	dr  []T // nil if nobody wants it
	d   []T // channels last without a border, (N, pixels, width)
	own []T // memory for d
}

// beginResidual takes up r.
func (c *ConvBlock[T]) beginResidual(in [][]T) {
	if c.Residual {
		c.res.r = in[len(in)-1]
	}
}

// beginResidualGradient takes up r's gradient, and finds a place for d.
func (c *ConvBlock[T]) beginResidualGradient(dIn, in [][]T) {
	if !c.Residual {
		return
	}
	c.beginResidual(in)
	c.res.dr = dIn[len(dIn)-1]
	if c.res.d = c.res.dr; c.res.dr == nil || !c.res.as.Last {
		c.res.own = cpu.Sized(c.res.own, c.N*c.pixels()*c.width())
		c.res.d = c.res.own
	}
}

// Replaces reports whether Backward may write the gradient of an operand over dy: r's if
// both lie channels last. Each pixel of dy is read once, before its d is written.
func (c *ConvBlock[T]) Replaces(operand int) bool {
	first := 2 // behind the image and the filters
	if c.Bias {
		first++
	}
	return c.Residual && operand == first+4 && c.res.as.Last && c.out.Last
}

// loadResidual turns r of image n channels last, in s.r, unless it lies so.
func (c *ConvBlock[T]) loadResidual(s *convScratch[T], n int) {
	if !c.Residual || c.res.as.Last {
		return
	}
	s.r = cpu.Sized(s.r, c.pixels()*c.width())
	pixel.FromPlanes(s.r, c.width(), c.res.r[n*c.OutSize():][:c.OutSize()], c.pixels(), c.F, c.pixels())
}

// residualRow is row i of r of image n; nil if nothing is added.
func (c *ConvBlock[T]) residualRow(s *convScratch[T], n, i int) []T {
	switch {
	case !c.Residual:
		return nil
	case c.res.as.Last:
		return c.res.r[c.res.as.At(n, i, 0):]
	}
	return s.r[i*c.OW*c.width():]
}

// sumGradient is where the gradient d of image n's sum is kept.
func (c *ConvBlock[T]) sumGradient(n int) []T {
	size := c.pixels() * c.width()
	return c.res.d[n*size:][:size]
}

// giveResidual writes r's gradient of image n, if it is wanted as planes.
func (c *ConvBlock[T]) giveResidual(n int) {
	if c.Residual && c.res.dr != nil && !c.res.as.Last {
		pixel.ToPlanes(c.res.dr[n*c.OutSize():][:c.OutSize()], c.pixels(), c.sumGradient(n), c.width(), c.F, c.pixels())
	}
}
