package corrupt

import "math"

// gaussian returns the values of h rows and w columns, smoothed by a Gaussian
// with the deviation sigma, cut off after cut deviations: scipy.ndimage's
// gaussian_filter.
func gaussian(v []float64, h, w int, sigma, cut float64, e edge) []float64 {
	k := bell(sigma, cut)
	return alongRows(alongColumns(v, h, w, k, e), h, w, k, e)
}

// bell returns the weights of a Gaussian at -r..r, r being cut deviations; their
// sum is 1.
func bell(sigma, cut float64) []float64 {
	r := int(math.Floor(float64(cut*sigma) + 0.5))
	k := make([]float64, 2*r+1)
	sum := 0.0
	for i := range k {
		k[i] = 1
		if d := float64(i - r); r > 0 {
			k[i] = exp(-0.5 * (d / sigma) * (d / sigma))
		}
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

// alongColumns correlates each column with the symmetric k, whose middle is at
// the pixel. The two pixels of a weight are added first, from the outermost pair
// inwards, as scipy.ndimage does: what is symmetric stays so, to the last bit.
func alongColumns(v []float64, h, w int, k []float64, e edge) []float64 {
	to := make([]float64, len(v))
	r := len(k) / 2
	none := make([]float64, w)
	line := func(row int) []float64 {
		if row = e.index(row, h); row < 0 {
			return none
		}
		return v[row*w:][:w]
	}
	for row := range h {
		sum := to[row*w:][:w]
		for col, value := range line(row) {
			sum[col] = k[r] * value
		}
		for i := r; i > 0; i-- {
			above, below := line(row-i), line(row+i)
			for col := range sum {
				sum[col] += float64((above[col] + below[col]) * k[r-i])
			}
		}
	}
	return to
}

// alongRows correlates each row with the symmetric k in the same way.
func alongRows(v []float64, h, w int, k []float64, e edge) []float64 {
	to := make([]float64, len(v))
	r := len(k) / 2
	wide := make([]float64, w+2*r)
	for row := range h {
		line := v[row*w:][:w]
		for i := range wide {
			wide[i] = 0
			if from := e.index(i-r, w); from >= 0 {
				wide[i] = line[from]
			}
		}
		for col := range w {
			sum := k[r] * wide[col+r]
			for i := r; i > 0; i-- {
				sum += float64((wide[col+r-i] + wide[col+r+i]) * k[r-i])
			}
			to[row*w+col] = sum
		}
	}
	return to
}

// tap is one weight of a kernel and the place that it weighs, as a distance from
// the pixel.
type tap struct {
	dy, dx int
	weight float64
}

// correlate returns the sum of the weighed pixels at each place.
func correlate(v []float64, h, w int, taps []tap, e edge) []float64 {
	to := make([]float64, len(v))
	cols := make([]int, w)
	for _, t := range taps {
		for col := range cols {
			cols[col] = e.index(col+t.dx, w)
		}
		for row := range h {
			from := e.index(row+t.dy, h)
			if from < 0 {
				continue
			}
			line, sum := v[from*w:][:w], to[row*w:][:w]
			for col, c := range cols {
				if c >= 0 {
					sum[col] += float64(t.weight * line[c])
				}
			}
		}
	}
	return to
}
