package vector

import "math"

// This file holds the curves that networks use as steps of larger formulas: GELU
// from Erf, deviations from Pow and Sqrt.

// Exp is eˣ.
var Exp = Curve{F: math.Exp, DF: math.Exp, vector: &vectors.exp}

// Erf is the error function, 2/√π·∫₀ˣ exp(-t²) dt.
var Erf = Curve{
	F:      math.Erf,
	DF:     func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
	vector: &vectors.erf,
}

// Sqrt is √x, NaN below zero.
var Sqrt = Curve{
	F:      math.Sqrt,
	DF:     func(x float64) float64 { return 0.5 / math.Sqrt(x) },
	vector: &vectors.sqrt,
}

// Reciprocal is 1/x.
var Reciprocal = Curve{
	F:      func(x float64) float64 { return 1 / x },
	DF:     func(x float64) float64 { return -1 / (x * x) },
	vector: &vectors.reciprocal,
}

// Pow is xᵖ, with the special cases of [math.Pow]: NaN where x is below zero and p
// is not an integer.
func Pow(p float64) Curve {
	c := Curve{
		F:  func(x float64) float64 { return math.Pow(x, p) },
		DF: func(x float64) float64 { return p * math.Pow(x, p-1) },
	}
	switch {
	case p == 2:
		c.vector = &vectors.square
	case p != 1 && math.Abs(p) >= 1./mostPower && math.Abs(p) <= mostPower:
		// Two parameters for p, and one for what a negative x does.
		high := float64(float32(p))
		c.alpha, c.beta, c.gamma, c.vector = high, p-high, signOfPower(p), &vectors.pow
	}
	return c
}

// mostPower is the largest exponent that the assembly takes: far beyond it the sign
// of p-1 would be lost. It takes nothing near 0, and not 1: it computes xᵖ and xᵖ⁻¹
// from p·log x, which has no value at x = 0 if p is 0.
const mostPower = 1 << 20

// signOfPower is (-1)ᵖ: 1, -1, or NaN if p is not an integer.
func signOfPower(p float64) float64 {
	switch {
	case p != math.Trunc(p):
		return math.NaN()
	case math.Mod(p, 2) != 0:
		return -1
	}
	return 1
}
