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

// alongColumns correlates each column with k, whose middle is at the pixel.
func alongColumns(v []float64, h, w int, k []float64, e edge) []float64 {
	to := make([]float64, len(v))
	r := len(k) / 2
	for row := range h {
		line := to[row*w:][:w]
		for i, weight := range k {
			from := e.index(row+i-r, h)
			if from < 0 {
				continue
			}
			for col, value := range v[from*w:][:w] {
				line[col] += float64(weight * value)
			}
		}
	}
	return to
}

// alongRows correlates each row with k, whose middle is at the pixel.
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
			sum := 0.0
			for i, weight := range k {
				sum += float64(weight * wide[col+i])
			}
			to[row*w+col] = sum
		}
	}
	return to
}
