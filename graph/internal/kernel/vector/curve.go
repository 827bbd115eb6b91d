package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Curve is a function of one number that an activation applies to each element:
// F and its derivative DF. A curve that only has these two runs in plain Go, for
// both element types; a user's activation is such a one.
//
//	Activate      y[i] = F(x[i])
//	ActivateGrad  dx[i] = dy[i]·DF(x[i])
//
// The curves of this package have assembly for float32 too. It agrees with F
// within 5e-7·|F|, and with DF within 5e-7·(1+|DF|); results below 1e-35 may be
// 0. The bound is about eight roundings of a float32. It computes an exponential
// as s + s·p, with a power of two s and a polynomial p. The last elements, fewer
// than a vector, go through the same arithmetic under a mask: so a result does
// not depend on the element's place, and a tensor may be cut anywhere between
// threads.
type Curve struct {
	F, DF              func(x float64) float64
	alpha, beta, gamma float64     // the parameters that the assembly gets, as float32
	limits             bool        // Limit and LimitGrad compute it, alpha and beta are the bounds
	vector             *curveTiers // its assembly; nil for none
}

// Is reports whether c is the curve o, with the same parameters. Curves without loops of
// their own, which are all in Go, are never the same.
func (c Curve) Is(o Curve) bool {
	return c.vector != nil && c.vector == o.vector && c.alpha == o.alpha && c.beta == o.beta && c.gamma == o.gamma
}

// Tanh is the hyperbolic tangent. Its derivative is 1 - tanh²(x). The assembly
// keeps the relative accuracy of tiny numbers and their sign. It computes the
// derivative as 4e/(1+e)² with e = exp(-2|x|), which does not cancel for a
// large x.
var Tanh = Curve{
	F: math.Tanh,
	DF: func(x float64) float64 {
		t := math.Tanh(x)
		return 1 - t*t
	},
	vector: &vectors.tanh,
}

// Sigmoid is s(x) = 1/(1+exp(-x)). Its derivative is s·(1-s).
var Sigmoid = Curve{
	F: sigmoid,
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s * (1 - s)
	},
	vector: &vectors.sigmoid,
}

// SiLU is x·s(x) with the sigmoid s (Elfwing et al. 2017), also called Swish.
// Its derivative is s + x·s·(1-s).
var SiLU = Curve{
	F: func(x float64) float64 { return scaled(x, sigmoid(x)) },
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s + scaled(x, s*(1-s))
	},
	vector: &vectors.silu,
}

// GELU is x·Φ(x) (Hendrycks and Gimpel 2016), Φ being the normal distribution
// function: the exact one, by erfc, not the approximation by tanh. Its
// derivative is Φ(x) + x·φ(x) with the density φ.
var GELU = Curve{
	F: func(x float64) float64 { return scaled(x, phi(x)) },
	DF: func(x float64) float64 {
		return phi(x) + scaled(x, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	},
	vector: &vectors.gelu,
}

// ELU is x for x > 0 and alpha·(exp(x)-1) elsewhere (Clevert et al. 2015). Its
// derivative is 1 or alpha·exp(x).
func ELU(alpha float64) Curve {
	return Curve{
		F: func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * math.Expm1(x)
		},
		DF: func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return alpha * math.Exp(x)
		},
		alpha: alpha, vector: &vectors.elu,
	}
}

// LeakyReLU is x for x > 0 and alpha·x elsewhere (Maas et al. 2013). Its
// derivative is 1 or alpha.
func LeakyReLU(alpha float64) Curve {
	return Curve{
		F: func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * x
		},
		DF: func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return alpha
		},
		alpha: alpha, vector: &vectors.leakyReLU,
	}
}

// sigmoid is 1/(1+exp(-x)). If the exponential overflows, the quotient is the 0
// that it should be.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// phi is the normal distribution function, ½·erfc(-x/√2). erfc keeps the digits
// of the lower tail, where ½·(1+erf(x/√2)) would cancel.
func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// scaled is x·y, and 0 where y vanishes even if x is infinite: so the tails of
// SiLU and GELU do not become NaN.
func scaled(x, y float64) float64 {
	if y == 0 {
		return 0
	}
	return x * y
}

// Limits returns the two bounds of a curve that Between made, and whether it is
// one. A kernel before it can then limit its results while they are in registers
// (conv.Act), and needs no loop over the curve.
func (c Curve) Limits() (low, high float64, ok bool) { return c.alpha, c.beta, c.limits }

// Activate computes y[i] = F(x[i]). The slices may be one. float64 and plain Go
// call F in float64, element by element, through the function value.
func Activate[T cpu.Float](c Curve, y, x []T) {
	x = x[:len(y)]
	if c.limits {
		Limit(y, x, T(c.alpha), T(c.beta))
		return
	}
	if v, ok := cpu.Float32s(y); ok && c.vector != nil {
		x, _ := cpu.Float32s(x)
		c.vector.active().forward(v, x, float32(c.alpha), float32(c.beta), float32(c.gamma))
		return
	}
	for i, x := range x {
		y[i] = T(c.F(float64(x)))
	}
}

// ActivateGrad computes dx[i] = dy[i]·DF(x[i]). dx may be dy or x. x is the input
// of Activate, not its result: the caller has to have kept it.
func ActivateGrad[T cpu.Float](c Curve, dx, dy, x []T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	if c.limits {
		LimitGrad(dx, dy, x, T(c.alpha), T(c.beta))
		return
	}
	if v, ok := cpu.Float32s(dx); ok && c.vector != nil {
		dy, _ := cpu.Float32s(dy)
		x, _ := cpu.Float32s(x)
		c.vector.active().backward(v, dy, x, float32(c.alpha), float32(c.beta), float32(c.gamma))
		return
	}
	for i, x := range x {
		dx[i] = dy[i] * T(c.DF(float64(x)))
	}
}
