package corrupt

import "math"

// brighten adds by to the value of each pixel, that is the largest of its
// channels, and keeps hue and saturation. A picture without three channels is
// grey: each of its values is one.
func (x *canvas) brighten(by float64) {
	if x.c != 3 {
		for i, v := range x.pix {
			x.pix[i] = clip(v + by)
		}
		return
	}
	x.hsv(func(h, s, v float64) (float64, float64, float64) { return h, s, clip(v + by) })
}

// saturate multiplies the saturation of each pixel and adds to it.
func (x *canvas) saturate(factor, by float64) {
	x.hsv(func(h, s, v float64) (float64, float64, float64) { return h, clip(float64(s*factor) + by), v })
}

// saturateGrey is what MNIST-C's code calls saturate: it makes hue, saturation and
// value of a grey pixel factor times as large, plus by, and turns the colour that
// results into a grey again.
func (x *canvas) saturateGrey(factor, by float64) {
	for i, v := range x.pix {
		r, g, b := toRGB(clip(by), clip(by), clip(float64(v*factor)+by))
		x.pix[i] = float64(0.2125*r) + float64(0.7154*g) + float64(0.0721*b) // scikit-image's rgb2gray
	}
}

// contrast multiplies the distances from the mean of each channel.
func (x *canvas) contrast(factor float64) {
	x.each(func(v []float64) []float64 {
		sum := 0.0
		for _, value := range v {
			sum += value
		}
		mean := sum / float64(len(v))
		for i, value := range v {
			v[i] = clip(float64((value-mean)*factor) + mean)
		}
		return v
	})
}

// hsv changes the hue, saturation and value, each 0..1, of every pixel of a
// picture of three channels, and nothing in another one.
func (x *canvas) hsv(change func(h, s, v float64) (float64, float64, float64)) {
	if x.c != 3 {
		return
	}
	red, green, blue := x.plane(0), x.plane(1), x.plane(2)
	for i := range red {
		red[i], green[i], blue[i] = toRGB(change(toHSV(red[i], green[i], blue[i])))
	}
}

// toHSV returns hue, saturation and value of a colour (Smith 1978, "Color gamut
// transform pairs").
func toHSV(r, g, b float64) (h, s, v float64) {
	v = max(r, g, b)
	delta := v - min(r, g, b)
	if delta == 0 {
		return 0, 0, v
	}
	switch v {
	case b: // the last channel that is the largest, as in scikit-image
		h = 4 + (r-g)/delta
	case g:
		h = 2 + (b-r)/delta
	default:
		h = (g - b) / delta
	}
	h /= 6
	return h - math.Floor(h), delta / v, v
}

// toRGB is the inverse of toHSV.
func toRGB(h, s, v float64) (r, g, b float64) {
	sector := math.Floor(float64(h * 6))
	f := float64(h*6) - sector
	p := v * (1 - s)
	q := v * (1 - float64(f*s))
	t := v * (1 - float64((1-f)*s))
	switch modulo(int(sector), 6) {
	case 0:
		return v, t, p
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	}
	return v, p, q
}

// inverse makes white black.
func (x *canvas) inverse() {
	for i, v := range x.pix {
		x.pix[i] = 1 - v
	}
}

// pick shows at each place of a picture of the same size the pixel at the row and
// column that from names.
func (x *canvas) pick(from func(row, col int) (int, int)) {
	x.each(func(v []float64) []float64 {
		to := make([]float64, len(v))
		for i := range to {
			row, col := from(i/x.w, i%x.w)
			to[i] = v[row*x.w+col]
		}
		return to
	})
}

// turn turns the picture by a quarter to the left. The size stays: in a picture
// that is not square, rows and columns are picked in proportion.
func (x *canvas) turn() {
	x.pick(func(row, col int) (int, int) {
		return (2*col + 1) * x.h / (2 * x.w), x.w - 1 - (2*row+1)*x.w/(2*x.h)
	})
}
