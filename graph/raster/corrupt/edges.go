package corrupt

import "math"

// cannyEdges makes every channel share times its edges, 0 or 1, plus the rest of
// itself.
func (x *canvas) cannyEdges(share float64) {
	x.each(func(v []float64) []float64 {
		for i, edge := range canny(v, x.h, x.w) {
			on := 0.0
			if edge {
				on = 1
			}
			v[i] = float64((1-share)*v[i]) + float64(share*on)
		}
		return v
	})
}

// canny returns where Canny's edges are (1986, "A Computational Approach to Edge
// Detection"), with scikit-image's defaults: a Gaussian with deviation 1, Sobel's
// gradients, those places whose gradient is the largest along its own direction,
// and of those the ones of at least 0.1 that hang together with one of at least
// 0.2. The outermost pixels are none.
func canny(v []float64, h, w int) []bool {
	dy, dx, size := gradients(v, h, w)
	const low, high = 0.1, 0.2
	weak, edges := make([]bool, len(v)), make([]bool, len(v))
	var open []int // edges whose neighbours are to be looked at
	for row := 1; row < h-1; row++ {
		for col := 1; col < w-1; col++ {
			i := row*w + col
			if size[i] < low || !largest(dy[i], dx[i], size, i, w) {
				continue
			}
			weak[i] = true
			if size[i] >= high {
				edges[i], open = true, append(open, i)
			}
		}
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		for _, by := range [8]int{-w - 1, -w, -w + 1, -1, 1, w - 1, w, w + 1} {
			if weak[i+by] && !edges[i+by] {
				edges[i+by], open = true, append(open, i+by)
			}
		}
	}
	return edges
}

// gradients returns the smoothed picture's derivatives down and to the right, and
// their lengths.
func gradients(v []float64, h, w int) (dy, dx, size []float64) {
	ones := make([]float64, len(v))
	for i := range ones {
		ones[i] = 1
	}
	seen := gaussian(ones, h, w, 1, 4, outside) // the share of the Gaussian inside the picture
	smooth := gaussian(v, h, w, 1, 4, outside)
	for i := range smooth {
		smooth[i] /= seen[i] + 0x1p-52
	}
	dy, dx, size = make([]float64, len(v)), make([]float64, len(v)), make([]float64, len(v))
	for i := range v {
		row, col := i/w, i%w
		at := func(down, right int) float64 { return reflected.at(smooth, h, w, row+down, col+right) }
		down := func(right int) float64 { return at(1, right) - at(-1, right) }
		across := func(down int) float64 { return at(down, 1) - at(down, -1) }
		dy[i] = float64(2*down(0)) + (down(-1) + down(1))
		dx[i] = float64(2*across(0)) + (across(-1) + across(1))
		size[i] = math.Sqrt(float64(dy[i]*dy[i]) + float64(dx[i]*dx[i]))
	}
	return dy, dx, size
}

// largest reports whether the gradient at i is no smaller than the two that are
// next to it in its direction, each a mix of a straight and a diagonal neighbour.
func largest(dy, dx float64, size []float64, i, w int) bool {
	straight, diagonal, share := 1, w+1, 0.0 // for a gradient to the right and a little down
	down, right := math.Abs(dy), math.Abs(dx)
	opposite := (dy <= 0 && dx >= 0) || (dy >= 0 && dx <= 0) // wins where both signs fit, as in scikit-image
	steep := down > right || down == right && opposite
	if opposite {
		diagonal = -w + 1
	}
	switch {
	case steep && opposite:
		straight, share = -w, right/down
	case steep:
		straight, share = w, right/down
	default:
		share = down / right
	}
	mix := func(straight, diagonal int) float64 {
		return float64(size[diagonal]*share) + float64(size[straight]*(1-share))
	}
	return mix(i+straight, i+diagonal) <= size[i] && mix(i-straight, i-diagonal) <= size[i]
}

// sharpEdges returns Canny's edges of bytes without any smoothing, the way of
// OpenCV: gradients are sums of absolute values, directions are four, and the
// thresholds are exceeded.
func sharpEdges(v []int, h, w, low, high int) []bool {
	dy, dx, size := sobel(v, h, w)
	at := func(row, col int) int {
		if row < 0 || row >= h || col < 0 || col >= w {
			return 0
		}
		return size[row*w+col]
	}
	weak, edges := make([]bool, len(v)), make([]bool, len(v))
	var open []int
	for i, m := range size {
		if m <= low {
			continue
		}
		row, col := i/w, i%w
		const tangent = 13573 // of 22.5 degrees, times 2^15
		x, y := max(dx[i], -dx[i]), max(dy[i], -dy[i])<<15
		switch shallow := x * tangent; {
		case y < shallow:
			weak[i] = m > at(row, col-1) && m >= at(row, col+1)
		case y > shallow+x<<16:
			weak[i] = m > at(row-1, col) && m >= at(row+1, col)
		default:
			s := 1
			if dx[i] < 0 != (dy[i] < 0) {
				s = -1
			}
			weak[i] = m > at(row-1, col-s) && m > at(row+1, col+s)
		}
		if weak[i] && m > high {
			edges[i], open = true, append(open, i)
		}
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		for n := range 9 {
			row, col := i/w+n/3-1, i%w+n%3-1
			if j := row*w + col; row >= 0 && row < h && col >= 0 && col < w && weak[j] && !edges[j] {
				edges[j], open = true, append(open, j)
			}
		}
	}
	return edges
}

// sobel returns the derivatives down and to the right, and the sum of their
// absolute values.
func sobel(v []int, h, w int) (dy, dx, size []int) {
	dy, dx, size = make([]int, len(v)), make([]int, len(v)), make([]int, len(v))
	for i := range v {
		at := func(down, right int) int { return v[nearest.index(i/w+down, h)*w+nearest.index(i%w+right, w)] }
		dy[i] = at(1, -1) + 2*at(1, 0) + at(1, 1) - at(-1, -1) - 2*at(-1, 0) - at(-1, 1)
		dx[i] = at(-1, 1) + 2*at(0, 1) + at(1, 1) - at(-1, -1) - 2*at(0, -1) - at(1, -1)
		size[i] = max(dy[i], -dy[i]) + max(dx[i], -dx[i])
	}
	return dy, dx, size
}
