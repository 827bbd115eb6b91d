package kernel

// An engine convolves single images that lie channels last: an output pixel is
// directWidth(F) channels wide, of which those beyond F are zero for finite images. Conv2d asks for one at
// every pass, as the filters and the tier may have changed.
type engine[T Float] interface {
	// prepare takes up a geometry and the filters w (F,C/Groups,KH,KW). It
	// reports false if this is not a geometry, or a tier, for the engine.
	prepare(s ConvShape, w []T) bool
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
func newEngines[T Float]() []engine[T] {
	return []engine[T]{&depthwise[T]{}, &winograd[T]{}, &direct[T]{}}
}

// directWidth is the number of channels that n are stored as.
func directWidth(n int) int { return (n + 7) &^ 7 }

// frame is an image, channels last, in a border of zeros: its pixel (i,j) begins
// at data[first+i*row+j*width].
type frame[T Float] struct {
	data              []T
	first, row, width int
	cols              int // pixels in a row
}

// newFrame makes room for an image with borders, reusing the memory of an old
// frame for such an image.
func newFrame[T Float](old frame[T], rows, cols, width, top, bottom, left, right int) frame[T] {
	row := (left + cols + right) * width
	return frame[T]{
		data:  sized(old.data, (top+rows+bottom)*row),
		first: top*row + left*width, row: row, width: width, cols: cols,
	}
}

// pixels returns the first n pixels of row i.
func (f frame[T]) pixels(i, n int) []T { return f.data[f.first+i*f.row:][:n*f.width] }

// load sets the pixels of the first channels from planes with so many rows.
func (f frame[T]) load(planes []T, rows, channels int) {
	for i := range rows {
		row := f.pixels(i, f.cols)
		if f.width == 1 {
			copy(row, planes[i*f.cols:])
		} else {
			transposeInto(row, f.width, planes[i*f.cols:], rows*f.cols, channels, f.cols)
		}
	}
}

// unload is the way back.
func (f frame[T]) unload(planes []T, rows, channels int) {
	for i := range rows {
		transposeInto(planes[i*f.cols:], rows*f.cols, f.pixels(i, f.cols), f.width, f.cols, channels)
	}
}

// sums adds the pixels of so many rows up, channel by channel.
func (f frame[T]) sums(sum []T, rows int) {
	for i := range rows {
		channelSums(sum, f.pixels(i, f.cols), f.cols, f.width)
	}
}
