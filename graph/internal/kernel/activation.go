package kernel

import "math"

// Curve is what an activation computes of each element: a function and its
// derivative. In float32 it may have assembly too, which agrees with F within
// 5e-7·|F|, and with DF within 5e-7·(1+|DF|); results below 1e-35 may be 0.
type Curve struct {
	F, DF  func(x float64) float64
	alpha  float32
	vector curveFuncs // nil for none
}

// Tanh is the hyperbolic tangent.
var Tanh = Curve{
	F: math.Tanh,
	DF: func(x float64) float64 {
		t := math.Tanh(x)
		return 1 - t*t
	},
	vector: vectors.tanh,
}

// Sigmoid is 1/(1+exp(-x)).
var Sigmoid = Curve{
	F: sigmoid,
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s * (1 - s)
	},
	vector: vectors.sigmoid,
}

// SiLU is x·sigmoid(x).
var SiLU = Curve{
	F: func(x float64) float64 { return scaled(x, sigmoid(x)) },
	DF: func(x float64) float64 {
		s := sigmoid(x)
		return s + scaled(x, s*(1-s))
	},
	vector: vectors.silu,
}

// GELU is x·Φ(x), Φ being the normal distribution function.
var GELU = Curve{
	F: func(x float64) float64 { return scaled(x, phi(x)) },
	DF: func(x float64) float64 {
		return phi(x) + scaled(x, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	},
	vector: vectors.gelu,
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
		alpha: float32(alpha), vector: vectors.elu,
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
		alpha: float32(alpha), vector: vectors.leakyReLU,
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

// Activation applies a curve to every element, y[i] = F(x[i]), and its
// derivative in the backward pass, dx[i] = dy[i]·DF(x[i]).
type Activation[T Float] struct {
	Curve
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewActivation returns the kernel of a curve.
func NewActivation[T Float](c Curve) *Activation[T] {
	a := &Activation[T]{Curve: c}
	a.forward, a.backward = a.forwardRange, a.backwardRange
	return a
}

// Forward computes y from in[0].
func (a *Activation[T]) Forward(y []T, in [][]T) {
	a.y, a.x = y, in[0]
	Parallel(len(y), a.forward)
}

func (a *Activation[T]) forwardRange(lo, hi int) {
	y, x := a.y[lo:hi], a.x[lo:hi]
	if v, ok := float32s(y); ok && a.vector.forward != nil {
		x, _ := float32s(x)
		a.vector.forward(v, x, a.alpha)
		return
	}
	for i, x := range x {
		y[i] = T(a.F(float64(x)))
	}
}

// Backward computes dIn[0].
func (a *Activation[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if a.dx, a.dy, a.x = dIn[0], dy, in[0]; a.dx != nil {
		Parallel(len(dy), a.backward)
	}
}

func (a *Activation[T]) backwardRange(lo, hi int) {
	dx, dy, x := a.dx[lo:hi], a.dy[lo:hi], a.x[lo:hi]
	if v, ok := float32s(dx); ok && a.vector.backward != nil {
		dy, _ := float32s(dy)
		x, _ := float32s(x)
		a.vector.backward(v, dy, x, a.alpha)
		return
	}
	for i, x := range x {
		dx[i] = dy[i] * T(a.DF(float64(x)))
	}
}
