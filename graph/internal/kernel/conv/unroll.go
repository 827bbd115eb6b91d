package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
)

// unrolledForward computes the planes y of image x, without the bias, as a
// matrix product for each group, unless that goes plane by plane:
//
//	y (F/G, OH·OW) = w (F/G, patch) · patches (patch, OH·OW)
func (c *Conv2d[T]) unrolledForward(s *convScratch[T], x, y []T) {
	if c.byPlanes {
		c.planar.forward(c, s, y, x)
		return
	}
	k, p, fg, cols := c.patch(), c.pixels(), c.F/c.Groups, s.patches(c.Shape)
	for g := range c.Groups {
		gemm.Gemm(false, false, fg, p, k, c.w[g*fg*k:], k, c.unroll(x, g, cols), p, false, y[g*fg*p:], p)
	}
}

// unrolledGradient computes what image n contributes to the gradients of x and
// w, given the gradient dy of its output as planes. It computes those that are
// asked for:
//
//	dw (F/G, patch) += dy (F/G, OH·OW) · patchesᵀ (OH·OW, patch)
//
// Without accumulate it overwrites dw.
func (c *Conv2d[T]) unrolledGradient(s *convScratch[T], n, chunk int, accumulate bool, dy []T) {
	if c.dx != nil {
		cols := s.patches(c.Shape)
		dx := c.beginGradient(s, n)
		c.inputGradient(dx, dy, cols)
		c.endGradient(s, dx, n)
	}
	if len(c.dws) == 0 {
		return
	}
	x := c.planes(s, n)
	size := len(c.dws) / c.chunks
	dw := c.dws[chunk*size:][:size]
	if c.byPlanes {
		c.planar.filterGradient(c, s, dw, dy, x, !accumulate)
		return
	}
	k, p, fg, cols := c.patch(), c.pixels(), c.F/c.Groups, s.patches(c.Shape)
	for g := range c.Groups {
		gemm.Gemm(false, true, fg, k, p, dy[g*fg*p:], p, c.unroll(x, g, cols), p, accumulate, dw[g*fg*k:], k)
	}
}

// inputGradient computes the gradient dx of an image, as planes. The product wᵀ·dy is the
// gradient of the image's patches; roll adds them up where they lie. Of a
// pointwise convolution the patches are the image.
func (c *Conv2d[T]) inputGradient(dx, dy, cols []T) {
	k, p, fg := c.patch(), c.pixels(), c.F/c.Groups
	group := c.InSize() / c.Groups
	for g := range c.Groups {
		if c.pointwise() {
			cols = dx[g*group:]
		}
		gemm.Gemm(true, false, k, p, fg, c.w[g*fg*k:], k, dy[g*fg*p:], p, false, cols, p)
		if !c.pointwise() {
			c.roll(dx[g*group:][:group], cols)
		}
	}
}

// patches returns memory for the patches of one group of an image.
func (s *convScratch[T]) patches(shape Shape) []T {
	s.cols = cpu.Sized(s.cols, shape.patch()*shape.pixels())
	return s.cols
}

// unroll returns the patches of group g of image x as a matrix with one row for
// each filter weight and one column for each output pixel (im2col). The matrix
// is cols, or the image itself where that already has this form.
func (c *Conv2d[T]) unroll(x []T, g int, cols []T) []T {
	group := c.InSize() / c.Groups
	x = x[g*group:][:group]
	if c.pointwise() {
		return x
	}
	c.unrollRows(x, 0, c.OH, cols)
	return cols
}

// unrollRows is unroll for the output rows [lo,hi) alone. x are the planes of
// the group.
func (c *Conv2d[T]) unrollRows(x []T, lo, hi int, cols []T) {
	row, size := 0, (hi-lo)*c.OW
	for plane := range c.C / c.Groups {
		for u := range c.KH {
			for v := range c.KW {
				c.unrollWeight(cols[row*size:][:size], x[plane*c.H*c.W:][:c.H*c.W], u, v, lo)
				row++
			}
		}
	}
}

// unrollWeight writes one row of the matrix: what weight (u,v) of a filter sees
// of one plane, from output row lo on. Where it lies on the padding it sees
// zeros.
func (c *Conv2d[T]) unrollWeight(dst, plane []T, u, v, lo int) {
	first, last := c.columns(v)
	for i := lo; len(dst) > 0; i++ {
		out := dst[:c.OW]
		dst = dst[c.OW:]
		h := i*c.StrideH + u*c.DilationH - c.PadTop
		if h < 0 || h >= c.H || first >= last {
			clear(out)
			continue
		}
		clear(out[:first])
		clear(out[last:])
		src := plane[h*c.W:][:c.W]
		w := first*c.StrideW + v*c.DilationW - c.PadLeft
		if c.StrideW == 1 {
			copy(out[first:last], src[w:])
			continue
		}
		for j := first; j < last; j++ {
			out[j] = src[w]
			w += c.StrideW
		}
	}
}

// roll adds up a matrix of patches into the image that it came from (col2im),
// the transpose of unroll.
func (c *Conv2d[T]) roll(dx, cols []T) {
	clear(dx)
	row := 0
	for plane := range c.C / c.Groups {
		for u := range c.KH {
			for v := range c.KW {
				c.rollRow(dx[plane*c.H*c.W:][:c.H*c.W], cols[row*c.pixels():][:c.pixels()], u, v)
				row++
			}
		}
	}
}

// rollRow adds one row of the matrix to a plane: the transpose of unrollWeight.
func (c *Conv2d[T]) rollRow(plane, src []T, u, v int) {
	first, last := c.columns(v)
	for i := range c.OH {
		h := i*c.StrideH + u*c.DilationH - c.PadTop
		if h < 0 || h >= c.H {
			continue
		}
		dst := plane[h*c.W:][:c.W]
		w := first*c.StrideW + v*c.DilationW - c.PadLeft
		for _, d := range src[i*c.OW:][first:last] {
			dst[w] += d
			w += c.StrideW
		}
	}
}

// columns returns the output columns [first,last) for which column v of the
// filter lies inside the image. The columns in front of them and behind see
// padding.
func (c *Conv2d[T]) columns(v int) (first, last int) {
	offset := v*c.DilationW - c.PadLeft // input column at output column 0
	if offset < 0 {
		first = (-offset + c.StrideW - 1) / c.StrideW
	}
	if offset < c.W {
		last = (c.W-1-offset)/c.StrideW + 1
	}
	last = min(last, c.OW)
	return min(first, last), last
}
