package vector

import "tapenet/graph/internal/kernel/cpu"

// MaxPairs pools windows of 2×2 pixels that lie side by side. x is a plane
// whose rows are width elements long; y and winner get each window's largest
// pixel and its place in x, in rows of cols. The first of equal pixels wins,
// and a NaN wins over every number.
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

// AvgPairs sets y[i] to the mean of two pixels of the row top and the two below
// them. The last windows, if they are no block of eight, are computed with some of the
// block before once more.
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

// AvgPairsGrad sets those four pixels' gradients to dy[i]/4.
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
