// Package conv is the two-dimensional convolution, alone and with what usually
// follows it, and the engines that compute it.
package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// Shape is the geometry of a two-dimensional convolution. All sizes are
// positive and fit each other; the caller has checked them.
type Shape struct {
	N, C, H, W           int // input (N,C,H,W)
	F, KH, KW            int // filters (F,C/Groups,KH,KW)
	StrideH, StrideW     int
	PadTop, PadLeft      int // bottom and right padding show only in OH and OW
	DilationH, DilationW int
	Groups               int
	OH, OW               int // output (N,F,OH,OW)
}

func (s Shape) InSize() int  { return s.C * s.H * s.W }
func (s Shape) OutSize() int { return s.F * s.OH * s.OW }
func (s Shape) patch() int   { return s.C / s.Groups * s.KH * s.KW }
func (s Shape) pixels() int  { return s.OH * s.OW }
func (s Shape) Weights() int { return s.F * s.patch() }
func (s Shape) pointwise() bool {
	return s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 && s.OH == s.H && s.OW == s.W
}

// MulAdds is the number of multiply-adds of one forward pass.
func (s Shape) MulAdds() int { return s.N * s.OutSize() * s.patch() }

// convChunks bounds the number of partial sums that the filter gradient is
// split into. It is fixed so that the order of the additions, and with it
// every bit of the result, does not depend on the number of threads.
const convChunks = 8

// Conv2d is the cross-correlation that deep learning calls convolution:
//
//	y[n,f,i,j] = bias[f] + Σ_c Σ_u Σ_v w[f,c,u,v] · x[n, g·C/G+c, i·stride+u·dilation-pad, j·stride+v·dilation-pad]
//
// where g is the group of filter f. The operands are x, w and, optionally, the
// bias. It works image by image: with an engine, or where there is none for it on
// the image's patches, see unroll.
type Conv2d[T cpu.Float] struct {
	Shape
	y, dy, x, w, bias, dx []T
	dws, dbs              []T // one partial gradient per chunk of images
	chunks                int
	forward, backward     func(lo, hi int)

	engines []engine[T]
	engine  engine[T] // of the last Forward; nil for none
	idle    cpu.FreeList[convScratch[T]]
}

// NewConv2d returns the kernel for one geometry.
func NewConv2d[T cpu.Float](s Shape) *Conv2d[T] {
	c := newConv2d[T](s)
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	return &c
}

func newConv2d[T cpu.Float](s Shape) Conv2d[T] {
	return Conv2d[T]{Shape: s, chunks: min(s.N, convChunks), engines: newEngines[T](), idle: cpu.NewFreeList[convScratch[T]]()}
}

// Forward computes y from the operands in.
func (c *Conv2d[T]) Forward(y []T, in [][]T) {
	c.beginForward(y, in)
	cpu.Parallel(c.N, c.forward)
}

// beginForward takes up the operands of Forward, and chooses the engine.
func (c *Conv2d[T]) beginForward(y []T, in [][]T) {
	c.y, c.x, c.w, c.bias, c.engine = y, in[0], in[1], cpu.Operand(in, 2), nil
	for _, e := range c.engines {
		if e.prepare(c.Shape, c.w) {
			c.engine = e
			return
		}
	}
}

func (c *Conv2d[T]) forwardImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.Put(s)
	p := c.pixels()
	for n := lo; n < hi; n++ {
		y := c.y[n*c.OutSize():][:c.OutSize()]
		if c.engine == nil {
			c.unrolledForward(s, n, y)
		} else {
			c.engine.load(s, c.image(n))
			c.engine.convolve(s.z, s, 0, c.OH)
			gemm.TransposeInto(y, p, s.z, c.width(), p, c.F)
		}
		for f, b := range c.bias {
			vector.AddScalar(y[f*p:][:p], b)
		}
	}
}

// image is the planes of image n.
func (c *Conv2d[T]) image(n int) []T { return c.x[n*c.InSize():][:c.InSize()] }

// Backward computes the gradients dIn[0] of x, dIn[1] of w and dIn[2] of the
// bias from the gradient dy of the output, skipping those that are nil.
func (c *Conv2d[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c.beginBackward(dIn, dy, in)
	c.dbs = cpu.Grow(c.dbs, cpu.Operand(dIn, 2), c.chunks)
	cpu.Parallel(c.chunks, c.backward)
	c.endBackward(dIn)
	vector.SumChunks(cpu.Operand(dIn, 2), c.dbs, c.chunks)
}

// beginBackward takes up the operands of Backward but for the bias. Forward has
// run before.
func (c *Conv2d[T]) beginBackward(dIn [][]T, dy []T, in [][]T) {
	c.dy, c.x, c.w, c.dx = dy, in[0], in[1], dIn[0]
	if c.engine != nil && c.dx != nil {
		c.engine.prepareBack(c.w)
	}
	c.dws = cpu.Sized(c.dws, c.chunks*c.chunkWeights(dIn[1]))
}

// chunkWeights is the number of elements of a chunk's gradient of the filters,
// which is to be dw.
func (c *Conv2d[T]) chunkWeights(dw []T) int {
	if dw != nil && c.engine != nil {
		return c.engine.weights()
	}
	return len(dw)
}

// endBackward adds up the chunks' gradients of the filters.
func (c *Conv2d[T]) endBackward(dIn [][]T) {
	switch dw := dIn[1]; {
	case dw == nil:
	case c.engine == nil:
		vector.SumChunks(dw, c.dws, c.chunks)
	default:
		first := c.dws[:c.engine.weights()]
		for i := 1; i < c.chunks; i++ {
			vector.Add(first, c.dws[i*len(first):])
		}
		c.engine.unpack(dw, first)
	}
}

// images returns the images [first,last) of a chunk.
func (c *Conv2d[T]) images(chunk int) (first, last int) {
	return c.N * chunk / c.chunks, c.N * (chunk + 1) / c.chunks
}

func (c *Conv2d[T]) backwardChunks(lo, hi int) {
	s := c.scratchBack()
	defer c.idle.Put(s)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			dy := c.dy[n*c.OutSize():][:c.OutSize()]
			if c.engine == nil {
				c.unrolledGradient(s, n, chunk, n > first, dy)
			} else {
				s.dz.load(dy, c.OH, c.F)
				c.imageGradient(s, n, chunk)
			}
			if len(c.dbs) > 0 {
				c.biasGradient(dy, c.dbs[chunk*c.F:][:c.F], n > first)
			}
		}
	}
}

// imageGradient computes what image n, whose output has the gradient s.dz, gives
// to the gradients of x and w, as far as they are asked for.
func (c *Conv2d[T]) imageGradient(s *convScratch[T], n, chunk int) {
	if size := len(c.dws) / c.chunks; size > 0 {
		first, last := c.images(chunk)
		c.engine.load(s, c.image(n))
		c.engine.filterGradient(c.dws[chunk*size:][:size], s, n == first, n == last-1)
	}
	if c.dx != nil {
		c.engine.inputGradient(c.dx[n*c.InSize():][:c.InSize()], s)
	}
}

func (c *Conv2d[T]) biasGradient(dy, db []T, accumulate bool) {
	p := c.pixels()
	for f := range db {
		s := vector.Sum(dy[f*p:][:p])
		if accumulate {
			s += db[f]
		}
		db[f] = s
	}
}

// width is the number of channels of a pixel of the output, channels last.
func (c *Conv2d[T]) width() int { return pixel.Width(c.F) }

// convScratch is the memory for one image at a time.
type convScratch[T cpu.Float] struct {
	padded []T      // the image, channels last
	y      []T      // what becomes of the convolution in a ConvBlock, or the gradient of that, channels last
	z      []T      // its convolution, channels last
	dz     frame[T] // and the gradient of that
	dx     []T      // the image's gradient, channels last
	cols   []T      // the image's patches

	// See winograd: tiles of the image and of its convolution, those collected for
	// the gradient of the filters and their number, and whether there were more.
	v, m, dv, dm []T
	tiles        int
	summed       bool
	planes       []T // the convolution's gradient, as planes
}

// scratch returns memory for one goroutine.
func (c *Conv2d[T]) scratch() *convScratch[T] {
	s := c.idle.Get()
	if s == nil {
		s = new(convScratch[T])
	}
	s.z = cpu.Sized(s.z, c.pixels()*c.width())
	return s
}

// scratchBack is scratch for Backward.
func (c *Conv2d[T]) scratchBack() *convScratch[T] {
	s := c.scratch()
	if c.engine != nil {
		s.dz = c.engine.frame(s.dz)
	} else {
		s.dz = newFrame(s.dz, c.OH, c.OW, c.width(), 0, 0, 0, 0)
	}
	return s
}

// Bytes is the memory that the kernel keeps.
func (c *Conv2d[T]) Bytes() int {
	scratch := c.idle.Sum(func(s *convScratch[T]) int {
		return cpu.BytesOf(s.padded, s.y, s.z, s.dz.data, s.dx, s.cols, s.planes, s.v, s.m, s.dv, s.dm)
	})
	for _, e := range c.engines {
		scratch += e.bytes()
	}
	return scratch + cpu.BytesOf(c.dws, c.dbs)
}
