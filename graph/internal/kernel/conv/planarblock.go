package conv

import (
	"runtime"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Planar reports whether the convolution is one for a PlanarBlock: of few planes with
// few filters, whose rows fill the vectors.
func (s Shape) Planar() bool { return s.planar() }

// PlanarBlock is a planar convolution with the hyperbolic tangent and the mean of
// windows of 2×2 pixels behind it, in one op:
//
//	y = AvgPool2D(tanh(Conv2d(x, w, bias)))
//
// An image stays in the cache from its convolution to its result. For Backward only
// the tangents are kept, whose gradient follows from themselves.
//
// With t for the tangents and p for a window's pixels the gradients are
//
//	dz[p] = dy/4 · (1 - t[p]²)
//
// so that neither the convolution nor the result has to be kept.
type PlanarBlock[T cpu.Float] struct {
	conv        Conv2d[T]
	PH, PW      int // size of a plane of the result
	forwardOnly bool
	tangents    []T // of all images, (N,F,OH,OW)
}

// NewPlanarBlock returns the kernel for one geometry, with or without a bias.
func NewPlanarBlock[T cpu.Float](s Shape, bias bool) *PlanarBlock[T] {
	p := &PlanarBlock[T]{conv: newConv2d[T](s), PH: s.OH / 2, PW: s.OW / 2}
	c := &p.conv
	c.hasBias, c.planar, c.byPlanes = bias, new(planar[T]), true
	c.forward, c.backward = p.forwardImages, p.backwardChunks
	return p
}

// ForwardOnly says whether no Backward follows a Forward, so that nothing has to be
// kept for it. At first it is false.
func (p *PlanarBlock[T]) ForwardOnly(on bool) { p.forwardOnly = on }

// Forward computes y (N,F,PH,PW) from the operands x (N,C,H,W), w (F,C,KH,KW) and
// perhaps the bias (F).
func (p *PlanarBlock[T]) Forward(y []T, in [][]T) {
	c := &p.conv
	c.y, c.x, c.w, c.bias = y, in[0], in[1], cpu.Operand(in, 2)
	// take and not prepare: in plain Go the block goes plane by plane as well.
	c.planar.take(c.Shape, c.w)
	copy(c.planar.shift, c.bias)
	if !p.forwardOnly {
		p.tangents = cpu.Sized(p.tangents, c.N*c.OutSize())
	}
	cpu.Parallel(c.N, c.forward)
}

// forwardImages computes the images [lo,hi).
//
// For Backward the tangents are written where they are kept. Else one image's memory in
// the scratch serves all images, and stays in the cache.
func (p *PlanarBlock[T]) forwardImages(lo, hi int) {
	c := &p.conv
	s := p.scratch()
	defer c.idle.Put(s)
	for n := lo; n < hi; n++ {
		t := s.planes
		if !p.forwardOnly {
			t = p.tangents[n*c.OutSize():][:c.OutSize()]
		}
		c.planar.forward(c, s, t, c.x[n*c.InSize():][:c.InSize()])
		vector.Activate(vector.Tanh, t, t)
		plane := p.PH * p.PW
		for f := range c.F {
			vector.AvgPairs(p.PH, p.PW, c.y[(n*c.F+f)*plane:], t[f*c.pixels():], c.OW)
		}
	}
}

// scratch returns memory for one goroutine, with an image of tangents.
func (p *PlanarBlock[T]) scratch() *convScratch[T] {
	s := p.conv.idle.Get()
	if s == nil {
		s = new(convScratch[T])
	}
	s.planes = cpu.Sized(s.planes, p.conv.OutSize())
	return s
}

// Backward computes the gradients dIn[0] of x, dIn[1] of w and dIn[2] of the bias from
// the gradient dy of the result. It skips those that are nil.
//
// Each chunk has sums of its own, which are added up in the order of the chunks: the bits
// do not depend on the number of threads.
func (p *PlanarBlock[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c := &p.conv
	c.beginBackward(dIn, dy, in)
	c.dbs = resized(c.dbs, c.chunks*len(cpu.Operand(dIn, 2)))
	cpu.Parallel(c.chunks, c.backward)
	c.endBackward(dIn)
	vector.SumChunks(cpu.Operand(dIn, 2), c.dbs, c.chunks)
	c.giveBack()
}

// backwardChunks goes through the images of the chunks [lo,hi).
//
// The images of a chunk come one after the other on one goroutine. n > first is false for
// the first of them, which overwrites the sums of the run before.
func (p *PlanarBlock[T]) backwardChunks(lo, hi int) {
	c := &p.conv
	s := p.scratch()
	defer c.idle.Put(s)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			p.spread(s.planes, n)
			c.unrolledGradient(s, n, chunk, n > first, s.planes)
			if len(c.dbs) > 0 {
				c.biasGradient(s, s.planes, c.dbs[chunk*c.F:][:c.F], n > first)
			}
		}
	}
}

// spread sets dz to the gradient of image n's convolution.
func (p *PlanarBlock[T]) spread(dz []T, n int) {
	c := &p.conv
	if 4*p.PH*p.PW < c.OH*c.OW {
		clear(dz) // pixels that no window covers
	}
	plane := p.PH * p.PW
	for f := range c.F {
		vector.AvgPairsGrad(p.PH, p.PW, c.dy[(n*c.F+f)*plane:], dz[f*c.pixels():], c.OW)
	}
	// The tangents are those of Forward, which has run on these images just before.
	vector.TanhBack(dz, dz, p.tangents[n*c.OutSize():])
}

// Bytes is the memory that the kernel keeps.
func (p *PlanarBlock[T]) Bytes() int { return p.conv.Bytes() + cpu.BytesOf(p.tangents) }

// Plans is the memory that it will keep from the first run on. If a Backward follows it
// is only what it keeps already.
func (p *PlanarBlock[T]) Plans() int {
	if !p.forwardOnly {
		return p.Bytes()
	}
	c := &p.conv
	c.planar.take(c.Shape, nil)
	each := c.OutSize() + c.C*c.planar.XPlane // the tangents, and the image with its padding
	filters := c.planar.Weights() + c.F
	return cpu.SizeOf[T](min(runtime.GOMAXPROCS(0), c.N)*each + filters)
}
