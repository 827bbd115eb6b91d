package corrupt

import "math"

// Place turns the picture about its centre, clockwise for positive degrees, and then
// moves it dx pixels to the right and dy pixels down: [Rotate] and [Shift] with one
// interpolation, which keeps the picture sharper than two.
func Place(p Picture, degrees, dx, dy float64) Picture {
	if p.Check() != nil {
		return move(p, matrix{})
	}
	sin, cos := sincos(math.Mod(finite(degrees), 360) * (math.Pi / 180))
	m := matrix{cos, sin, -sin, cos}.about(p.H, p.W)
	dx, dy = finite(dx), finite(dy)
	m[2] -= float64(m[0]*dx) + float64(m[1]*dy)
	m[5] -= float64(m[3]*dx) + float64(m[4]*dy)
	x := newCanvas(p)
	x.affine(m)
	return x.picture()
}
