package corrupt

import "math"

// blur smooths every channel by a Gaussian with the deviation sigma; beyond the
// picture its last pixels go on. It is scikit-image's filters.gaussian.
func (x *canvas) blur(sigma float64) {
	x.each(func(v []float64) []float64 { return gaussian(v, x.h, x.w, sigma, 4, nearest) })
}

// blurDown smooths along the columns alone. MNIST-C's glass blur does that:
// its code calls filters.gaussian with multichannel=True on a picture of one
// channel, whose columns then count as channels.
func (x *canvas) blurDown(sigma float64) {
	x.each(func(v []float64) []float64 { return alongColumns(v, x.h, x.w, bell(sigma, 4), nearest) })
}

// glass is what glass blur does: a Gaussian before and after, and how often each
// pixel changes places with one of those up to delta away.
type glass struct {
	sigma  float64
	delta  int
	rounds int
	down   bool // the Gaussians go along the columns alone
}

// jumps is the random field of a glass blur: for each pixel in turn, whether
// there is a change and with which one, as a distance from -delta to delta-1.
type jumps struct {
	take   []bool
	dy, dx []int
}

// places returns how many pixels have their turn: those of rows delta+1 to
// h-delta, and columns alike, the last ones first.
func (g glass) places(h, w int) int {
	return g.rounds * max(0, h-2*g.delta) * max(0, w-2*g.delta)
}

// draw returns a random field. With half set, half of the pixels change places,
// as in MNIST-C, otherwise all, as in ImageNet-C.
func (g glass) draw(r *stream, h, w int, half bool) (j jumps) {
	for range g.places(h, w) {
		j.take = append(j.take, !half || r.r.IntN(2) == 0)
		j.dx = append(j.dx, r.r.IntN(2*g.delta)-g.delta)
		j.dy = append(j.dy, r.r.IntN(2*g.delta)-g.delta)
	}
	return j
}

// apply blurs, moves and blurs again. In between, values are rounded down to
// multiples of 1/255. In a picture of one channel the pixels change places. In
// one of more channels the pixel that is jumped to overwrites the other and
// stays: so the published code's swap of views of an array works out.
func (g glass) apply(x *canvas, j jumps) {
	soften := (*canvas).blur
	if g.down {
		soften = (*canvas).blurDown
	}
	soften(x, g.sigma)
	for i, v := range x.pix {
		x.pix[i] = math.Floor(float64(v*255)) / 255
	}
	i := 0
	for range g.rounds {
		for row := x.h - g.delta; row > g.delta; row-- {
			for col := x.w - g.delta; col > g.delta; col-- {
				if j.take[i] {
					x.jump(row*x.w+col, (row+j.dy[i])*x.w+col+j.dx[i])
				}
				i++
			}
		}
	}
	soften(x, g.sigma)
}

// jump exchanges two pixels, or copies the second to the first in a picture of
// several channels.
func (x *canvas) jump(to, from int) {
	for k := range x.c {
		v := x.plane(k)
		if x.c == 1 {
			v[to], v[from] = v[from], v[to]
		} else {
			v[to] = v[from]
		}
	}
}

// motionTaps returns the kernel of ImageMagick's MotionBlurImage: half a Gaussian
// of 2·radius+1 weights along a line with an angle in degrees, to the right for 0
// and downwards for 90.
func motionTaps(radius, sigma, degrees float64) []tap {
	width := 2*int(math.Ceil(radius)) + 1
	sin, cos := sincos(degrees * (math.Pi / 180))
	taps := make([]tap, width)
	sum := 0.0
	for i := range taps {
		d := float64(i)
		taps[i] = tap{int(math.Ceil(float64(d*sin) - 0.5)), int(math.Ceil(float64(d*cos) - 0.5)), exp(-d * d / (2 * sigma * sigma))}
		sum += taps[i].weight
	}
	for i := range taps {
		taps[i].weight /= sum
	}
	return taps
}

// motionBlur blurs along a line; beyond the picture its last pixels go on.
func (x *canvas) motionBlur(radius, sigma, degrees float64) {
	taps := motionTaps(radius, sigma, degrees)
	x.each(func(v []float64) []float64 { return correlate(v, x.h, x.w, taps, nearest) })
}
