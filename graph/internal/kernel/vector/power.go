package vector

import "math"

// This file holds the curves that networks use as steps of larger formulas. Exporters
// write a GELU as x·½·(1+Erf(x/√2)), and a LayerNorm as a difference, a Pow with the
// exponent 2, a mean, a Sqrt and a division. package onnx joins most of these pieces
// again; the curves are for those that it finds alone.

// Exp is eˣ.
var Exp = Curve{F: math.Exp, DF: math.Exp, vector: &vectors.exp}

// Erf is the error function, 2/√π·∫₀ˣ exp(-t²) dt.
var Erf = Curve{
	F:      math.Erf,
	DF:     func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
	vector: &vectors.erf,
}

// Sqrt is √x, NaN below zero. Its derivative 1/(2√x) is infinite at zero.
var Sqrt = Curve{
	F:      math.Sqrt,
	DF:     func(x float64) float64 { return 0.5 / math.Sqrt(x) },
	vector: &vectors.sqrt,
}

// Reciprocal is 1/x, an infinity with the sign of x at zero. Its derivative is -1/x².
var Reciprocal = Curve{
	F:      func(x float64) float64 { return 1 / x },
	DF:     func(x float64) float64 { return -1 / (x * x) },
	vector: &vectors.reciprocal,
}

// Pow is xᵖ, with the special cases of [math.Pow]: NaN where x is below zero and p
// is not an integer. Its derivative is p·xᵖ⁻¹.
//
// The square has a loop of its own, and an exponent that the general loop does not
// take (see mostPower) has none: it runs in plain Go on every tier.
func Pow(p float64) Curve {
	c := Curve{
		F:  func(x float64) float64 { return math.Pow(x, p) },
		DF: func(x float64) float64 { return p * math.Pow(x, p-1) },
	}
	switch {
	case p == 2:
		c.vector = &vectors.square
	case p != 1 && math.Abs(p) >= 1./mostPower && math.Abs(p) <= mostPower:
		// The loop gets its parameters as float32, which would round p. Two of
		// them, p's float32 and the rest, make p to about 48 bits. The third says
		// whether a negative x has a power, and which sign.
		high := float64(float32(p))
		c.alpha, c.beta, c.gamma, c.vector = high, p-high, signOfPower(p), &vectors.pow
	}
	return c
}

// mostPower is the largest exponent that the assembly takes: far beyond it the sign
// of p-1 would be lost. It takes nothing near 0, and not 1: it computes xᵖ and xᵖ⁻¹
// from p·log x, which has no value at x = 0 if p is 0.
const mostPower = 1 << 20

// signOfPower is (-1)ᵖ: 1, -1, or NaN if p is not an integer. The loop computes
// |x|ᵖ, and where x is negative multiplies it by this sign.
func signOfPower(p float64) float64 {
	switch {
	case p != math.Trunc(p):
		return math.NaN()
	case math.Mod(p, 2) != 0:
		return -1
	}
	return 1
}
