package corrupt

// mnist is MNIST-C: google-research/mnist-c, corruptions.py. The published set has
// the parameters of the severity that Published names. The other four are that
// file's, too, where it has five that grow; those of motion_blur, stripe, fog,
// spatter, dotted_line, zigzag and canny_edges are this package's.
// Lengths in pixels are for 28×28 pictures and stay as they are for other ones;
// what the file places by columns and rows is placed in proportion.
var mnist = []Corruption{
	{"mnist", "shot_noise", true, 5, func(x *canvas, level int, r *stream) {
		shotNoise(x, []float64{60, 25, 12, 5, 3}[level-1], r.uniforms(len(x.pix)))
	}},
	{"mnist", "impulse_noise", true, 4, func(x *canvas, level int, r *stream) {
		impulseNoise(x, []float64{0.03, 0.06, 0.09, 0.17, 0.27}[level-1], r.uniforms(len(x.pix)), r.uniforms(len(x.pix)))
	}},
	{"mnist", "glass_blur", true, 1, func(x *canvas, level int, r *stream) {
		g := []glass{{0.7, 1, 2, false}, {0.9, 2, 1, false}, {1, 2, 3, false}, {1.1, 3, 2, false}, {1.5, 4, 2, false}}[level-1]
		g.down = x.c == 1
		g.apply(x, g.draw(r, x.h, x.w, true))
	}},
	{"mnist", "motion_blur", true, 1, func(x *canvas, level int, r *stream) {
		p := [][2]float64{{10, 3}, {12, 4}, {15, 5}, {15, 8}, {15, 12}}[level-1]
		x.motionBlur(p[0], p[1], r.within(-45, 45))
	}},
	{"mnist", "shear", true, 2, func(x *canvas, level int, r *stream) {
		x.lean(r.sign() * []float64{0.2, 0.4, 0.6, 0.8, 1}[level-1])
	}},
	{"mnist", "scale", false, 3, func(x *canvas, level int, _ *stream) {
		s := 1 / []float64{0.9, 0.8, 0.7, 0.6, 0.5}[level-1]
		x.affine(matrix{s, 0, 0, s}.about(x.h, x.w))
	}},
	{"mnist", "rotate", true, 2, func(x *canvas, level int, r *stream) {
		x.rotate(r.sign() * []float64{0.2, 0.4, 0.6, 0.8, 1}[level-1])
	}},
	{"mnist", "brightness", false, 5, func(x *canvas, level int, _ *stream) {
		x.brighten([]float64{0.1, 0.2, 0.3, 0.4, 0.5}[level-1])
	}},
	{"mnist", "translate", true, 3, func(x *canvas, level int, r *stream) {
		dx, dy := r.sign(), r.sign()
		x.affine(map2{1, 0, dx * float64(level), 0, 1, dy * float64(level)})
	}},
	{"mnist", "stripe", false, 3, func(x *canvas, level int, _ *stream) {
		x.stripe((2*x.w*[]int{3, 5, 7, 9, 11}[level-1] + 28) / 56)
	}},
	{"mnist", "fog", true, 5, func(x *canvas, level int, r *stream) {
		p := [][2]float64{{1, 2}, {1.5, 2}, {2, 2}, {2.5, 1.7}, {3, 1.4}}[level-1]
		size := x.plasmaSize(256)
		x.fog(p[0], size, plasma(size, p[1], r.uniforms(size*size-1)))
	}},
	{"mnist", "spatter", true, 4, func(x *canvas, level int, r *stream) {
		d := []drops{{0.65, 0.3, 1, 0.74, 1.5, true}, {0.65, 0.3, 1, 0.71, 1.5, true}, {0.65, 0.3, 1, 0.68, 1.5, true}, {0.65, 0.3, 1, 0.65, 1.5, true}, {0.65, 0.3, 1, 0.62, 1.5, true}}[level-1]
		d.cover(x, r.normals(x.h*x.w), []float64{63.0 / 255})
	}},
	{"mnist", "dotted_line", true, 3, func(x *canvas, level int, r *stream) {
		strength, lines := scribble(level)
		for range lines {
			r0, r1 := r.row(x.h), r.row(x.h)
			x.dottedLine(r0, r1, strength)
		}
	}},
	{"mnist", "zigzag", true, 3, func(x *canvas, level int, r *stream) {
		strength, lines := scribble(level)
		for range lines {
			r0 := r.row(x.h)
			x.zigzag(r0, r0+float64(r.r.IntN(10)-5), strength)
		}
	}},
	{"mnist", "canny_edges", false, 5, func(x *canvas, level int, _ *stream) {
		x.cannyEdges([]float64{0.2, 0.4, 0.6, 0.8, 1}[level-1])
	}},
}

// scribble returns how bright lines are and how many there are: one faint line up
// to three white ones.
func scribble(level int) (strength float64, lines int) {
	return []float64{0.4, 0.7, 1, 1, 1}[level-1], []int{1, 1, 1, 2, 3}[level-1]
}

// fashion is what Fashion-MNIST-C (testingautomated-usi/fashion-mnist-c) has
// beyond MNIST-C's. contrast and saturate are of the same corruptions.py, whose
// published severities are its defaults. Those without severities of their own
// mix with the picture: 1/5 at severity 1 up to the whole of it at 5.
var fashion = []Corruption{
	{"fashion", "contrast", false, 4, func(x *canvas, level int, _ *stream) {
		x.contrast([]float64{0.4, 0.3, 0.2, 0.1, 0.05}[level-1])
	}},
	{"fashion", "saturate", false, 5, func(x *canvas, level int, _ *stream) {
		p := [][2]float64{{1.5, 0}, {2, 0}, {3.5, 0.05}, {5, 0.1}, {20, 0.2}}[level-1]
		if x.c == 3 {
			x.saturate(p[0], p[1])
		} else {
			x.saturateGrey(p[0], p[1])
		}
	}},
	{"fashion", "inverse", false, 5, mixed((*canvas).inverse)},
	{"fashion", "flip_sides", false, 5, mixed(func(x *canvas) {
		x.pick(func(row, col int) (int, int) { return row, x.w - 1 - col })
	})},
	{"fashion", "flip_up_down", false, 5, mixed(func(x *canvas) {
		x.pick(func(row, col int) (int, int) { return x.h - 1 - row, col })
	})},
	{"fashion", "turn_left", false, 5, mixed((*canvas).turn)},
	{"fashion", "turn_right", false, 5, mixed(func(x *canvas) {
		for range 3 {
			x.turn()
		}
	})},
}

// mixed returns a corruption whose severity is the share of what change makes of
// the picture.
func mixed(change func(x *canvas)) func(x *canvas, level int, r *stream) {
	return func(x *canvas, level int, _ *stream) {
		before := append([]float64(nil), x.pix...)
		change(x)
		share := float64(level) / 5
		for i, v := range before {
			x.pix[i] = float64(share*x.pix[i]) + float64((1-share)*v)
		}
	}
}

// lean shears by an angle in radians about the centre, the way of scikit-image
// 0.15's AffineTransform: rows move by its sine and come closer by its cosine.
func (x *canvas) lean(angle float64) {
	sin, cos := sincos(angle)
	x.affine(matrix{1, -sin, 0, cos}.about(x.h, x.w))
}

// rotate turns by an angle in radians about the centre, counter-clockwise where it
// is positive.
func (x *canvas) rotate(angle float64) {
	sin, cos := sincos(angle)
	x.affine(matrix{cos, -sin, sin, cos}.about(x.h, x.w))
}
