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
// bias. It works image by image: directly, see direct, or where that cannot be
// on the image's patches, see unrolled.
type Conv2d[T Float] struct {
	ConvShape
	y, dy, x, w, bias, dx []T
	dws, dbs, sums        []T // one partial gradient per chunk of images
	chunks                int
	forward, backward     func(lo, hi int)

	isDirect bool
	direct   direct[T]  // the convolution
	back     direct[T]  // the one that turns dy to dx, if hasBack
	scatter  scatter[T] // and the other way, if not
	hasBack  bool
	idle     freeList[convScratch[T]]
}

// NewConv2d returns the kernel for one geometry.
func NewConv2d[T Float](s ConvShape) *Conv2d[T] {
	c := newConv2d[T](s)
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	return &c
}

func newConv2d[T Float](s ConvShape) Conv2d[T] {
	return Conv2d[T]{ConvShape: s, chunks: min(s.N, convChunks), idle: newFreeList[convScratch[T]]()}
}

// Forward computes y from the operands in.
func (c *Conv2d[T]) Forward(y []T, in [][]T) {
	c.beginForward(y, in)
	Parallel(c.N, c.forward)
}

// beginForward takes up the operands of Forward.
func (c *Conv2d[T]) beginForward(y []T, in [][]T) {
	c.y, c.x, c.w, c.bias = y, in[0], in[1], operand(in, 2)
	if c.isDirect = c.direct.prepare(c.ConvShape); c.isDirect {
		c.direct.pack(c.w)
	}
}

func (c *Conv2d[T]) forwardImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.put(s)
	p := c.pixels()
	for n := lo; n < hi; n++ {
		y := c.y[n*c.outSize():][:c.outSize()]
		if c.isDirect {
			c.loadImage(s, n)
			c.direct.convolve(s.z, s.padded, 0, c.OH)
			transposeInto(y, p, s.z, c.width(), p, c.F)
		} else {
			c.unrolledForward(s, n, y)
		}
		for f, b := range c.bias {
			addScalar(y[f*p:][:p], b)
		}
	}
}

// Backward computes the gradients dIn[0] of x, dIn[1] of w and dIn[2] of the
// bias from the gradient dy of the output, skipping those that are nil.
func (c *Conv2d[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c.beginBackward(dIn, dy, in)
	Parallel(c.chunks, c.backward)
	c.endBackward(dIn)
}

// beginBackward takes up the operands of Backward. Forward has run before.
func (c *Conv2d[T]) beginBackward(dIn [][]T, dy []T, in [][]T) {
	c.dy, c.x, c.w, c.dx = dy, in[0], in[1], dIn[0]
	c.dbs = grow(c.dbs, operand(dIn, 2), c.chunks)
	if !c.isDirect {
		c.dws = grow(c.dws, dIn[1], c.chunks)
		return
	}
	if size := c.chunks * c.direct.weights(); dIn[1] == nil {
		c.dws = nil
	} else if len(c.dws) != size {
		c.dws = make([]T, size)
	}
	if c.dx == nil {
		return
	}
	back, ok := c.inputShape()
	if c.hasBack = ok && !c.scatters(back) && c.back.prepare(back); c.hasBack {
		c.back.packFlipped(&c.direct, c.w)
	} else {
		c.scatter.pack(c.ConvShape, c.w)
	}
}

// endBackward adds up the chunks' gradients.
func (c *Conv2d[T]) endBackward(dIn [][]T) {
	sumChunks(operand(dIn, 2), c.dbs, c.chunks)
	if dIn[1] != nil && c.isDirect {
		sum := c.dws[:c.direct.weights()]
		for i := 1; i < c.chunks; i++ {
			add(sum, c.dws[i*len(sum):])
		}
		c.direct.unpackGradient(dIn[1], sum)
		return
	}
	sumChunks(dIn[1], c.dws, c.chunks)
}

// images returns the images [first,last) of a chunk.
func (c *Conv2d[T]) images(chunk int) (first, last int) {
	return c.N * chunk / c.chunks, c.N * (chunk + 1) / c.chunks
}

func (c *Conv2d[T]) backwardChunks(lo, hi int) {
	s := c.scratch()
	defer c.idle.put(s)
	s.dz = c.frame(s.dz)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			dy := c.dy[n*c.outSize():][:c.outSize()]
			if c.isDirect {
				s.dz.load(dy, c.OH, c.F)
				c.directGradient(s, n, chunk, n > first)
			} else {
				c.unrolledGradient(s, n, chunk, n > first, dy)
			}
			if len(c.dbs) > 0 {
				c.biasGradient(dy, c.dbs[chunk*c.F:][:c.F], n > first)
			}
		}
	}
}

// directGradient computes what image n, whose output has the gradient s.dz,
// gives to the gradients of x and w, as far as they are asked for.
func (c *Conv2d[T]) directGradient(s *convScratch[T], n, chunk int, accumulate bool) {
	if len(c.dws) > 0 {
		c.loadImage(s, n)
		size := c.direct.weights()
		c.direct.filterGradient(c.dws[chunk*size:][:size], s.padded, s.dz, accumulate)
	}
	switch dx := c.dx; {
	case dx == nil:
	case c.hasBack:
		s.dx = sized(s.dx, c.H*c.W*c.back.width)
		c.back.convolve(s.dx, s.dz.data, 0, c.H)
		transposeInto(dx[n*c.inSize():][:c.inSize()], c.H*c.W, s.dx, c.back.width, c.H*c.W, c.C)
	default:
		s.cols = sized(s.cols, c.OW*c.scatter.patchSize())
		s.dx = sized(s.dx, c.scatter.size())
		c.scatter.gradient(dx[n*c.inSize():][:c.inSize()], s.dz, s.cols, s.dx)
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

// width is the number of channels of a pixel of the output, channels last.
func (c *Conv2d[T]) width() int { return directWidth(c.F) }

// convScratch is the memory for one image at a time.
type convScratch[T Float] struct {
	padded []T      // the image, channels last
	y      []T      // what becomes of the convolution in a ConvBlock, channels last
	z      []T      // its convolution, channels last
	dz     frame[T] // and the gradient of that, with the border that the convolution back wants
	dx     []T      // the image's gradient, channels last
	cols   []T      // the image's patches
	planes []T      // the convolution's gradient, as planes
}

// scratch returns memory for one goroutine.
func (c *Conv2d[T]) scratch() *convScratch[T] {
	s := c.idle.get()
	if s == nil {
		s = new(convScratch[T])
	}
	if c.isDirect {
		s.padded = sized(s.padded, c.direct.paddedSize())
		s.z = sized(s.z, c.pixels()*c.width())
	}
	return s
}

// frame makes room for the gradient of an image's output.
func (c *Conv2d[T]) frame(f frame[T]) frame[T] {
	f.width, f.cols, f.row, f.first = c.width(), c.OW, c.OW*c.width(), 0
	size := c.OH * f.row
	if c.isDirect && c.hasBack {
		f.row = c.back.paddedW() * f.width
		f.first = c.back.PadTop*f.row + c.back.PadLeft*f.width
		size = c.back.paddedSize()
	}
	if len(f.data) != size {
		f.data = make([]T, size)
	}
	return f
}

// loadImage sets s.padded to image n.
func (c *Conv2d[T]) loadImage(s *convScratch[T], n int) {
	c.direct.load(s.padded, c.x[n*c.inSize():][:c.inSize()])
}

// sized returns a buffer of the given size, buf if it has that. Its content is
// arbitrary, but a new one's is zero.
func sized[T Float](buf []T, size int) []T {
	if len(buf) != size {
		return make([]T, size)
	}
	return buf
}
