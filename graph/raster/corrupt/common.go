package corrupt

// common is the corruptions of Hendrycks and Dietterich (hendrycks/robustness,
// ImageNet-C/create_c): make_cifar_c.py, make_tinyimagenet_c.py and
// make_imagenet_c.py, in that order in each table.
var common = []Corruption{
	sized("gaussian_noise", true, [3][5]float64{{0.04, 0.06, 0.08, 0.09, 0.10}, {0.04, 0.08, 0.12, 0.15, 0.18}, {0.08, 0.12, 0.18, 0.26, 0.38}},
		func(x *canvas, c float64, r *stream) { gaussianNoise(x, c, r.normals(len(x.pix))) }),
	sized("shot_noise", true, [3][5]float64{{500, 250, 100, 75, 50}, {250, 100, 50, 30, 15}, {60, 25, 12, 5, 3}},
		func(x *canvas, c float64, r *stream) { shotNoise(x, c, r.uniforms(len(x.pix))) }),
	sized("impulse_noise", true, [3][5]float64{{0.01, 0.02, 0.03, 0.05, 0.07}, {0.01, 0.02, 0.05, 0.08, 0.14}, {0.03, 0.06, 0.09, 0.17, 0.27}},
		func(x *canvas, c float64, r *stream) {
			impulseNoise(x, c, r.uniforms(len(x.pix)), r.uniforms(len(x.pix)))
		}),
	sized("defocus_blur", false, [3][5][2]float64{
		{{0.3, 0.4}, {0.4, 0.5}, {0.5, 0.6}, {1, 0.2}, {1.5, 0.1}},
		{{0.5, 0.6}, {1, 0.1}, {1.5, 0.1}, {2.5, 0.01}, {3, 0.1}},
		{{3, 0.1}, {4, 0.5}, {6, 0.5}, {8, 0.5}, {10, 0.5}},
	}, func(x *canvas, c [2]float64, _ *stream) { x.defocus(c[0], c[1]) }),
	sized("glass_blur", true, [3][5]glass{
		{{sigma: 0.05, delta: 1, rounds: 1}, {sigma: 0.25, delta: 1, rounds: 1}, {sigma: 0.4, delta: 1, rounds: 1}, {sigma: 0.25, delta: 1, rounds: 2}, {sigma: 0.4, delta: 1, rounds: 2}},
		{{sigma: 0.1, delta: 1, rounds: 1}, {sigma: 0.5, delta: 1, rounds: 1}, {sigma: 0.6, delta: 1, rounds: 2}, {sigma: 0.7, delta: 2, rounds: 1}, {sigma: 0.9, delta: 2, rounds: 2}},
		{{sigma: 0.7, delta: 1, rounds: 2}, {sigma: 0.9, delta: 2, rounds: 1}, {sigma: 1, delta: 2, rounds: 3}, {sigma: 1.1, delta: 3, rounds: 2}, {sigma: 1.5, delta: 4, rounds: 2}},
	}, func(x *canvas, g glass, r *stream) { g.apply(x, g.draw(r, x.h, x.w, false)) }),
	sized("motion_blur", true, [3][5][2]float64{
		{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
		{{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}},
		{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}},
	}, func(x *canvas, c [2]float64, r *stream) { x.motionBlur(c[0], c[1], r.within(-45, 45)) }),
	sized("zoom_blur", false, [3][5][2]float64{ // up to, in steps of
		{{1.06, 0.01}, {1.11, 0.01}, {1.16, 0.01}, {1.21, 0.01}, {1.26, 0.01}},
		{{1.06, 0.01}, {1.11, 0.01}, {1.16, 0.01}, {1.21, 0.01}, {1.26, 0.01}},
		{{1.11, 0.01}, {1.16, 0.01}, {1.21, 0.02}, {1.26, 0.02}, {1.31, 0.03}},
	}, func(x *canvas, c [2]float64, _ *stream) { x.zoomBlur(steps(c[0], c[1])) }),
	sized("snow", true, [3][5]snowfall{
		{{0.1, 0.2, 1, 0.6, 8, 3, 0.95}, {0.1, 0.2, 1, 0.5, 10, 4, 0.9}, {0.15, 0.3, 1.75, 0.55, 10, 4, 0.9}, {0.25, 0.3, 2.25, 0.6, 12, 6, 0.85}, {0.3, 0.3, 1.25, 0.65, 14, 12, 0.8}},
		{{0.1, 0.2, 1, 0.6, 8, 3, 0.8}, {0.1, 0.2, 1, 0.5, 10, 4, 0.8}, {0.15, 0.3, 1.75, 0.55, 10, 4, 0.7}, {0.25, 0.3, 2.25, 0.6, 12, 6, 0.65}, {0.3, 0.3, 1.25, 0.65, 14, 12, 0.6}},
		{{0.1, 0.3, 3, 0.5, 10, 4, 0.8}, {0.2, 0.3, 2, 0.5, 12, 4, 0.7}, {0.55, 0.3, 4, 0.9, 12, 8, 0.7}, {0.55, 0.3, 4.5, 0.85, 12, 8, 0.65}, {0.55, 0.3, 2.5, 0.85, 12, 12, 0.55}},
	}, func(x *canvas, s snowfall, r *stream) { s.apply(x, r.within(-135, -45), r.normals(x.h*x.w)) }),
	sized("frost", true, [3][5][2]float64{
		{{1, 0.2}, {1, 0.3}, {0.9, 0.4}, {0.85, 0.4}, {0.75, 0.45}},
		{{1, 0.3}, {0.9, 0.4}, {0.8, 0.45}, {0.75, 0.5}, {0.7, 0.55}},
		{{1, 0.4}, {0.8, 0.6}, {0.7, 0.7}, {0.65, 0.7}, {0.6, 0.75}},
	}, func(x *canvas, c [2]float64, r *stream) {
		size := x.plasmaSize(1)
		var maps [3][]float64
		for i := range maps {
			maps[i] = plasma(size, 1.4, r.uniforms(size*size-1))
		}
		x.frost(c[0], c[1], size, maps)
	}),
	sized("fog", true, [3][5][2]float64{
		{{0.2, 3}, {0.5, 3}, {0.75, 2.5}, {1, 2}, {1.5, 1.75}},
		{{0.4, 3}, {0.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}},
		{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}},
	}, func(x *canvas, c [2]float64, r *stream) {
		size := x.plasmaSize([3]int{32, 64, 256}[x.size()])
		x.fog(c[0], size, plasma(size, c[1], r.uniforms(size*size-1)))
	}),
	sized("brightness", false, [3][5]float64{{0.05, 0.1, 0.15, 0.2, 0.3}, {0.1, 0.2, 0.3, 0.4, 0.5}, {0.1, 0.2, 0.3, 0.4, 0.5}},
		func(x *canvas, c float64, _ *stream) { x.brighten(c) }),
	sized("contrast", false, [3][5]float64{{0.75, 0.5, 0.4, 0.3, 0.15}, {0.4, 0.3, 0.2, 0.1, 0.05}, {0.4, 0.3, 0.2, 0.1, 0.05}},
		func(x *canvas, c float64, _ *stream) { x.contrast(c) }),
	sized("elastic_transform", true, [3][5][3]float64{ // in shares of the shorter side
		{{0, 0, 0.08}, {0.05, 0.2, 0.07}, {0.08, 0.06, 0.06}, {0.1, 0.04, 0.05}, {0.1, 0.03, 0.03}},
		{{0, 0, 0.08}, {0.05, 0.3, 0.06}, {0.1, 0.08, 0.06}, {0.1, 0.03, 0.03}, {0.16, 0.03, 0.02}},
		{{2, 0.7, 0.1}, {2, 0.08, 0.2}, {0.05, 0.01, 0.02}, {0.07, 0.01, 0.02}, {0.12, 0.01, 0.02}},
	}, func(x *canvas, c [3]float64, r *stream) {
		side := float64(min(x.h, x.w))
		if x.size() == 2 {
			side *= 244.0 / 224 // the published code has 244 for pictures of 224 pixels
		}
		n := x.h * x.w
		x.elasticTransform(c[0]*side, c[1]*side, c[2]*side, r.uniforms(6), r.uniforms(n), r.uniforms(n))
	}),
	sized("pixelate", false, [3][5]float64{{0.95, 0.9, 0.85, 0.75, 0.65}, {0.9, 0.8, 0.7, 0.6, 0.5}, {0.6, 0.5, 0.4, 0.3, 0.25}},
		func(x *canvas, c float64, _ *stream) { x.pixelate(c) }),
	sized("jpeg_compression", false, [3][5]int{{80, 65, 58, 50, 40}, {65, 58, 50, 40, 25}, {25, 18, 15, 10, 7}},
		func(x *canvas, c int, _ *stream) { x.jpeg(c) }),

	sized("speckle_noise", true, [3][5]float64{{0.06, 0.1, 0.12, 0.16, 0.2}, {0.15, 0.2, 0.25, 0.3, 0.35}, {0.15, 0.2, 0.35, 0.45, 0.6}},
		func(x *canvas, c float64, r *stream) { speckleNoise(x, c, r.normals(len(x.pix))) }),
	sized("gaussian_blur", false, [3][5]float64{{0.4, 0.6, 0.7, 0.8, 1}, {0.5, 0.75, 1, 1.25, 1.5}, {1, 2, 3, 4, 6}},
		func(x *canvas, c float64, _ *stream) { x.blur(c) }),
	sized("spatter", true, [3][5]drops{
		{{0.62, 0.1, 0.7, 0.7, 0.5, false}, {0.65, 0.1, 0.8, 0.7, 0.5, false}, {0.65, 0.3, 1, 0.69, 0.5, false}, {0.65, 0.1, 0.7, 0.69, 0.6, true}, {0.65, 0.1, 0.5, 0.68, 0.6, true}},
		{{0.62, 0.1, 0.7, 0.7, 0.6, false}, {0.65, 0.1, 0.8, 0.7, 0.6, false}, {0.65, 0.3, 1, 0.69, 0.6, false}, {0.65, 0.1, 0.7, 0.68, 0.6, true}, {0.65, 0.1, 0.5, 0.67, 0.6, true}},
		{{0.65, 0.3, 4, 0.69, 0.6, false}, {0.65, 0.3, 3, 0.68, 0.6, false}, {0.65, 0.3, 2, 0.68, 0.5, false}, {0.65, 0.3, 1, 0.65, 1.5, true}, {0.67, 0.4, 1, 0.65, 1.5, true}},
	}, func(x *canvas, d drops, r *stream) {
		if d.mud {
			d.cover(x, r.normals(x.h*x.w), brown)
		} else {
			d.wet(x, r.normals(x.h*x.w), turquoise)
		}
	}),
	sized("saturate", false, [3][5][2]float64{
		{{0.3, 0}, {0.1, 0}, {1.5, 0}, {2, 0.1}, {2.5, 0.2}},
		{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {30, 0.2}},
		{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {20, 0.2}},
	}, func(x *canvas, c [2]float64, _ *stream) { x.saturate(c[0], c[1]) }),
}

// Colours of spatter, red, green and blue: pale turquoise water, brown mud.
var (
	turquoise = []float64{175.0 / 255, 238.0 / 255, 238.0 / 255}
	brown     = []float64{63.0 / 255, 42.0 / 255, 20.0 / 255}
)

// sized returns a corruption whose parameters depend on the size and the severity.
func sized[T any](name string, random bool, parameters [3][5]T, apply func(x *canvas, parameter T, r *stream)) Corruption {
	return Corruption{"common", name, random, 3, func(x *canvas, level int, r *stream) {
		apply(x, parameters[x.size()][level-1], r)
	}}
}

// size returns which data set's parameters go with the picture's shorter side:
// those of CIFAR-10-C, of Tiny ImageNet-C or of ImageNet-C.
func (x *canvas) size() int {
	switch side := min(x.h, x.w); {
	case side < 48:
		return 0
	case side < 128:
		return 1
	}
	return 2
}
