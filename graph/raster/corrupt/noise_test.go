package corrupt

import (
	"math"
	"testing"
)

// moments returns the mean and the variance of many values of a noise on a grey
// picture, before they are rounded.
func moments(noise func(x *canvas, r *stream)) (mean, variance float64) {
	x := newCanvas(flat(1, 400, 400, 128.0/255))
	noise(x, newStream(1, "moments"))
	var sum, square float64
	for _, v := range x.pix {
		sum, square = sum+v, square+v*v
	}
	n := float64(len(x.pix))
	return sum / n, square/n - sum/n*sum/n
}

// Means and variances against the formulas of the distributions, on values that
// no limit cuts, within five deviations of the estimate.
func TestNoiseMoments(t *testing.T) {
	const v = 128.0 / 255
	for _, test := range []struct {
		name           string
		noise          func(x *canvas, r *stream)
		mean, variance float64
	}{
		{"gaussian", func(x *canvas, r *stream) { gaussianNoise(x, 0.08, r.normals(len(x.pix))) }, v, 0.08 * 0.08},
		{"speckle", func(x *canvas, r *stream) { speckleNoise(x, 0.15, r.normals(len(x.pix))) }, v, 0.15 * 0.15 * v * v},
		{"shot, 60 photons", func(x *canvas, r *stream) { shotNoise(x, 60, r.uniforms(len(x.pix))) }, v, v / 60},
		{"shot, 500 photons", func(x *canvas, r *stream) { shotNoise(x, 500, r.uniforms(len(x.pix))) }, v, v / 500},
		{"impulse", func(x *canvas, r *stream) { impulseNoise(x, 0.17, r.uniforms(len(x.pix)), r.uniforms(len(x.pix))) },
			0.83*v + 0.17/2, 0.83*v*v + 0.17/2 - (0.83*v+0.17/2)*(0.83*v+0.17/2)},
	} {
		mean, variance := moments(test.noise)
		n := 400.0 * 400
		if d := math.Abs(mean - test.mean); d > 5*math.Sqrt(test.variance/n) {
			t.Errorf("%s: mean %g, want %g", test.name, mean, test.mean)
		}
		if d := math.Abs(variance/test.variance - 1); d > 5*math.Sqrt(3/n) {
			t.Errorf("%s: variance %g, want %g", test.name, variance, test.variance)
		}
	}
}

// With three photons, most of what Poisson's distribution gives for white is cut
// at 1: the mean is E min(X,3)/3.
func TestShotNoiseCut(t *testing.T) {
	x := newCanvas(flat(1, 300, 300, 1))
	shotNoise(x, 3, newStream(1, "cut").uniforms(len(x.pix)))
	sum := 0.0
	for _, v := range x.pix {
		sum += v
	}
	want := 1 - math.Exp(-3)*(3+2*3+4.5)/3
	if got := sum / float64(len(x.pix)); math.Abs(got-want) > 0.005 {
		t.Errorf("mean %g, want %g", got, want)
	}
}
