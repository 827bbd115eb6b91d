package vector

import "tapenet/graph/internal/kernel/cpu"

// This file pools windows of 2×2 pixels that lie side by side in a plane, the
// pooling of most small networks:
//
//	row 2i     ┌ a b ┬ a b ┬ a b ┐      y[i]  ├ one element a window ┤
//	row 2i+1   └ c d ┴ c d ┴ c d ┘
//
// Windows do not overlap, are never cut by the image's border, and leave out an odd
// last row or column: kernel.PoolShape.Pairs says when that is so. All loops give
// the same bits on every tier, as a maximum has no rounding and a mean has one fixed
// tree of sums.

// MaxPairs pools rows × cols windows. x is a plane whose rows are width elements
// long, width >= 2·cols; y and winner get each window's largest pixel and its place
// in x, in rows of cols. The first of equal pixels wins, in the order a b c d, and a
// NaN wins over every number, so that it is not lost. Backward moves a gradient to
// its winner.
func MaxPairs[T cpu.Float](rows, cols int, y []T, winner []int32, x []T, width int) {
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		vectors.maxPairs(rows, cols, y, winner, x, width)
		return
	}
	for i := range rows {
		for j := range cols {
			corner := 2*i*width + 2*j
			best := corner
			for _, at := range [...]int{corner + 1, corner + width, corner + width + 1} {
				if v := x[at]; v > x[best] || v != v {
					best = at
				}
			}
			y[i*cols+j], winner[i*cols+j] = x[best], int32(best)
		}
	}
}

// AvgPairs sets y to the means of rows × cols windows, in rows of cols. x is a plane as
// that of MaxPairs:
//
//	y = ((a + c) + (b + d)) / 4
//
// The last windows of a row, if they fill no block of eight, are computed in one block
// with some that are done already: a second time gives the same result, and is faster
// than one window at a time. Rows of fewer than eight windows are left to plain Go.
func AvgPairs[T cpu.Float](rows, cols int, y, x []T, width int) {
	if y, ok := cpu.Float32s(y); ok && cols >= 8 {
		x, _ := cpu.Float32s(x)
		vectors.avgPairs(rows, cols, y, x, width)
		return
	}
	for i := range rows {
		top, bottom := x[2*i*width:][:2*cols], x[(2*i+1)*width:][:2*cols]
		for j := range cols {
			y[i*cols+j] = ((top[2*j] + bottom[2*j]) + (top[2*j+1] + bottom[2*j+1])) / 4
		}
	}
}

// AvgPairsGrad is the gradient of AvgPairs: it sets all four pixels of a window, in the
// plane dx, to dy/4. Pixels that are in no window stay as they are; the caller clears
// them. Blocks go as in AvgPairs.
func AvgPairsGrad[T cpu.Float](rows, cols int, dy, dx []T, width int) {
	if dy, ok := cpu.Float32s(dy); ok && cols >= 8 {
		dx, _ := cpu.Float32s(dx)
		vectors.avgPairsGrad(rows, cols, dy, dx, width)
		return
	}
	for i := range rows {
		top, bottom := dx[2*i*width:][:2*cols], dx[(2*i+1)*width:][:2*cols]
		for j := range cols {
			d := dy[i*cols+j] / 4
			top[2*j], top[2*j+1], bottom[2*j], bottom[2*j+1] = d, d, d, d
		}
	}
}
