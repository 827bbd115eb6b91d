package corrupt

// mnist is MNIST-C: google-research/mnist-c, corruptions.py. The five severities
// of the first ones are that file's; the published set has the one that Published
// names. Lengths in pixels are for 28×28 pictures and stay as they are for other
// ones; what the file places by columns and rows is placed in proportion.
var mnist = []Corruption{
	{"mnist", "shot_noise", true, 5, func(x *canvas, level int, r *stream) {
		shotNoise(x, []float64{60, 25, 12, 5, 3}[level-1], r.uniforms(len(x.pix)))
	}},
	{"mnist", "impulse_noise", true, 4, func(x *canvas, level int, r *stream) {
		impulseNoise(x, []float64{0.03, 0.06, 0.09, 0.17, 0.27}[level-1], r.uniforms(len(x.pix)), r.uniforms(len(x.pix)))
	}},
	{"mnist", "shear", true, 2, func(x *canvas, level int, r *stream) {
		sin, cos := sincos(r.sign() * []float64{0.2, 0.4, 0.6, 0.8, 1}[level-1])
		x.affine(matrix{1, -sin, 0, cos}.about(x.h, x.w))
	}},
	{"mnist", "scale", false, 3, func(x *canvas, level int, _ *stream) {
		s := 1 / []float64{0.9, 0.8, 0.7, 0.6, 0.5}[level-1]
		x.affine(matrix{s, 0, 0, s}.about(x.h, x.w))
	}},
	{"mnist", "rotate", true, 2, func(x *canvas, level int, r *stream) {
		sin, cos := sincos(r.sign() * []float64{0.2, 0.4, 0.6, 0.8, 1}[level-1])
		x.affine(matrix{cos, -sin, sin, cos}.about(x.h, x.w))
	}},
	{"mnist", "translate", true, 3, func(x *canvas, level int, r *stream) {
		by := float64(level)
		x.affine(map2{1, 0, by * r.sign(), 0, 1, by * r.sign()})
	}},
}

var fashion []Corruption

var common []Corruption
