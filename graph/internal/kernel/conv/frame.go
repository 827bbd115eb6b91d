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
	rows, cols        int // of pixels
	pixel.Border
}

// frameOf is the frame of an image of rows×cols pixels in a border, without memory.
func frameOf[T cpu.Float](rows, cols, width int, b pixel.Border) frame[T] {
	row := (b.Left + cols + b.Right) * width
	return frame[T]{first: b.Top*row + b.Left*width, row: row, width: width, rows: rows, cols: cols, Border: b}
}

// over is f in memory that is large enough, or else in new memory. The border of
// memory that a frame of this form has had before is still zero.
func (f frame[T]) over(data []T) frame[T] {
	f.data = cpu.Sized(data, (f.Top+f.rows+f.Bottom)*f.row)
	return f
}

// pixels returns the first n pixels of row i.
func (f frame[T]) pixels(i, n int) []T { return f.data[f.first+i*f.row:][:n*f.width] }

// load sets the first channels of every pixel from planes, whose rows are row and
// which are plane elements apart. The other channels become zero.
func (f frame[T]) load(planes []T, row, plane, channels int) {
	rows, cols := f.rows, f.cols
	if f.whole() && row == cols {
		rows, cols = min(rows, 1), rows*cols
	}
	for i := range rows {
		if cols == 0 {
			break
		}
		to := f.data[f.first+i*f.row:][:cols*f.width]
		if f.width == 1 {
			copy(to, planes[i*row:])
		} else {
			pixel.FromPlanes(to, f.width, planes[i*row:], plane, channels, cols)
		}
	}
}

// unload writes the first channels of every pixel to planes.
func (f frame[T]) unload(planes []T, channels int) {
	rows, cols, plane := f.rows, f.cols, f.rows*f.cols
	if f.whole() {
		rows, cols = min(rows, 1), plane
	}
	for i := range rows {
		pixel.ToPlanes(planes[i*f.cols:], plane, f.data[f.first+i*f.row:], f.width, channels, cols)
	}
}

// whole reports whether rows follow each other without a gap.
func (f frame[T]) whole() bool { return f.row == f.cols*f.width }

// read copies the channels of the pixels of image n, which lies in x by a layout.
func (f frame[T]) read(x []T, l pixel.Layout, n, channels int) {
	for i := range f.rows {
		if f.cols > 0 {
			copyPixels(f.pixels(i, f.cols), f.width, x[l.At(n, i, 0):], l.Stride, channels, f.cols)
		}
	}
}

// write copies the channels of the pixels to image n, which lies in y by a layout.
func (f frame[T]) write(y []T, l pixel.Layout, n, channels int) {
	for i := range f.rows {
		copyPixels(y[l.At(n, i, 0):], l.Stride, f.pixels(i, f.cols), f.width, channels, f.cols)
	}
}

// copyPixels copies the channels of pixels. The channels that fill a pixel of dst
// up become zero.
func copyPixels[T cpu.Float](dst []T, dstPixel int, src []T, srcPixel, channels, pixels int) {
	if dstPixel == srcPixel {
		copy(dst[:pixels*dstPixel], src)
		return
	}
	for j := range pixels {
		to := dst[j*dstPixel:][:dstPixel]
		clear(to[copy(to[:channels], src[j*srcPixel:]):])
	}
}

// sums adds up the pixels, channel by channel, onto sum.
func (f frame[T]) sums(sum []T) {
	for i := range f.rows {
		pixel.Sums(sum, f.pixels(i, f.cols), f.cols, f.width)
	}
}
