package pixel

import "fmt"

// Layout says how the images (N,C,H,W) of a value lie in memory. The zero Last is
// planes: one element behind the other in the order N, C, H, W, without a border.
//
// Channels last, a pixel is Stride elements from the next; of them the first C are
// its channels, and those up to Width(C) are zero. Images have a border of zeros
// around them:
//
//	Left pixels │ W pixels │ Right pixels      a row, of Row elements
//	Top rows, H rows, Bottom rows              an image, of Image elements
//
// A value whose Stride is larger than Width(C) is a part of a wider one: Concat's
// operands are written side by side into the pixels of its result.
//
//	Stride = 40   │ 0 … 15 a │ 16 … 39 b │   a has C = 16, b has C = 24
//
// The program chooses layouts (package program) and keeps the border zero; a kernel
// reads them by At and keeps the channels from C to Width(C) zero.
type Layout struct {
	N, C, H, W int
	Last       bool
	Stride     int
	Border
}

// Border is a number of pixels on each side of an image.
type Border struct{ Top, Bottom, Left, Right int }

// Max is the border that covers both: an image with several readers gets the largest
// border that one of them asks for.
func (b Border) Max(c Border) Border {
	return Border{max(b.Top, c.Top), max(b.Bottom, c.Bottom), max(b.Left, c.Left), max(b.Right, c.Right)}
}

// Planes is the layout of images that a graph sees.
func Planes(n, c, h, w int) Layout { return Layout{N: n, C: c, H: h, W: w} }

// Lastly is l channels last, with a border. Its pixels are tight.
func (l Layout) Lastly(b Border) Layout {
	l.Last, l.Stride, l.Border = true, Width(l.C), b
	return l
}

// Unbordered is l without its border.
func (l Layout) Unbordered() Layout {
	l.Border = Border{}
	return l
}

// Row is the number of elements from a row of pixels to the next.
func (l Layout) Row() int { return (l.Left + l.W + l.Right) * l.Stride }

// Image is the number of elements from an image to the next.
func (l Layout) Image() int {
	if !l.Last {
		return l.C * l.H * l.W
	}
	return (l.Top + l.H + l.Bottom) * l.Row()
}

// Size is the number of elements of all images.
func (l Layout) Size() int { return l.N * l.Image() }

// At is where pixel (i,j) of image n begins; i and j may lie in the border, where they
// are negative or beyond H and W. The layout is channels last.
func (l Layout) At(n, i, j int) int {
	return n*l.Image() + (l.Top+i)*l.Row() + (l.Left+j)*l.Stride
}

// Width is the number of channels that pixels have in memory: C rounded up to eight,
// or fewer where the layout's pixels are narrower than that: a convolution may ask for
// pictures of three channels without a channel between them.
func (l Layout) Width() int { return min(Width(l.C), l.Stride) }

// Bordered reports whether there is a border.
func (l Layout) Bordered() bool { return l.Border != Border{} }

// Whole reports whether pixels follow each other without a gap, over rows and
// images: a matrix of N·H·W rows of Stride elements.
func (l Layout) Whole() bool { return l.Last && !l.Bordered() }

// Clear writes the border's zeros, for the images [lo,hi). The program calls it after
// a step whose result has a border: kernels write the H·W pixels alone, and memory
// that values share has other values' numbers in it. Of a part of wider pixels it
// clears the part's channels.
func Clear[T float32 | float64](l Layout, data []T, lo, hi int) {
	if !l.Last || !l.Bordered() {
		return
	}
	row, width := l.Row(), l.Width()
	zero := func(from, pixels int) {
		if l.Stride == width {
			clear(data[from:][:pixels*width])
			return
		}
		for p := range pixels {
			clear(data[from+p*l.Stride:][:width])
		}
	}
	for n := lo; n < hi; n++ {
		at, pixels := n*l.Image(), l.Left+l.W+l.Right
		for i := range l.Top + l.H + l.Bottom {
			if i < l.Top || i >= l.Top+l.H {
				zero(at+i*row, pixels)
				continue
			}
			zero(at+i*row, l.Left)
			zero(at+i*row+(l.Left+l.W)*l.Stride, l.Right)
		}
	}
}

// ClearRest writes the zeros of the channels beyond C, for the pixels of the images
// [lo,hi): a loop over whole pixels leaves something else there if it turns zero into
// another number.
func ClearRest[T float32 | float64](l Layout, data []T, lo, hi int) {
	if !l.Last || l.C == l.Width() {
		return
	}
	for r := lo * l.H; r < hi*l.H; r++ {
		row := data[l.At(r/l.H, r%l.H, 0):]
		for j := range l.W {
			clear(row[j*l.Stride+l.C : j*l.Stride+l.Width()])
		}
	}
}

// String is "planes", or as in "last", "last+1,1,1,1" with a border, and
// "last/256" for a part of pixels of 256 elements.
func (l Layout) String() string {
	if !l.Last {
		return "planes"
	}
	s := "last"
	if l.Stride != Width(l.C) {
		s += fmt.Sprintf("/%d", l.Stride)
	}
	if l.Bordered() {
		s += fmt.Sprintf("+%d,%d,%d,%d", l.Top, l.Bottom, l.Left, l.Right)
	}
	return s
}

// Want is a layout in which a kernel wants an operand. Its border is the least that
// the kernel needs; it may get a larger one.
type Want struct {
	Layout
	Tight bool // pixels must not be parts of wider ones
}

// Align is the number of channels that pixels' parts begin at multiples of.
const Align = 8
