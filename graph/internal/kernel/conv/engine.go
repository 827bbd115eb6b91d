package conv

import "tapenet/graph/internal/kernel/cpu"

// An engine convolves one image after the other, channels last. An output pixel
// is pixel.Width(F) channels wide; the channels beyond F are zero if the image
// is finite.
//
// Conv2d calls its methods in this order:
//
//	prepare                         once for each Forward
//	image, convolve                 for each image
//	prepareBack, frame              once for each Backward, frame for each goroutine
//	image, filterGradient           for each image, if w's gradient is wanted
//	inputGradient                   for each image, if x's gradient is wanted
//	unpack                          once, on the sum of the chunks' gradients
//
// The methods that take a scratch s, and frame, are called by several
// goroutines at a time, each with a scratch of its own: whatever belongs to one
// image is in s, and the engine itself holds the filters alone.
type engine[T cpu.Float] interface {
	// prepare takes up a geometry and the filters w (F,C/Groups,KH,KW). It
	// reports false if the engine has no way for the geometry, or none on the
	// active tier. It is called for every pass, since the filters and the tier
	// may have changed. With nil for w it takes up the geometry alone.
	prepare(s Shape, w []T) bool
	// image is the frame of an image with the padding that the filters see,
	// without memory. The methods below read the image from s.image, which has
	// the pixels and at least the border of that frame; its data begin with the
	// frame's first pixel, and its rows may be further apart.
	image() frame[T]
	// convolve sets y to the rows [lo,hi) of the output of the image. lo
	// is a multiple of four, so that the rows begin with a whole tile.
	convolve(y []T, s *convScratch[T], lo, hi int)

	// weights is the number of elements of the gradient of the filters in the
	// order that the engine has for it. unpack writes such a gradient dw to dst
	// as (F,C/Groups,KH,KW).
	weights() int
	unpack(dst, dw []T)
	// filterGradient adds the image's share of the filters' gradient to
	// dw, given the output's gradient s.dz. With first, dw is garbage and is
	// overwritten. dw is complete only after the call with last, on the same s:
	// an engine may collect images in between.
	filterGradient(dw []T, s *convScratch[T], first, last bool)

	// prepareBack takes up the filters for inputGradient.
	prepareBack(w []T)
	// frame returns f with room for the gradient s.dz, and with the border of
	// zeros that inputGradient and filterGradient read beyond it. prepareBack
	// comes before.
	frame(f frame[T]) frame[T]
	// inputGradient computes the gradient of the image, given the output's
	// gradient s.dz, and returns where it lies: in memory of s, or in dx, if
	// that is not nil: room for H·W pixels without a border.
	inputGradient(dx []T, s *convScratch[T]) frame[T]

	// bytes is the memory that the engine keeps besides the scratches.
	bytes() int
}

// A stripEngine is an engine whose gradients can be computed a few rows of the output
// at a time, from the first to the last: while they are in the cache.
type stripEngine[T cpu.Float] interface {
	engine[T]
	// byRows reports whether they can for this geometry. dx says whether the image's
	// gradient is wanted, add whether it is to be added to what is there, and pixel the
	// distance of its pixels, or 0 for planes. It comes after prepareBack.
	byRows(dx, add bool, pixel int) bool
	// wholeGradient reports whether s.dz has the rows of a whole image, in the frame
	// that frame returns, or else those at hand alone, without a border.
	wholeGradient() bool
	// filterRows is filterGradient for the rows [lo,hi) of the output.
	filterRows(dw []T, s *convScratch[T], lo, hi int, first bool)
	// inputRows writes what these rows complete of the image's gradient dx, which has
	// no border, or adds it to what is there.
	inputRows(dx []T, s *convScratch[T], lo, hi int, add bool)
}

// A collector is an engine that has the gradients of filters and images from the same
// products, of several images together.
type collector[T cpu.Float] interface {
	engine[T]
	// bothGradients is filterGradient for image n. It hands the image's gradient to to, perhaps
	// with a later call, but in order and for all images by the call with last. Images of a
	// chunk follow each other.
	bothGradients(dw []T, s *convScratch[T], n int, first, last bool, to gradientTaker[T])
}

// gradientTaker takes the gradient of image n, which is overwritten afterwards.
type gradientTaker[T cpu.Float] interface {
	takeGradient(s *convScratch[T], n int, dx frame[T])
}

// newEngines returns the engines of one convolution, the fastest first. Where
// none takes the geometry, Conv2d unrolls images into patches.
func newEngines[T cpu.Float]() []engine[T] {
	return []engine[T]{&depthwise[T]{}, newGathered[T](), &winograd[T]{}, newPatched[T](), &direct[T]{}}
}
