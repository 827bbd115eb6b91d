// Package conv is the two-dimensional convolution, alone and with what usually
// follows it, and the engines that compute it.
//
// Conv2d, ConvBlock and PlanarBlock are the operations. They go through a batch image
// by image and leave an image to an engine, see newEngines.
// README.md draws the way of the data.
package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// Shape is the geometry of a two-dimensional convolution. All sizes are
// positive and fit each other; the caller has checked them.
type Shape struct {
	N, C, H, W           int // input (N,C,H,W)
	F, KH, KW            int // filters (F,C/Groups,KH,KW)
	StrideH, StrideW     int
	PadTop, PadLeft      int // the padding below and on the right shows in OH and OW
	DilationH, DilationW int
	Groups               int
	OH, OW               int // output (N,F,OH,OW)
}

// InSize is the number of elements of an image of the input.
func (s Shape) InSize() int { return s.C * s.H * s.W }

// OutSize is the number of elements of an image of the output.
func (s Shape) OutSize() int { return s.F * s.OH * s.OW }

// patch is the number of pixels that one output pixel of one filter sees, over
// all channels of its group: the length of its sum.
func (s Shape) patch() int { return s.C / s.Groups * s.KH * s.KW }

// pixels is the number of pixels of a plane of the output.
func (s Shape) pixels() int { return s.OH * s.OW }

// Weights is the number of elements of the filters (F,C/Groups,KH,KW).
func (s Shape) Weights() int { return s.F * s.patch() }

// pointwise reports whether a filter sees one pixel and the output has the
// input's pixels: then a convolution is a matrix product with the planes as
// they are.
func (s Shape) pointwise() bool {
	return s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 && s.OH == s.H && s.OW == s.W
}

// MulAdds is the number of multiply-adds of one forward pass.
func (s Shape) MulAdds() int { return s.N * s.OutSize() * s.patch() }

// convChunks bounds the number of chunks of images. Each chunk has a sum of its
// own for the gradient of the filters, and the sums are added up in order at
// the end. The number is fixed, so that the order of the additions, and with it
// every bit of the result, does not depend on the number of threads.
const convChunks = 8

// Conv2d is the cross-correlation that deep learning calls convolution:
//
//	y[n,f,i,j] = bias[f] + Σ_c Σ_u Σ_v w[f,c,u,v] · x[n, g·C/G+c, i·stride+u·dilation-pad, j·stride+v·dilation-pad]
//
// where g is the group of filter f. The operands are x, w and, optionally, the
// bias. Conv2d works image by image. It asks the engines in turn whether one
// takes the geometry; if none does, it multiplies the filters with a matrix of
// the image's patches, see unrolledForward.
type Conv2d[T cpu.Float] struct {
	Shape
	laid
	hasBias               bool
	y, dy, x, w, bias, dx []T // operands of the run, handed to the loops
	forward, backward     func(lo, hi int)

	chunks   int        // of images, for the gradients of the filters and the bias
	folded   int        // chunks whose sums have been added to the first one's already, see fold
	dws, dbs []T        // a gradient for each chunk, one behind the other
	first    *Conv2d[T] // the kernel of the first lane, see follow; nil without lanes

	adds bool // Backward adds the image's gradient to what is there

	engines  []engine[T] // that may take the geometry
	engine   engine[T]   // of the last Forward; nil for none
	planar   *planar[T]  // goes before the engines, if not nil
	byPlanes bool        // the last Forward went plane by plane
	rounds   rounds[T]
	idle     cpu.FreeList[convScratch[T]]
}

// NewConv2d returns the kernel for one geometry, with or without a bias.
func NewConv2d[T cpu.Float](s Shape, bias bool) *Conv2d[T] {
	c := newConv2d[T](s)
	c.hasBias, c.planar = bias, new(planar[T])
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	c.begin()
	return &c
}

// newConv2d returns the kernel without the functions for Parallel, which are
// methods of the caller's own copy: begin makes those of Conv2d itself.
func newConv2d[T cpu.Float](s Shape) Conv2d[T] {
	return Conv2d[T]{Shape: s, chunks: min(s.N, convChunks), engines: newEngines[T](), idle: cpu.NewFreeList[convScratch[T]]()}
}

// begin makes the functions for Parallel that all kinds of convolutions share.
func (c *Conv2d[T]) begin() {
	c.rounds.ofRound, c.rounds.gather, c.rounds.give = c.rounds.doRound, c.gatherImages, c.giveImages
}

// Forward computes y (N,F,OH,OW) from the operands x (N,C,H,W), w
// (F,C/Groups,KH,KW) and perhaps the bias (F).
func (c *Conv2d[T]) Forward(y []T, in [][]T) {
	c.beginForward(y, in)
	c.convolveAll(c.forward)
}

// beginForward takes up the operands of Forward, and chooses the engine.
func (c *Conv2d[T]) beginForward(y []T, in [][]T) {
	c.y, c.x, c.w, c.bias = y, in[0], in[1], cpu.Operand(in, 2)
	c.takeUp()
}

// choose makes the first engine that takes the geometry on the active tier the one
// for the filters w, unless the convolution goes plane by plane. With nil for w it only
// finds the engine.
func (c *Conv2d[T]) choose(w []T) {
	c.engine, c.rounds.engine, c.chunks = nil, nil, min(c.N, convChunks)
	if c.byPlanes = c.planar != nil && c.planar.prepare(c.Shape, w); c.byPlanes {
		return
	}
	for _, e := range c.engines {
		if !e.prepare(c.Shape, w) {
			continue
		}
		c.engine = e
		if g, ok := e.(gatherer[T]); ok {
			c.rounds.engine, c.chunks = g, c.N
		}
		return
	}
}

// forwardImages computes the images [lo,hi) of y. An engine leaves an image
// channels last in s.z, from where it goes to y.
func (c *Conv2d[T]) forwardImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.Put(s)
	p := c.pixels()
	s.z = cpu.Sized(s.z, p*c.width())
	for n := lo; n < hi; n++ {
		switch {
		case c.engine != nil:
			c.beginImage(s, n)
			c.engine.convolve(s.z, s, 0, c.OH) // (OH·OW, width)
		case c.out.Last:
			s.planes = cpu.Sized(s.planes, c.OutSize())
			c.unrolledForward(s, c.planes(s, n), s.planes)
			pixel.FromPlanes(s.z, c.width(), s.planes, p, c.F, p)
		default:
			c.unrolledForward(s, c.planes(s, n), c.y[n*c.OutSize():][:c.OutSize()])
		}
		if c.out.Last {
			c.finishLast(s, n)
		} else {
			c.finishPlanes(s, n)
		}
	}
}

// beginImage takes up image n, unless it is among those that were gathered.
func (c *Conv2d[T]) beginImage(s *convScratch[T], n int) {
	if c.rounds.engine != nil {
		s.at = n - c.rounds.first
	} else if c.engine != nil {
		c.take(s, n)
	}
}

// finishLast adds the bias and writes image n channels last.
func (c *Conv2d[T]) finishLast(s *convScratch[T], n int) {
	width := c.width()
	s.shift = cpu.Sized(s.shift, width)
	clear(s.shift[copy(s.shift, c.bias):])
	end := pixel.End[T]{Width: width, YPixel: c.out.Stride, XPixel: width, Shift: s.shift, Low: T(math.Inf(-1)), High: T(math.Inf(1))}
	for i := range c.OH {
		end.Pixels(c.OW, c.y[c.out.At(n, i, 0):], s.z[i*c.OW*width:], nil)
	}
}

// finishPlanes adds the bias and writes image n as planes.
func (c *Conv2d[T]) finishPlanes(s *convScratch[T], n int) {
	p, y := c.pixels(), c.y[n*c.OutSize():][:c.OutSize()]
	if c.engine != nil {
		pixel.ToPlanes(y, p, s.z, c.width(), c.F, p)
	}
	for f, b := range c.bias {
		vector.AddScalar(y[f*p:][:p], b)
	}
}

// Backward computes the gradients dIn[0] of x, dIn[1] of w and dIn[2] of the
// bias from the gradient dy of the output. It skips those that are nil.
func (c *Conv2d[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c.beginBackward(dIn, dy, in)
	c.dbs = resized(c.dbs, c.chunks*len(cpu.Operand(dIn, 2)))
	c.gradientsOfAll()
	c.endBackward(dIn)
	vector.SumChunks(cpu.Operand(dIn, 2), c.dbs, c.chunks)
	c.giveBack()
}

// beginBackward takes up the operands of Backward, but for the bias. It makes
// room for one gradient of the filters a chunk. Forward has run before: the
// engine is still the one that it chose.
func (c *Conv2d[T]) beginBackward(dIn [][]T, dy []T, in [][]T) {
	c.dy, c.x, c.w, c.dx = dy, in[0], in[1], dIn[0]
	c.takeUpBack()
	c.borrow()
	c.folded = 0
	c.dws = resized(c.dws, c.sums()*c.chunkWeights(dIn[1]))
}

// sums is the number of sums of the gradient of the filters: one for each chunk, or
// the one of a gatherer.
func (c *Conv2d[T]) sums() int {
	if c.rounds.engine != nil {
		return 1
	}
	return c.chunks
}

// chunkWeights is the number of elements of one chunk's gradient of the
// filters: an engine has an order, and a padding, of its own. It is 0 if nobody
// wants the gradient, dw being nil.
func (c *Conv2d[T]) chunkWeights(dw []T) int {
	if o := c.ordered(); dw != nil && o != nil {
		return o.weights()
	}
	return len(dw)
}

// ordered is what has an order of its own for the gradient of the filters, as engine
// says, or nil.
func (c *Conv2d[T]) ordered() interface {
	weights() int
	unpack(dst, dw []T)
} {
	switch {
	case c.byPlanes:
		return c.planar
	case c.engine != nil:
		return c.engine
	}
	return nil
}

// endBackward adds up the chunks' gradients of the filters, in their order, and
// writes the sum to dIn[1] as (F,C/Groups,KH,KW).
func (c *Conv2d[T]) endBackward(dIn [][]T) {
	switch dw, o := dIn[1], c.ordered(); {
	case dw == nil:
	case o == nil:
		vector.SumChunks(dw, c.dws, c.chunks)
	default:
		first := c.dws[:o.weights()]
		for i := max(c.folded, 1); i < c.sums(); i++ {
			vector.Add(first, c.dws[i*len(first):])
		}
		o.unpack(dw, first)
	}
}

// images returns the images [first,last) of a chunk.
func (c *Conv2d[T]) images(chunk int) (first, last int) {
	return c.N * chunk / c.chunks, c.N * (chunk + 1) / c.chunks
}

// backwardChunks goes through the images of the chunks [lo,hi). A chunk's
// images follow each other on one goroutine, as their gradients are added to
// one sum.
func (c *Conv2d[T]) backwardChunks(lo, hi int) {
	s := c.scratchBack()
	defer c.idle.Put(s)
	c.fold(s, lo, hi)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			if c.engine != nil {
				c.loadGradient(s, n)
				c.imageGradient(s, n, chunk)
			}
			if c.engine != nil && len(c.dbs) == 0 {
				continue
			}
			dy := c.gradientPlanes(s, n)
			if c.engine == nil {
				c.unrolledGradient(s, n, chunk, n > first, dy)
			}
			if len(c.dbs) > 0 {
				c.biasGradient(s, dy, c.dbs[chunk*c.F:][:c.F], n > first)
			}
		}
	}
}

// fold makes the chunks [lo,hi) of a goroutine have one sum, if they begin with the first
// chunk and each is one product. A tile of a product adds its sum to what is there, with
// one rounding: that is how the chunks' sums are added up later, in the same order, and so
// no bit changes. A memory of its own for each chunk would be more than the cache holds
// where filters are many and images few:
//
//	chunks   0 1 2 3 │ 4 5 6 7        on two goroutines
//	sums     0+1+2+3 │ 4 5 6 7        then + 4, + 5, …
func (c *Conv2d[T]) fold(s *convScratch[T], lo, hi int) {
	e, ok := c.engine.(*winograd[T])
	largest := (c.N + c.chunks - 1) / c.chunks
	if s.folds = ok && lo == 0 && largest*e.tileRows()*e.tileCols() <= e.collected(); s.folds {
		c.folded = hi
	}
}

// imageGradient computes what image n contributes to the gradients of w and x,
// given the gradient s.dz of its output. It takes the image again, as only the
// gradient of the filters reads it.
func (c *Conv2d[T]) imageGradient(s *convScratch[T], n, chunk int) {
	if e := c.rounds.engine; e != nil {
		s.at = n - c.rounds.first
		e.gatherGradient(s)
		if len(c.dws) > 0 {
			c.take(s, n)
			e.gatherImage(s)
		}
		return
	}
	if size := len(c.dws) / c.chunks; size > 0 {
		first, last := c.images(chunk)
		c.take(s, n)
		to, begins := chunk, n == first
		if s.folds {
			to, begins = 0, n == 0
		}
		dw := c.dws[to*size:][:size]
		if e, ok := c.engine.(collector[T]); ok && c.dx != nil {
			e.bothGradients(dw, s, n, begins, n == last-1, c)
			return
		}
		c.engine.filterGradient(dw, s, begins, n == last-1)
	}
	if c.dx != nil {
		c.give(s, n)
	}
}

// biasGradient sets db[f] to the sum of plane f of dy, or adds it.
func (c *Conv2d[T]) biasGradient(s *convScratch[T], dy, db []T, accumulate bool) {
	p := c.pixels()
	for f := range db {
		sum := s.planeSum(dy[f*p:][:p])
		if accumulate {
			sum += db[f]
		}
		db[f] = sum
	}
}

// planeSum is the sum of a plane: of eight interleaved sums, each by pixel.Sums.
func (s *convScratch[T]) planeSum(plane []T) T {
	p, whole := &s.sums, len(plane)&^7
	clear(p[:])
	pixel.Sums(p[:], plane, whole/8, 8)
	sum := ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))
	for _, v := range plane[whole:] {
		sum += v
	}
	return sum
}

// width is the number of channels of an output pixel, channels last.
func (c *Conv2d[T]) width() int { return pixel.Width(c.F) }

// Bytes is the memory that the kernel keeps: of the idle scratch, of the
// engines and of the chunks' gradients.
func (c *Conv2d[T]) Bytes() int {
	if c.follows() {
		return 0
	}
	scratch := c.idle.Sum(func(s *convScratch[T]) int {
		return cpu.BytesOf(s.padded, s.y, s.r, s.line, s.z, s.dz.data, s.dx, s.sum, s.cols, s.planes, s.x, s.dxPlanes, s.shift, s.v, s.m, s.dv, s.dm)
	})
	for _, e := range c.engines {
		scratch += e.bytes()
	}
	if c.planar != nil {
		scratch += c.planar.bytes()
	}
	return scratch + cpu.BytesOf(c.dws, c.dbs)
}
