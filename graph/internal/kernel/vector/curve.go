package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Curve is what an activation computes of each element: a function and its
// derivative. In float32 it may have assembly too, which agrees with F within
// 5e-7·|F|, and with DF within 5e-7·(1+|DF|), both rounded to float32; results
// below 1e-35 may be 0.
type Curve struct {
	F, DF              func(x float64) float64
	alpha, beta, gamma float64     // the curve's parameters, as the assembly has them
	limits             bool        // Limit and LimitGrad compute it
	vector             *curveTiers // nil for none
}

// Tanh is the hyperbolic tangent.
var Tanh = Curve{
	F: math.Tanh,
	DF: func(x float64) float64 {
		t := math.Tanh(x)
		return 1 - t*t
	},
	vector: &vectors.tanh,
}

// Sigmoid is 1/(1+exp(-x)).
var Sigmoid = Curve{
	F: sigmoid,
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s * (1 - s)
	},
	vector: &vectors.sigmoid,
}

// SiLU is x·sigmoid(x).
var SiLU = Curve{
	F: func(x float64) float64 { return scaled(x, sigmoid(x)) },
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s + scaled(x, s*(1-s))
	},
	vector: &vectors.silu,
}

// GELU is x·Φ(x), Φ being the normal distribution function.
var GELU = Curve{
	F: func(x float64) float64 { return scaled(x, phi(x)) },
	DF: func(x float64) float64 {
		return phi(x) + scaled(x, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	},
	vector: &vectors.gelu,
}

// ELU is x for x > 0 and alpha·(exp(x)-1) elsewhere.
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

// LeakyReLU is x for x > 0 and alpha·x elsewhere.
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

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// scaled is x·y, and 0 where y vanishes even if x is infinite.
func scaled(x, y float64) float64 {
	if y == 0 {
		return 0
	}
	return x * y
}

// Activate computes y[i] = F(x[i]). y may be x.
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

// ActivateGrad computes dx[i] = dy[i]·DF(x[i]). dx may be dy or x.
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
