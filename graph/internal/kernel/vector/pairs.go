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

// AvgPairs sets y[i] to the mean of a window: two pixels of the row top and the two
// below them, in the row bottom,
//
//	y[i] = ((a + c) + (b + d)) / 4
//
// Each row has at least 2·len(y) elements, and y is neither of them. The last
// windows, if they fill no block of eight, are computed in one block with some that
// are done already: a second time gives the same result, and is faster than one
// window at a time. Fewer than eight windows in all are left to plain Go.
func AvgPairs[T cpu.Float](y, top, bottom []T) {
	top, bottom = top[:2*len(y)], bottom[:2*len(y)]
	if h := head(y); len(h) > 0 {
		vectors.avgPairs(h, head(top), head(bottom))
		if rest := len(y) - 8; len(h) < len(y) {
			vectors.avgPairs(head(y[rest:]), head(top[2*rest:]), head(bottom[2*rest:]))
		}
		return
	}
	for i := range y {
		y[i] = ((top[2*i] + bottom[2*i]) + (top[2*i+1] + bottom[2*i+1])) / 4
	}
}

// AvgPairsGrad is the gradient of AvgPairs: it sets all four pixels of window i, in
// the rows top and bottom, to dy[i]/4. Pixels that are in no window stay as they are;
// the caller clears them. Blocks go as in AvgPairs.
func AvgPairsGrad[T cpu.Float](top, bottom, dy []T) {
	top, bottom = top[:2*len(dy)], bottom[:2*len(dy)]
	if h := head(dy); len(h) > 0 {
		vectors.avgPairsGrad(head(top), head(bottom), h)
		if rest := len(dy) - 8; len(h) < len(dy) {
			vectors.avgPairsGrad(head(top[2*rest:]), head(bottom[2*rest:]), head(dy[rest:]))
		}
		return
	}
	for i := range dy {
		d := dy[i] / 4
		top[2*i], top[2*i+1], bottom[2*i], bottom[2*i+1] = d, d, d, d
	}
}
