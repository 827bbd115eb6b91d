package pixel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Numbers are one for each channel of images channels last, of every image or of all:
// the factors of squeeze-and-excite (Hu et al. 2017), or a bias. They are few, and get
// room for a whole number of vectors.
//
//	as planes   │ s₀ s₁ … s₁₁ │ next image's      with 12 channels
//	here        │ s₀ s₁ … s₁₁ 0 0 0 0 │ next      with room for 16
//
// The room beyond C holds zeros: there a pixel x is zero too, and so are x·0 and x+0.
// After Take they may be read by any number of goroutines.
type Numbers[T cpu.Float] struct {
	Width    int // elements of an image's numbers
	channels int
	as       Layout // how they come
	data     []T
	none     []T // a shift of nothing
}

// WantNumbers is how numbers are wanted that lie as l: as they do. What a convolution
// gives for an image of one pixel lies channels last, and anything else as planes.
func WantNumbers(l Layout) Want {
	if !l.Last {
		return Want{}
	}
	return Want{Layout: Planes(l.N, l.C, l.H, l.W).Lastly(Border{})}
}

// Place makes room for the numbers of images with so many channels, which come as a
// layout says. One image is all of them.
func (n *Numbers[T]) Place(images, channels int, as Layout) {
	n.Width, n.channels, n.as = Width(channels), channels, as
	n.data, n.none = make([]T, images*n.Width), make([]T, n.Width)
}

// Take copies the numbers s: at each run, as the graph may have computed them anew.
func (n *Numbers[T]) Take(s []T) {
	for i := 0; i*n.Width < len(n.data); i++ {
		from := i * n.channels
		if n.as.Last {
			from = n.as.At(i, 0, 0)
		}
		copy(n.data[i*n.Width:][:n.channels], s[from:])
	}
}

// Of are the numbers of an image.
func (n *Numbers[T]) Of(image int) []T {
	if len(n.data) == n.Width {
		return n.data
	}
	return n.data[image*n.Width:][:n.Width]
}

// Scale sets pixels of y, which are yPixel elements apart, to those of x times the
// numbers of their image. It is a window of one pixel: a sum of one product, begun at
// zero and rounded once, is the rounded product. All that multiplies so has the same bits.
func (n *Numbers[T]) Scale(image, pixels int, y []T, yPixel int, x []T, xPixel int) {
	w := Window[T]{
		Kind: Dot, Width: n.Width, KH: 1, KW: 1, XPixel: xPixel, WPixel: n.Width, YPixel: yPixel,
		Shift: n.none, Low: T(math.Inf(-1)), High: T(math.Inf(1)),
	}
	w.Slide(pixels, y, x, n.Of(image))
}

// Bytes is the memory that they take.
func (n *Numbers[T]) Bytes() int { return cpu.BytesOf(n.data, n.none) }
