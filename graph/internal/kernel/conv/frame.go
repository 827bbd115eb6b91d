package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// A frame is an image, channels last, with a border of zeros around it:
//
//	data  ┌───────────────────────────────┐
//	      │ top                           │
//	      │ left   cols pixels      right │  one row of the image, row elements
//	      │ bottom                        │
//	      └───────────────────────────────┘
//
// Its pixel (i,j) begins at data[first+i*row+j*width]. Whoever writes pixels
// leaves the border alone: it is zero because new memory is.
type frame[T cpu.Float] struct {
	data              []T
	first, row, width int
	cols              int // pixels in a row
}

// newFrame makes room for an image of rows×cols pixels between borders. It uses
// the memory of an old frame of the same size again, whose border is still
// zero.
func newFrame[T cpu.Float](old frame[T], rows, cols, width, top, bottom, left, right int) frame[T] {
	row := (left + cols + right) * width
	return frame[T]{
		data:  cpu.Sized(old.data, (top+rows+bottom)*row),
		first: top*row + left*width, row: row, width: width, cols: cols,
	}
}

// pixels returns the first n pixels of row i.
func (f frame[T]) pixels(i, n int) []T { return f.data[f.first+i*f.row:][:n*f.width] }

// load sets the first channels of every pixel from planes of rows×cols. The
// channels between them and the width become zero.
func (f frame[T]) load(planes []T, rows, channels int) {
	for i := range rows {
		row := f.pixels(i, f.cols)
		if f.width == 1 {
			copy(row, planes[i*f.cols:])
		} else {
			pixel.FromPlanes(row, f.width, planes[i*f.cols:], rows*f.cols, channels, f.cols)
		}
	}
}

// unload writes the first channels of every pixel to planes: the way back from
// load.
func (f frame[T]) unload(planes []T, rows, channels int) {
	for i := range rows {
		pixel.ToPlanes(planes[i*f.cols:], rows*f.cols, f.pixels(i, f.cols), f.width, channels, f.cols)
	}
}

// sums adds up the pixels of the first rows, channel by channel, onto sum.
func (f frame[T]) sums(sum []T, rows int) {
	for i := range rows {
		pixel.Sums(sum, f.pixels(i, f.cols), f.cols, f.width)
	}
}
