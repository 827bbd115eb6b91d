package conv

import "tapenet/graph/internal/kernel/cpu"

// An engine convolves single images that lie channels last: an output pixel is
// pixel.Width(F) channels wide, of which those beyond F are zero for finite images. Conv2d asks for one at
// every pass, as the filters and the tier may have changed.
type engine[T cpu.Float] interface {
	// prepare takes up a geometry and the filters w (F,C/Groups,KH,KW). It
	// reports false if this is not a geometry, or a tier, for the engine.
	prepare(s Shape, w []T) bool
	// load takes up an image, the planes x (C,H,W), for the methods below.
	load(s *convScratch[T], x []T)
	// convolve sets y to the output's rows [lo,hi); lo is a multiple of four.
	convolve(y []T, s *convScratch[T], lo, hi int)

	// weights is the number of elements of the gradient of the filters as the
	// engine has it; unpack writes it as (F,C/Groups,KH,KW).
	weights() int
	unpack(dst, dw []T)
	// filterGradient adds to dw what the image that was loaded gives to it if the
	// output's gradient is s.dz. The first image's finds anything in dw, and after
	// the last image's, with the same s, the sum is complete.
	filterGradient(dw []T, s *convScratch[T], first, last bool)

	// prepareBack takes up the filters for inputGradient. After it, frame makes
	// room for s.dz.
	prepareBack(w []T)
	frame(f frame[T]) frame[T]
	// inputGradient sets the planes dx from s.dz.
	inputGradient(dx []T, s *convScratch[T])

	bytes() int
}

// engines are those of one convolution, the fastest first. Where none will do,
// Conv2d unrolls images.
func newEngines[T cpu.Float]() []engine[T] {
	return []engine[T]{&depthwise[T]{}, &winograd[T]{}, &direct[T]{}}
}
