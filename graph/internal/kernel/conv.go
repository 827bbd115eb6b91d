package kernel

// ConvShape is the geometry of a two-dimensional convolution. All sizes are
// positive and fit each other; the caller has checked them.
type ConvShape struct {
	N, C, H, W           int // input (N,C,H,W)
	F, KH, KW            int // filters (F,C/Groups,KH,KW)
	StrideH, StrideW     int
	PadTop, PadLeft      int // bottom and right padding show only in OH and OW
	DilationH, DilationW int
	Groups               int
	OH, OW               int // output (N,F,OH,OW)
}

func (s ConvShape) inSize() int  { return s.C * s.H * s.W }
func (s ConvShape) outSize() int { return s.F * s.OH * s.OW }
func (s ConvShape) patch() int   { return s.C / s.Groups * s.KH * s.KW }
func (s ConvShape) pixels() int  { return s.OH * s.OW }
func (s ConvShape) weights() int { return s.F * s.patch() }
func (s ConvShape) pointwise() bool {
	return s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 && s.OH == s.H && s.OW == s.W
}

// MulAdds is the number of multiply-adds of one forward pass.
func (s ConvShape) MulAdds() int { return s.N * s.outSize() * s.patch() }

// convChunks bounds the number of partial sums that the filter gradient is
// split into. It is fixed so that the order of the additions, and with it
// every bit of the result, does not depend on the number of threads.
const convChunks = 8

// Conv2d is the cross-correlation that deep learning calls convolution:
//
//	y[n,f,i,j] = bias[f] + Σ_c Σ_u Σ_v w[f,c,u,v] · x[n, g·C/G+c, i·stride+u·dilation-pad, j·stride+v·dilation-pad]
//
// where g is the group of filter f. The operands are x, w and, optionally, the
// bias. Each image is unrolled into a matrix of patches (im2col), so that all
// three products are matrix products.
type Conv2d[T Float] struct {
	ConvShape
	y, dy, x, w, bias, dx []T
	dws, dbs              []T // one partial gradient per chunk of images
	chunks                int
	forward, backward     func(lo, hi int)
	patches               pool[T]
}

// NewConv2d returns the kernel for one geometry.
func NewConv2d[T Float](s ConvShape) *Conv2d[T] {
	c := &Conv2d[T]{ConvShape: s, chunks: min(s.N, convChunks)}
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	return c
}

// Forward computes y from the operands in.
func (c *Conv2d[T]) Forward(y []T, in [][]T) {
	c.y, c.x, c.w, c.bias = y, in[0], in[1], operand(in, 2)
	Parallel(c.N, c.forward)
}

func (c *Conv2d[T]) forwardImages(lo, hi int) {
	cols := c.patches.get(c.patch() * c.pixels())
	defer c.patches.put(cols)
	k, p, fg := c.patch(), c.pixels(), c.F/c.Groups
	for n := lo; n < hi; n++ {
		y := c.y[n*c.outSize():][:c.outSize()]
		for g := range c.Groups {
			Gemm(false, false, fg, p, k, c.w[g*fg*k:], k, c.unroll(n, g, cols), p, false, y[g*fg*p:], p)
		}
		if c.bias == nil {
			continue
		}
		for f, b := range c.bias {
			addScalar(y[f*p:][:p], b)
		}
	}
}

// Backward computes the gradients dIn[0] of x, dIn[1] of w and dIn[2] of the
// bias from the gradient dy of the output, skipping those that are nil.
func (c *Conv2d[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c.begin(dIn, dy, in)
	Parallel(c.chunks, c.backward)
	c.end(dIn)
}

// begin takes up the operands of Backward.
func (c *Conv2d[T]) begin(dIn [][]T, dy []T, in [][]T) {
	c.dy, c.x, c.w, c.dx = dy, in[0], in[1], dIn[0]
	c.dws = grow(c.dws, dIn[1], c.chunks)
	c.dbs = grow(c.dbs, operand(dIn, 2), c.chunks)
}

// end adds up the chunks' gradients.
func (c *Conv2d[T]) end(dIn [][]T) {
	sumChunks(dIn[1], c.dws, c.chunks)
	sumChunks(operand(dIn, 2), c.dbs, c.chunks)
}

// images returns the images [first,last) of a chunk.
func (c *Conv2d[T]) images(chunk int) (first, last int) {
	return c.N * chunk / c.chunks, c.N * (chunk + 1) / c.chunks
}

func (c *Conv2d[T]) backwardChunks(lo, hi int) {
	cols := c.patches.get(c.patch() * c.pixels())
	defer c.patches.put(cols)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			c.imageGradient(n, chunk, n > first, c.dy[n*c.outSize():][:c.outSize()], cols)
		}
	}
}

// imageGradient computes what image n, whose output has the gradient dy, gives
// to the gradients that are asked for.
func (c *Conv2d[T]) imageGradient(n, chunk int, accumulate bool, dy, cols []T) {
	if c.dx != nil {
		c.inputGradient(n, dy, cols)
	}
	if len(c.dws) > 0 {
		c.filterGradient(n, dy, c.dws[chunk*c.weights():][:c.weights()], accumulate, cols)
	}
	if len(c.dbs) > 0 {
		c.biasGradient(dy, c.dbs[chunk*c.F:][:c.F], accumulate)
	}
}

func (c *Conv2d[T]) inputGradient(n int, dy, cols []T) {
	k, p, fg := c.patch(), c.pixels(), c.F/c.Groups
	dx := c.dx[n*c.inSize():][:c.inSize()]
	group := c.inSize() / c.Groups
	for g := range c.Groups {
		if c.pointwise() {
			cols = dx[g*group:]
		}
		Gemm(true, false, k, p, fg, c.w[g*fg*k:], k, dy[g*fg*p:], p, false, cols, p)
		if !c.pointwise() {
			c.roll(dx[g*group:][:group], cols)
		}
	}
}

func (c *Conv2d[T]) filterGradient(n int, dy, dw []T, accumulate bool, cols []T) {
	k, p, fg := c.patch(), c.pixels(), c.F/c.Groups
	for g := range c.Groups {
		Gemm(false, true, fg, k, p, dy[g*fg*p:], p, c.unroll(n, g, cols), p, accumulate, dw[g*fg*k:], k)
	}
}

func (c *Conv2d[T]) biasGradient(dy, db []T, accumulate bool) {
	p := c.pixels()
	for f := range db {
		s := sum(dy[f*p:][:p])
		if accumulate {
			s += db[f]
		}
		db[f] = s
	}
}

// unroll returns the patches of group g of image n as a matrix with one row
// for each filter weight and one column for each output pixel (im2col). The
// matrix is cols, or the image itself where that already has this form.
func (c *Conv2d[T]) unroll(n, g int, cols []T) []T {
	group := c.inSize() / c.Groups
	x := c.x[n*c.inSize()+g*group:][:group]
	if c.pointwise() {
		return x
	}
	c.unrollRows(x, 0, c.OH, cols)
	return cols
}

// unrollRows is unroll for the output rows [lo,hi) alone, of the planes x.
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

// unrollWeight writes what weight (u,v) of a filter sees of one plane, from
// output row lo on.
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
// filter lies inside the image.
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
