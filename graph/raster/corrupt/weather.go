package corrupt

import "math"

// snowfall is what snow does: the mean and deviation of the random numbers that
// make flakes, how much closer they are seen, the threshold above which there is
// one, the radius and deviation of their motion blur, and how much of the picture
// is kept as it is.
type snowfall struct {
	mean, deviation, zoom, threshold, radius, sigma, keep float64
}

// apply lets flakes fall in the direction of an angle in degrees, and whitens the
// picture. z are normal numbers.
func (s snowfall) apply(x *canvas, degrees float64, z []float64) {
	layer := make([]float64, len(z))
	for i := range z {
		layer[i] = s.mean + float64(s.deviation*z[i])
	}
	layer = zoomed(layer, x.h, x.w, s.zoom)
	for i, v := range layer {
		if v < s.threshold {
			v = 0
		}
		layer[i] = math.Floor(float64(clip(v)*255)) / 255
	}
	layer = correlate(layer, x.h, x.w, motionTaps(s.radius, s.sigma, degrees), nearest)
	for i, v := range layer {
		layer[i] = toByte(v) / 255
	}
	grey := x.grey()
	for k := range x.c {
		v := x.plane(k)
		for i := range v {
			white := max(v[i], float64(grey[i]*1.5)+0.5)
			fallen := layer[i] + layer[len(layer)-1-i] // and turned by half a turn
			v[i] = clip(float64(s.keep*v[i]) + float64((1-s.keep)*white) + fallen)
		}
	}
}

// grey returns the luminance of a picture of three channels, and the mean of the
// channels of another one.
func (x *canvas) grey() []float64 {
	to := make([]float64, x.h*x.w)
	for k := range x.c {
		weight := 1 / float64(x.c)
		if x.c == 3 {
			weight = [3]float64{0.299, 0.587, 0.114}[k]
		}
		for i, v := range x.plane(k) {
			to[i] += float64(weight * v)
		}
	}
	return to
}

// frost lays crystals over the picture: keep times it plus share times them. The
// published code cuts them out of six photographs, which are not part of this
// project. These are drawn instead: along the lines where either of two maps of
// heights is at its middle there is white ice, which fades beside them, on ground
// that a third one makes lighter and darker.
func (x *canvas) frost(keep, share float64, size int, maps [3][]float64) {
	tint := [3]float64{0.88, 0.95, 1}
	for k := range x.c {
		colour := 0.95
		if x.c == 3 {
			colour = tint[k]
		}
		v := x.plane(k)
		for i := range v {
			at := i/x.w*size + i%x.w
			a, b := 1-math.Abs(float64(4*maps[0][at])-2), 1-math.Abs(float64(4*maps[1][at])-2)
			ice := max(a, b, 0)
			ice = 0.3 + float64(0.5*maps[2][at]) + float64(0.6*float64(ice*float64(ice*ice)))
			v[i] = clip(float64(keep*v[i]) + float64(share*clip(float64(colour*ice))))
		}
	}
}
