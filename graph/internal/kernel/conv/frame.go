package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// frame is an image, channels last, in a border of zeros: its pixel (i,j) begins
// at data[first+i*row+j*width].
type frame[T cpu.Float] struct {
	data              []T
	first, row, width int
	cols              int // pixels in a row
}

// newFrame makes room for an image with borders, reusing the memory of an old
// frame for such an image.
func newFrame[T cpu.Float](old frame[T], rows, cols, width, top, bottom, left, right int) frame[T] {
	row := (left + cols + right) * width
	return frame[T]{
		data:  cpu.Sized(old.data, (top+rows+bottom)*row),
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
			gemm.TransposeInto(row, f.width, planes[i*f.cols:], rows*f.cols, channels, f.cols)
		}
	}
}

// unload is the way back.
func (f frame[T]) unload(planes []T, rows, channels int) {
	for i := range rows {
		gemm.TransposeInto(planes[i*f.cols:], rows*f.cols, f.pixels(i, f.cols), f.width, f.cols, channels)
	}
}

// sums adds the pixels of so many rows up, channel by channel.
func (f frame[T]) sums(sum []T, rows int) {
	for i := range rows {
		pixel.Sums(sum, f.pixels(i, f.cols), f.cols, f.width)
	}
}
