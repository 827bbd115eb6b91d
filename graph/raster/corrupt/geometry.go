package corrupt

import "math"

// The movements of this file show at each place what was at another one, by
// bilinear interpolation; outside the picture everything is 0.

// Rotate turns the picture about its centre, clockwise for positive degrees.
func Rotate(p Picture, degrees float64) Picture {
	sin, cos := sincos(math.Mod(finite(degrees), 360) * (math.Pi / 180))
	return move(p, matrix{cos, sin, -sin, cos})
}

// Shift moves the picture by dx pixels to the right and dy pixels down.
func Shift(p Picture, dx, dy float64) Picture {
	if p.Check() != nil {
		return move(p, matrix{})
	}
	x := newCanvas(p)
	x.affine(map2{1, 0, -finite(dx), 0, 1, -finite(dy)})
	return x.picture()
}

// Scale makes the picture factor times as large, about its centre. A factor that
// is not above 0 leaves nothing of it.
func Scale(p Picture, factor float64) Picture {
	if !(factor > 0) {
		factor = 1e-9
	}
	return move(p, matrix{1 / factor, 0, 0, 1 / factor})
}

// Shear leans the picture: a row that is n pixels above the centre moves
// amount·n pixels to the right.
func Shear(p Picture, amount float64) Picture {
	return move(p, matrix{1, finite(amount), 0, 1})
}

// Elastic deforms the picture as if it were on rubber (Simard, Steinkraus and
// Platt 2003): each pixel is displaced in both directions by a number from -1 to
// 1, smoothed by a Gaussian with the deviation sigma and multiplied by alpha.
func Elastic(p Picture, alpha, sigma float64, seed uint64) Picture {
	if p.Check() != nil {
		return move(p, matrix{})
	}
	x, r := newCanvas(p), newStream(seed, "elastic")
	n := p.H * p.W
	sigma = max(0, min(finite(sigma), 1000))
	dy, dx := field(r.uniforms(n), p.H, p.W, finite(alpha), sigma), field(r.uniforms(n), p.H, p.W, finite(alpha), sigma)
	x.displace(dy, dx, outside)
	return x.picture()
}

// field returns displacements from the uniform numbers u: alpha times 2u-1,
// smoothed.
func field(u []float64, h, w int, alpha, sigma float64) []float64 {
	d := make([]float64, len(u))
	for i, v := range u {
		d[i] = float64(2*v) - 1
	}
	d = gaussian(d, h, w, sigma, 3, reflected)
	for i := range d {
		d[i] *= alpha
	}
	return d
}

// finite returns v, or 0 if it is no number or not finite.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// matrix maps (x,y), counted from the centre, to (a·x+b·y, c·x+d·y).
type matrix [4]float64

// about returns the map of places counted from the first pixel that keeps the
// centre of h rows and w columns where it is.
func (m matrix) about(h, w int) map2 {
	cx, cy := float64(float64(w-1)/2), float64(float64(h-1)/2)
	return map2{
		m[0], m[1], cx - float64(m[0]*cx) - float64(m[1]*cy),
		m[2], m[3], cy - float64(m[2]*cx) - float64(m[3]*cy),
	}
}

// map2 maps a place (x,y) to (a·x+b·y+c, d·x+e·y+f).
type map2 [6]float64

// move returns the picture that shows at each place what was where m maps it.
func move(p Picture, m matrix) Picture {
	if p.Check() != nil {
		return Corruption{}.Apply(p, 0, 0)
	}
	x := newCanvas(p)
	x.affine(m.about(p.H, p.W))
	return x.picture()
}

// affine shows at each place what was where m maps it; outside is 0.
func (x *canvas) affine(m map2) { x.affineEdge(m, outside) }

func (x *canvas) affineEdge(m map2, e edge) {
	x.each(func(from []float64) []float64 {
		to := make([]float64, len(from))
		for row := range x.h {
			for col := range x.w {
				sx := float64(m[0]*float64(col)) + float64(m[1]*float64(row)) + m[2]
				sy := float64(m[3]*float64(col)) + float64(m[4]*float64(row)) + m[5]
				to[row*x.w+col] = bilinear(from, x.h, x.w, sy, sx, e)
			}
		}
		return to
	})
}

// displace shows at each place (y,x) what was at (y+dy,x+dx).
func (x *canvas) displace(dy, dx []float64, e edge) {
	x.each(func(from []float64) []float64 {
		to := make([]float64, len(from))
		for row := range x.h {
			for col := range x.w {
				i := row*x.w + col
				to[i] = bilinear(from, x.h, x.w, float64(row)+dy[i], float64(col)+dx[i], e)
			}
		}
		return to
	})
}

// bilinear returns the value at a place between the pixels of h rows and w
// columns.
func bilinear(v []float64, h, w int, y, x float64, e edge) float64 {
	if !(math.Abs(y) < 1<<30 && math.Abs(x) < 1<<30) {
		return 0
	}
	top, left := math.Floor(y), math.Floor(x)
	fy, fx := y-top, x-left
	row := func(r int) float64 {
		return float64((1-fx)*e.at(v, h, w, r, int(left))) + float64(fx*e.at(v, h, w, r, int(left)+1))
	}
	return float64((1-fy)*row(int(top))) + float64(fy*row(int(top)+1))
}
