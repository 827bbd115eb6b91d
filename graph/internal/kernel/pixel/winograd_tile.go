package pixel

import "tapenet/graph/internal/kernel/cpu"

// The transformations of Winograd's convolutions, of n tiles that lie side by side
// in images channels last: the plain Go twins of the assembly. A tile has side×side
// elements; a transformation works along its columns and then along its rows, see
// winograd_line.go. Channel f of
//
//	pixel (i,j) of tile t               is at t·step + i·row + j·width + f
//	element (i,j) of transformed tile t is at (side·i+j)·q + t·width + f
//
// so that the transformed tiles are side·side matrices (tiles,width), q elements
// apart, which are multiplied with the filters' matrices.

// The four transformations and who calls them, for F(4×4,3×3) (side 6):
//
//	           from              to                 forward      backward
//	Image      6×6 pixels of x   tile B·d·Bᵀ        x            x, for dw
//	Evaluate   3×3 of a filter   tile, with W       w            w, for dx
//	           4×4 of dy         tile V·e·Vᵀ                     dy
//	Combine    tile              4×4 of y           y
//	           tile              3×3 of dw                       dw
//	Spread     tile              6×6, added to dx                dx
//
// (conv/winograd.go). An even number of pixels says output, an odd one filter.

type (
	// winogradLoops are the transformations in assembly, by the side of a tile
	// and, for the last two, the number of pixels.
	winogradLoops struct {
		image    [maxSide + 1]tileLoop
		spread   [maxSide + 1]tileLoop
		evaluate [maxSide + 1][maxSide]tileLoop
		combine  [maxSide + 1][maxSide]pixelLoop
		finish   [maxSide + 1][maxSide]finishLoop
	}
	tileLoop  func(n, width int, dst, src []float32, step, row, q int)
	pixelLoop func(n, width int, dst, src []float32, step, row, q, rows, cols int)
	// tileLoop and pixelLoop go through n tiles. step, row and q are distances in
	// elements, as above; rows and cols are the pixels of a tile that are written.
	//
	// finishLoop takes its distances pixel and row in the image.
	finishLoop func(n, width int, dst, src *float32, pixel, row, q, rows, cols int, shift, residual *float32, residualPixel, residualRow int, low, high float32)
)

// WinogradImage transforms n tiles of side×side pixels of an image: B·d·Bᵀ for
// the pixels d of a tile, see imageLine. Tiles begin step elements apart, the
// output's pixels of a tile times width, so they overlap; rows of the image are row
// elements apart. The image has its padding in memory, and as many pixels more as the
// last tile stands over.
func WinogradImage[T cpu.Float](side, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.image[side](n, width, dst, src, step, row, q)
		return
	}
	toTiles(n, width, dst, src, step, row, q, side, side, imageLine[T])
}

// WinogradSpread is the transpose of WinogradImage: it adds each tile's
// side×side gradients to the image. Neighbouring tiles overlap by k-1 pixels, k being
// the filter's size: so it adds, and tiles of one row go in order on one goroutine.
func WinogradSpread[T cpu.Float](side, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.spread[side](n, width, dst, src, step, row, q)
		return
	}
	fromTiles(n, width, dst, src, step, row, q, side, side, side, side, spreadLine[T], true)
}

// WinogradEvaluate transforms squares of pixels×pixels to tiles: V·e·Vᵀ, see
// evaluateLine. An odd number of pixels means filters, which get the weights W
// too; an even one means gradients of the output.
func WinogradEvaluate[T cpu.Float](side, pixels, n, width int, dst, src []T, step, row, q int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.evaluate[side][pixels](n, width, dst, src, step, row, q)
		return
	}
	toTiles(n, width, dst, src, step, row, q, side, pixels, evaluateLine[T])
}

// WinogradCombine is the transpose of WinogradEvaluate: it transforms tiles to
// squares of pixels×pixels, of which it writes the first rows and cols. An odd
// number of pixels means gradients of filters, an even one the output.
func WinogradCombine[T cpu.Float](side, pixels, n, width int, dst, src []T, step, row, q, rows, cols int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().winograd.combine[side][pixels](n, width, dst, src, step, row, q, rows, cols)
		return
	}
	fromTiles(n, width, dst, src, step, row, q, side, pixels, rows, cols, combineLine[T], false)
}

// A lineFunc transforms a line of n values. It does not look at the values
// behind them.
type lineFunc[T cpu.Float] func(side, n int, d [maxSide]T) [maxSide]T

// toTiles transforms squares of pixels×pixels to tiles of side×side, by a
// line's transformation.
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

// fromTiles transforms tiles of side×side to squares of pixels×pixels, and
// writes or adds the first rows and cols of those.
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

// eachTile calls do for every channel of every tile.
func eachTile(n, width int, do func(tile, f int)) {
	for tile := range n {
		for f := range width {
			do(tile, f)
		}
	}
}

// transformed transforms the columns of a matrix, then the rows of what that
// gave. The assembly has the same order.
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
