package bound

import "tapenet/graph/op"

// Bounds that are computed in floating point are off by some roundings, and so is the
// network that they are about. To hold all the same, radii are made larger, where it is
// asked for, by more than both errors together.
//
// Let u be half the distance of 1 to the next number, 2⁻²⁴ in float32. A sum of K products
// in any order, with a bias, is off by (K+1)·u·(|W|·|x|+|b|) at most, to first order in u
// (Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1). The
// network's own sum is, and so is that for the centre; the one for the radius may be too
// small by (K+1)·u of itself. With γ = 4·(K+32)·u, which is more than their sum by a
// factor and 128 roundings over,
//
//	r  becomes  (1+γ)·r + γ·|c|    before  |W|·r + γ·|b|
//
// The roundings over are for what lies between two sums: the interval of an activation, a
// maximum, the ball itself. Each of these is off by a few roundings of |c|+r, and a curve
// of package op by 8 (vector.Curve).
//
// This is for sums of products as they are. The convolutions by Winograd's algorithm, which
// large ones of 3×3 and 5×5 pixels use, have another error: 2e-5 of the largest output at
// most as measured, which for the sizes that use it is below γ·|W|·|c|, but for an output
// that is much smaller than its neighbours this is no proof.
const (
	unit32 = 0x1p-24 // of float32
	unit64 = 0x1p-53
)

// Factors that nodes read at every run.
var one, minus, half, minusHalf, none = 1.0, -1.0, 0.5, -0.5, 0.0

// gamma is γ of sums of so many products.
func (p *Propagation) gamma(terms int) float64 { return 4 * float64(terms+32) * p.unit }

// widen makes room for the rounding of sums of so many products.
func (p *Propagation) widen(i Interval, terms int) Interval {
	if p.unit == 0 || i.exact() {
		return i
	}
	g := p.gamma(terms)
	more := 1 + g
	i.Radius = p.scope.Node(op.Combine(i.Radius, p.scope.Node(op.Abs(i.Centre)), &more, &g))
	return i
}

// rounding is γ·|x|, nil for nothing.
func (p *Propagation) rounding(x node, terms int) node {
	if p.unit == 0 || x == nil {
		return nil
	}
	g := p.gamma(terms)
	absolute := p.scope.Node(op.Abs(x))
	return p.scope.Node(op.Combine(absolute, absolute, &g, &none))
}
