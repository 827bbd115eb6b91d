package conv

import "tapenet/graph/internal/kernel/cpu"

// A batch may be cut into lanes, each with the bits of a run of its own: the statistics
// of a normalisation are a lane's, and so is the gradient of the filters, with its chunks
// or rounds of images. So each lane has a copy of the convolution, for its images:
//
//	images   │ lane 0 │ lane 1 │ lane 2 │ …     the statistics, and what Forward keeps for
//	kernels    first    follows  follows         Backward, are each kernel's own
//	             └── engines, scratch, sums ──┘   of the first: they run one after the other
//
// The copies have the same filters, and what an engine makes of these does not depend on
// the images. So the first lane's kernel prepares them, and the others only take up their
// number of images. That number decides which engine is taken, as winograd wants many
// pixels: a lane whose engine is another one prepares it, and where lanes differ from the
// start they share nothing.

// lane is a lane of n of the samples, of which there are of in all: ok is false unless
// images alone have samples, each of as many.
func (s Shape) lane(n, of int, shared []bool, images int) (lane Shape, ok bool) {
	for i, without := range shared {
		if without != (i > 0 && i < len(shared)-images+1) {
			return s, false
		}
	}
	ok = s.N%of == 0
	s.N = s.N / of * n
	return s, ok
}

// Lane returns a convolution for n of the samples of a batch. It shares nothing with its
// receiver, and needs to be placed as that is.
func (c *Conv2d[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	s, ok := c.lane(n, of, shared, 1)
	return NewConv2d[T](s, c.hasBias), ok
}

// Lane is that of a convolution. A residual image has samples too.
func (c *ConvBlock[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	images := 1
	if c.Residual {
		images = 2
	}
	s, ok := c.lane(n, of, shared, images)
	return NewConvBlock[T](s, c.Block), ok
}

// State lists the operands that Forward changes, the running statistics.
func (c *ConvBlock[T]) State() []int {
	if c.Norm == nil || !c.Norm.Training {
		return nil
	}
	mean := 4 // behind the image, the filters, γ and β
	if c.Bias {
		mean++
	}
	return []int{mean, mean + 1}
}

// Lane is that of a convolution.
func (p *PlanarBlock[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	s, ok := p.conv.lane(n, of, shared, 1)
	return NewPlanarBlock[T](s, p.conv.hasBias), ok
}

// Follow says that the convolution always runs behind first, on the same filters: each
// lane's Forward behind the first one's, and then each lane's Backward.
func (c *Conv2d[T]) Follow(first any) { c.follow(first.(*Conv2d[T])) }

// Follow is that of a convolution.
func (c *ConvBlock[T]) Follow(first any) { c.follow(&first.(*ConvBlock[T]).Conv2d) }

// Follow is that of a convolution, which always goes plane by plane.
func (p *PlanarBlock[T]) Follow(first any) { p.conv.share(&first.(*PlanarBlock[T]).conv) }

func (c *Conv2d[T]) follow(first *Conv2d[T]) {
	own := c.engines
	c.engines = first.engines
	first.choose(nil)
	if c.choose(nil); c.engine != first.engine {
		c.engines = own
		return
	}
	c.share(first)
}

func (c *Conv2d[T]) share(first *Conv2d[T]) {
	c.idle, c.planar, c.first, first.first = first.idle, first.planar, first, first
}

// follows reports whether the kernel shares another lane's memory.
func (c *Conv2d[T]) follows() bool { return c.first != nil && c.first != c }

// prepared reports whether the first lane has prepared the engine of this one, when that
// was chosen.
func (c *Conv2d[T]) prepared() bool { return c.follows() && c.engine == c.first.engine }

// takeUp chooses the engine for Forward, with the filters unless these are prepared.
func (c *Conv2d[T]) takeUp() {
	if c.follows() {
		if c.choose(nil); c.prepared() && c.byPlanes == c.first.byPlanes {
			return
		}
	}
	c.choose(c.w)
}

// takeUpBack makes the engine ready for Backward. Another lane may have used it since
// Forward, for another number of images.
func (c *Conv2d[T]) takeUpBack() {
	if c.engine == nil {
		return
	}
	if c.first != nil {
		c.engine.prepare(c.Shape, nil)
	}
	if c.dx != nil && !c.prepared() {
		c.engine.prepareBack(c.w)
	}
}

// borrow takes the memory for the sums of chunks from the first lane; giveBack gives it
// back, which may have grown.
func (c *Conv2d[T]) borrow() {
	if c.follows() {
		c.dws, c.dbs = c.first.dws, c.first.dbs
	}
}

func (c *Conv2d[T]) giveBack() {
	if c.follows() {
		c.first.dws, c.first.dbs, c.dws, c.dbs = c.dws, c.dbs, nil, nil
	}
}

// resized is a slice of size elements of b, or of new memory if that is too small.
func resized[T cpu.Float](b []T, size int) []T { return cpu.AtLeast(&b, size) }
