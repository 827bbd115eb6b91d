package pixel

import "tapenet/graph/internal/kernel/cpu"

// The transformations of Winograd's convolutions of n tiles that lie side by side,
// in images that are stored channels last: the plain Go twins of the assembly.
// Pixel (i,j) of tile t is at t·step + i·row + j·width, and element (i,j) of a
// transformed tile of side×side at (side·i+j)·q, q being the distance between the
// matrices that are multiplied.

// winogradLoops are the transformations in assembly, by side and number of pixels.
type (
	winogradLoops struct {
		image    [maxSide + 1]tileLoop
		spread   [maxSide + 1]tileLoop
		evaluate [maxSide + 1][maxSide]tileLoop
		combine  [maxSide + 1][maxSide]pixelLoop
		finish   [maxSide + 1][maxSide]finishLoop
	}
	tileLoop  func(n, width int, dst, src []float32, step, row, q int)
	pixelLoop func(n, width int, dst, src []float32, step, row, q, rows, cols int)
	// finishLoop takes its distances pixel and row in the image.
	finishLoop func(n, width int, dst, src *float32, pixel, row, q, rows, cols int, shift, residual *float32, residualPixel, residualRow int, low, high float32)
)

// WinogradImage transforms tiles of side×side pixels of an image.
func WinogradImage[T cpu.Float](side, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.image[side](n, width, dst, src, step, row, q)
		return
	}
	toTiles(n, width, dst, src, step, row, q, side, side, imageLine[T])
}

// WinogradSpread adds what tiles give to side×side pixels of the gradient of an
// image, which overlap.
func WinogradSpread[T cpu.Float](side, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.spread[side](n, width, dst, src, step, row, q)
		return
	}
	fromTiles(n, width, dst, src, step, row, q, side, side, side, side, spreadLine[T], true)
}

// WinogradEvaluate transforms squares of pixels×pixels, which are filters if that
// is odd, or else gradients of the output.
func WinogradEvaluate[T cpu.Float](side, pixels, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.evaluate[side][pixels](n, width, dst, src, step, row, q)
		return
	}
	toTiles(n, width, dst, src, step, row, q, side, pixels, evaluateLine[T])
}

// WinogradCombine transforms tiles to squares of pixels×pixels, or the first of
// their rows and columns: gradients of filters if that is odd, or else output.
func WinogradCombine[T cpu.Float](side, pixels, n, width int, dst, src []T, step, row, q, rows, cols int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.combine[side][pixels](n, width, dst, src, step, row, q, rows, cols)
		return
	}
	fromTiles(n, width, dst, src, step, row, q, side, pixels, rows, cols, combineLine[T], false)
}

// lineFunc transforms the n values of a line; others are not looked at.
type lineFunc[T cpu.Float] func(side, n int, d [maxSide]T) [maxSide]T

func toTiles[T cpu.Float](n, width int, dst, src []T, step, row, q, side, pixels int, line lineFunc[T]) {
	eachTile(n, width, func(tile, f int) {
		var d [maxSide][maxSide]T
		for i := range pixels {
			for j := range pixels {
				d[i][j] = src[tile*step+i*row+j*width+f]
			}
		}
		for i, t := range transformed(d, side, pixels, line) {
			for j, t := range t {
				if i < side && j < side {
					dst[(side*i+j)*q+tile*width+f] = t
				}
			}
		}
	})
}

func fromTiles[T cpu.Float](n, width int, dst, src []T, step, row, q, side, pixels, rows, cols int, line lineFunc[T], add bool) {
	eachTile(n, width, func(tile, f int) {
		var d [maxSide][maxSide]T
		for i := range side {
			for j := range side {
				d[i][j] = src[(side*i+j)*q+tile*width+f]
			}
		}
		d = transformed(d, side, pixels, line)
		for i := range rows {
			for j := range cols {
				p := &dst[tile*step+i*row+j*width+f]
				if add {
					d[i][j] += *p
				}
				*p = d[i][j]
			}
		}
	})
}

func eachTile(n, width int, do func(tile, f int)) {
	for tile := range n {
		for f := range width {
			do(tile, f)
		}
	}
}

// transformed transforms the columns of a matrix, then the rows of what that gave.
func transformed[T cpu.Float](d [maxSide][maxSide]T, side, n int, line lineFunc[T]) (r [maxSide][maxSide]T) {
	for j := range maxSide {
		var column [maxSide]T
		for i := range maxSide {
			column[i] = d[i][j]
		}
		for i, t := range line(side, n, column) {
			r[i][j] = t
		}
	}
	for i := range r {
		r[i] = line(side, n, r[i])
	}
	return r
}
