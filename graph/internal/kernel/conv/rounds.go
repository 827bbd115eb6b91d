package conv

import "tapenet/graph/internal/kernel/cpu"

// rounds is how a convolution goes through its images. Most engines take each image
// by itself. A gathered one takes up a round of them first: then the images' turn
// comes in the middle of its steps.
type rounds[T cpu.Float] struct {
	engine *gathered[T]     // nil for none
	first  int              // image of the round at work
	do     func(lo, hi int) // for the images [lo,hi) of all

	// Methods, for Parallel: made once.
	ofRound, gather, give func(lo, hi int)
}

// doRound calls do for images of the round.
func (r *rounds[T]) doRound(lo, hi int) { r.do(r.first+lo, r.first+hi) }

// each calls step with the number of images of each round.
func (r *rounds[T]) each(images int, step func(n int)) {
	for r.first = 0; r.first < images; r.first += r.engine.round {
		n := min(r.engine.round, images-r.first)
		r.engine.begin(n)
		step(n)
	}
}

// convolveAll calls do for all images, by several goroutines, when the engine can
// convolve them.
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
func (c *Conv2d[T]) gatherImages(lo, hi int) {
	s := c.scratch()
	defer c.idle.Put(s)
	for s.at = lo; s.at < hi; s.at++ {
		c.take(s, c.rounds.first+s.at)
		c.rounds.engine.gatherImage(s)
	}
}

// gradientsOfAll calls c.backward for all chunks of images. A chunk of a gathered
// engine is an image: after those of a round the engine multiplies, and then the
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
