package conv

import "tapenet/graph/internal/kernel/cpu"

// A gatherer is an engine that takes up a round of images before it multiplies. Of
// an engine's methods, convolve and inputGradient give back image s.at of the round;
// filterGradient has no part.
//
// Conv2d calls its methods in this order, for each round:
//
//	begin
//	gatherImage                    for each image
//	products
//	convolve                       for each image
//
// and in Backward
//
//	begin
//	gatherGradient, gatherImage    for each image; the latter if w's gradient is wanted
//	gradients
//	inputGradient                  for each image, if x's gradient is wanted
//
// Those that are called for each image are called by several goroutines at a time.
type gatherer[T cpu.Float] interface {
	engine[T]
	// round is the number of images of a round, at most.
	round() int
	// memory is where the engine keeps what it takes up, and extent how many elements of
	// both that are, at most.
	memory() (v, m *[]T)
	extent() (v, m int)
	// begin makes room for a round of so many images.
	begin(images int)
	// gatherImage takes up s.image, and gatherGradient s.dz, of image s.at.
	gatherImage(s *convScratch[T])
	gatherGradient(s *convScratch[T])
	// products convolves the images.
	products()
	// gradients sets dw, unless it is empty, to the gradient of the filters, or adds
	// that, and prepares inputGradient if that is wanted.
	gradients(dw []T, accumulate, wantDX bool)
}

// rounds is how a convolution goes through its images. Most engines take each image
// by itself. Where there is a gatherer the images' turn comes in the middle of its
// steps.
//
//	images   0 1 2 3 │ 4 5 6 7 │ 8 9       rounds of at most four
//	                   ▲ first = 4: image 5 is s.at = 1
//
// How many images a round has depends on the shape alone, as sums go over a round.
type rounds[T cpu.Float] struct {
	engine gatherer[T]      // nil for none
	shared *Shared[T]       // lends the engine its memory, if not nil
	first  int              // image of the round at work
	do     func(lo, hi int) // for the images [lo,hi) of all

	// Methods, for Parallel: made once.
	ofRound, gather, give func(lo, hi int)
}

// doRound calls do for images of the round.
func (r *rounds[T]) doRound(lo, hi int) { r.do(r.first+lo, r.first+hi) }

// each calls step with the number of images of each round.
func (r *rounds[T]) each(images int, step func(n int)) {
	if r.shared != nil {
		v, m := r.engine.memory()
		r.shared.lend(v, m)
		defer r.shared.takeBack(v, m)
	}
	for r.first = 0; r.first < images; r.first += r.engine.round() {
		n := min(r.engine.round(), images-r.first)
		r.engine.begin(n)
		step(n)
	}
}

// convolveAll calls do for all images, by several goroutines, when the engine can
// convolve them.
//
// Parallel returns when all its calls have, so that each step of a round finds the step
// before it done for all images.
func (c *Conv2d[T]) convolveAll(do func(lo, hi int)) {
	if c.rounds.engine == nil {
		cpu.Parallel(c.N, do)
		return
	}
	c.rounds.do = do
	c.rounds.each(c.N, func(n int) {
		cpu.Parallel(n, c.rounds.gather)
		c.rounds.engine.products()
		cpu.Parallel(n, c.rounds.ofRound)
	})
}

// gatherImages takes up the images [lo,hi) of a round.
//
// The scratch holds one image at a time: the engine copies what it needs of it.
func (c *Conv2d[T]) gatherImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.Put(s)
	for s.at = lo; s.at < hi; s.at++ {
		c.take(s, c.rounds.first+s.at)
		c.rounds.engine.gatherImage(s)
	}
}

// gradientsOfAll calls c.backward for all chunks of images. A chunk of a gatherer
// is an image: after those of a round the engine multiplies, and then the
// images' gradients can be had.
func (c *Conv2d[T]) gradientsOfAll() {
	if c.rounds.engine == nil {
		cpu.Parallel(c.chunks, c.backward)
		return
	}
	c.rounds.do = c.backward
	c.rounds.each(c.N, func(n int) {
		cpu.Parallel(n, c.rounds.ofRound)
		c.rounds.engine.gradients(c.dws, c.rounds.first > 0, c.dx != nil)
		if c.dx != nil {
			cpu.Parallel(n, c.rounds.give)
		}
	})
}

// giveImages computes the gradients of the images [lo,hi) of a round.
func (c *Conv2d[T]) giveImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.Put(s)
	for s.at = lo; s.at < hi; s.at++ {
		c.give(s, c.rounds.first+s.at)
	}
}
