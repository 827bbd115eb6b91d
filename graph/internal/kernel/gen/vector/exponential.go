package main

import "math"

// This file has the exponential function and two functions made of it: the sigmoid and
// the normal distribution.

// power is exp(x) as s + s·p, where s is a power of two. Whether one is subtracted
// before the two are added decides how accurate exp(x) - 1 is.
type power struct{ p, s vec }

// exponential returns exp(x) for x <= 0: 0 below -88.03, where it is less than
// the smallest normal number.
func exponential(x vec) power { return exponentialTimes(atLeast(x, -127*math.Ln2), 0) }

// exponentialTimes returns exp(x)·2ᵏ where x/ln 2 + k is from -127 to 127; at
// -127 it is 0. With n the integer nearest to x/ln 2 and r = x - n·ln 2, s is
// 2ⁿ⁺ᵏ and p is exp(r) - 1 = r + r²/2! + … + r⁷/7!, whose rest is less than 2e-8
// of it as |r| <= ln 2 / 2.
func exponentialTimes(x vec, k int) power {
	const ln2High = 355. / 512 // times n it is exact
	whole := roundToInteger(times(x, constant(math.Log2E)))
	n, r := fromInteger(whole), clone(x)
	subtractProduct(constant(ln2High), n, r)
	subtractProduct(constant(math.Ln2-ln2High), n, r)
	q := fill(constant(1. / 5040))
	for _, factorial := range []float64{720, 120, 24, 6, 2} {
		timesPlus(constant(1/factorial), r, q)
	}
	timesPlus(r, times(r, r), q)
	return power{q, powerOfTwo(integer(whole, constantBits(uint32(127+k))))}
}

// value returns exp(x).
func (e power) value() vec {
	v := clone(e.p)
	timesPlus(e.s, e.s, v)
	return v
}

// minusOne returns exp(x) - 1, exact to the last bits however small x is.
func (e power) minusOne() vec {
	v := minus(e.s, constant(1))
	addProduct(e.p, e.s, v)
	return v
}

// bell returns e/(1+e)² with e = exp(x), x <= 0.
func bell(x vec) vec {
	e := exponential(x).value()
	y := plus(e, constant(1))
	return over(e, times(y, y))
}

// sigmoids returns sigmoid(x) and sigmoid(-x).
func sigmoids(x vec) (s, opposite vec) {
	e, one := exponential(minusAbs(x)).value(), fill(constant(1))
	part := over(one, plus(e, one))
	below := negative(x)
	return times(choose(below, e, one), part), times(choose(below, one, e), part)
}

// millsScale and mills give the tail of the normal distribution,
//
//	Φ(-a) = exp(-a²/2)·t·Σ mills[i]·tⁱ, t = 1/(1 + millsScale·a)
//
// for 0 <= a <= 13.3, from where on the exponential is 0. The polynomial
// interpolates at the Chebyshev nodes of t, computed with 40 digits; its
// relative error is below 4e-8.
const millsScale = 0.35

var mills = []float64{
	0.1396190164, 0.1399059745, 0.1194981414, 0.1068764616, -0.02642269503,
	0.164063495, -0.2600329001, 0.1460690329, -0.02957654329,
}

// normal returns exp(-x²/2) and Φ(x), the normal distribution function.
func normal(x vec) (e, phi vec) {
	a := atLeast(minusAbs(x), -14)
	lost := times(a, constant(-0.5))
	h := times(lost, a)    // -x²/2, rounded
	timesMinus(h, a, lost) // its rounding error
	e = exponential(h).value()
	addProduct(lost, e, e)

	one := fill(constant(1))
	t := clone(one)
	subtractProduct(constant(millsScale), a, t)
	t = over(one, t)
	below := times(times(polynomial(t, mills), t), e) // Φ(-|x|)
	return e, choose(negative(x), below, minus(one, below))
}
