package conv

import "tapenet/graph/internal/kernel/pixel"

// Beginning is what an op does that the convolution behind it can do: the opposite of an
// Ending. Squeeze-and-excite (Hu et al. 2017) multiplies an image with a number for each
// channel, and a 1×1 convolution reads the product at once:
//
//	excite ── s ──┐
//	x ────────────┴─ Scale ── x·s ── Conv2d        three walks over the image
//	x, s ─────────────────────────── Scale+Conv2d  one walk
//
// The zero value is none.
type Beginning struct {
	Factors int // the numbers that the image is multiplied with: C for all images, or N·C
}

// Begin returns a Layer that does the work of the op in front of l too. Its operands are
// that op's, x and s, and then those of l but the first. The product has the bits of
// the op's own, and so has all that is made of it.
//
// Pixels are multiplied by the goroutine that convolves them, see sliding. That is why
// there may not be more filters than pixels: then processors share the filters instead,
// each reads the whole image, and each would have to multiply all of it. Such images,
// late ones of a network, are so small that the product of their own costs little.
func (l *Layer[T]) Begin(before Beginning) (both any, ok bool) {
	apart := before.Factors != l.C && before.Factors != l.N*l.C
	if apart || l.Factors > 0 || !l.pointwise() || l.Groups > 1 || l.few() || l.F > l.N*l.OH*l.OW {
		return nil, false
	}
	return newLayer[T](l.Shape, before, l.Finish), true
}

// A block of the engine sliding is multiplied into memory of the goroutine, and convolved
// from there, before the next block is read:
//
//	image    │ block │ block │ …          may be parts of wider pixels
//	            │ · s
//	            ▼
//	scratch  │ segment │ segment │ …      tight pixels, as many as a block has
//	            │ panels of filters
//	            ▼
//	y

// scratch takes memory for a block from the idle one; nil if nothing is multiplied.
func (e *sliding[T]) scratch() *strip[T] {
	if e.layer.Factors == 0 {
		return nil
	}
	s := e.memory.strip()
	if need := e.scratchSize(); len(s.v) < need {
		s.v = make([]T, need)
	}
	return s
}

// release makes it idle.
func (e *sliding[T]) release(s *strip[T]) {
	if s != nil {
		e.memory.strips.Put(s)
	}
}

// longest is the number of pixels of the longest segment.
func (e *sliding[T]) longest() int { return (e.cols + e.parts - 1) / e.parts }

// scratchSize is the number of elements that a block takes.
func (e *sliding[T]) scratchSize() int {
	return min(e.blockSegments(), e.segments()) * e.longest() * pixel.Width(e.C)
}

// scale multiplies the segments [lo,hi) of a block into v, where segment s begins at
// scaled(s-lo).
func (e *sliding[T]) scale(v []T, lo, hi int) {
	for s := lo; s < hi; s++ {
		e.scaleSegment(v[e.scaled(s-lo):], s)
	}
}

// scaled is where a block's segment i begins in scratch.
func (e *sliding[T]) scaled(i int) int { return i * e.longest() * pixel.Width(e.C) }

// scaleSegment multiplies one segment. Where all pixels are one line it may have some of
// several images, each with factors of its own.
func (e *sliding[T]) scaleSegment(v []T, s int) {
	l, width := e.layer, pixel.Width(e.C)
	x, _, _, n := e.segment(s)
	// Counted over all images, the pixels are those from first on: lines are in their order.
	first, pixels := s/e.parts*e.cols+e.cols*(s%e.parts)/e.parts, e.OH*e.OW
	for done := 0; done < n; {
		image := (first + done) / pixels
		some := min(n-done, (image+1)*pixels-first-done)
		l.factors.Scale(image, some, v[done*width:], width, l.x[x+done*e.step:], e.step)
		done += some
	}
}

// share makes the engine use memory that others use too, for the blocks that it
// multiplies.
func (e *sliding[T]) share(l *Layer[T], s *Shared[T]) {
	if l.Factors == 0 {
		return
	}
	e.memory, e.shared = s, true
	e.cut(l)
	s.single.include(e.scratchSize(), 0)
	s.goroutines = max(s.goroutines, e.segments())
}
