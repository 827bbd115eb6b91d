package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"tapenet/graph/internal/kernel/gen/asm"
)

// This file has the power with a constant exponent,
//
//	xᵖ = 2^(p·log₂ x)
//
// A float32 has too few bits for the logarithm in between: where the result is
// near the ends of its range, p·log₂ x is near 128, and half a unit in its last
// place, 2⁻¹⁸, is a relative error of the result of 3e-6. So the logarithm and the
// exponential are computed in float64, half a vector at a time. The result is off
// by little more than its own rounding.

// Arithmetic in float64, as its namesakes in float32.
var (
	plus64  = operation(VADDPD, VADDPD_BCST)
	minus64 = operation(VSUBPD, VSUBPD_BCST)
	times64 = operation(VMULPD, VMULPD_BCST)
	over64  = operation(VDIVPD, VDIVPD_BCST)
	and64   = operation(VANDPD, VANDPD_BCST)
	or64    = operation(VORPD, VORPD_BCST)

	integer64 = operation(VPADDQ, VPADDQ_BCST)

	timesPlus64 = instruction(VFMADD213PD, VFMADD213PD_BCST)
)

var constants64 = map[uint64]number{}

// constant64 is a float64 that every lane has.
func constant64(x float64) number { return constantBits64(math.Float64bits(x)) }

func constantBits64(bits uint64) number {
	if _, ok := constants64[bits]; !ok {
		low, high := uint32(bits), uint32(bits>>32)
		constants64[bits] = number{vector(fmt.Sprintf("four%016x", bits), [8]uint32{low, high, low, high, low, high, low, high})}
	}
	return constants64[bits]
}

// fill64 returns a vector of a constant.
func fill64(x number) vec {
	v := fresh()
	if lanes == 16 {
		VBROADCASTSD(x.Mem, v)
	} else {
		VMOVUPD(x.Mem, v)
	}
	return v
}

// polynomial64 returns Σ coefficients[i]·tⁱ.
func polynomial64(t vec, coefficients []float64) vec {
	last := len(coefficients) - 1
	sum := fill64(constant64(coefficients[last]))
	for i := last - 1; i >= 0; i-- {
		timesPlus64(constant64(coefficients[i]), t, sum)
	}
	return sum
}

// choose64 returns a where b is to c as the predicate says, and d elsewhere.
func choose64(b vec, predicate uint8, c number, a, d vec) vec {
	v := fresh()
	if lanes == 16 {
		k := K()
		VCMPPD_BCST(U8(predicate), c.Mem, b, k)
		VBLENDMPD(a, d, k, v)
		return v
	}
	VCMPPD(U8(predicate), c.Mem, b, v)
	VBLENDVPD(v, a, d, v)
	return v
}

// halves returns the lower and the upper half of a vector as float64.
func halves(x vec) [2]vec {
	low, high := fresh(), fresh()
	if lanes == 16 {
		upper := YMM()
		VCVTPS2PD(x.AsY(), low)
		VEXTRACTF32X8(U8(1), x, upper)
		VCVTPS2PD(upper, high)
	} else {
		upper := XMM()
		VCVTPS2PD(x.AsX(), low)
		VEXTRACTF128(U8(1), x, upper)
		VCVTPS2PD(upper, high)
	}
	return [2]vec{low, high}
}

// joined rounds two halves to float32.
func joined(half [2]vec) vec {
	v := fresh()
	if lanes == 16 {
		low, high := YMM(), YMM()
		VCVTPD2PS(half[0], low)
		VCVTPD2PS(half[1], high)
		VINSERTF32X8(U8(1), high, low.AsZ(), v)
	} else {
		low, high := XMM(), XMM()
		VCVTPD2PSY(half[0], low)
		VCVTPD2PSY(half[1], high)
		VINSERTF128(U8(1), high, low.AsY(), v)
	}
	return v
}

// magic is 2⁵². A float64 of magic + n has the bits of the integer n in its lower
// half, 0 <= n < 2⁵².
const magic = 1 << 52

// logarithm returns log₂ x for x >= 0, -Inf at 0. The argument comes from a
// float32, so that no float64 here is subnormal. With x = 2ᵉ·m, m from √½ to √2,
// and s = (m-1)/(m+1) it is e + (2s + 2s³/3 + 2s⁵/5 + …)/ln 2. What the series
// leaves out after s¹³ is less than 2e-12 of the sum.
func logarithm(x vec) vec {
	const one = 1023 << 52 // the bits of 1
	root := math.Float64bits(math.Sqrt(0.5))
	t := integer64(x, constantBits64(one-root))
	exponent := fresh()
	VPSRLQ(U8(52), t, exponent)
	e := minus64(or64(exponent, constant64(magic)), constant64(magic+1023))
	m := integer64(and64(t, constantBits64(1<<52-1)), constantBits64(root))

	s := over64(minus64(m, constant64(1)), plus64(m, constant64(1)))
	var series []float64
	for k := range 7 {
		series = append(series, 2/math.Ln2/float64(2*k+1))
	}
	log := polynomial64(times64(s, s), series)
	timesPlus64(e, s, log)

	log = choose64(x, asm.Equal, constant64(0), fill64(constant64(math.Inf(-1))), log)
	return choose64(x, asm.NotLess, constant64(math.Inf(1)), x, log) // infinity and NaN
}

// exponential2 returns 2ˣ, less than any float32 below -160 and more above 160.
// With n the integer nearest to x it is 2ⁿ·Σ (x-n)ᵏ·(ln 2)ᵏ/k!, to k = 8, whose
// rest is less than 3e-10.
func exponential2(x vec) vec {
	least, most := fill64(constant64(-160)), fill64(constant64(160))
	VMAXPD(x, least, least)
	VMINPD(least, most, most)
	x = most
	n, scale := fresh(), fresh()
	if lanes == 16 {
		VRNDSCALEPD(U8(0), x, n)
	} else {
		VROUNDPD(U8(0), x, n)
	}
	taylor := []float64{1}
	for k := 1; k <= 8; k++ {
		taylor = append(taylor, taylor[k-1]*math.Ln2/float64(k))
	}
	y := polynomial64(minus64(x, n), taylor)
	VPSLLQ(U8(52), plus64(n, constant64(magic+1023)), scale)
	return times64(y, scale)
}

// powers returns |x|ᵖ·factor, of which nil is 1, for an exponent in float64. What
// does not fit becomes infinite, subnormal or zero when halves are joined.
func powers(x, p, factor vec) vec {
	half := halves(and(x, constantBits(math.MaxInt32)))
	for i, h := range half {
		half[i] = exponential2(times64(logarithm(h), p))
		if factor != nil {
			half[i] = times64(half[i], factor)
		}
	}
	return joined(half)
}

// exponent returns p = alpha + beta in float64: a float32 alone would be too
// coarse.
func exponent(p []vec) vec { return plus64(halves(p[0])[0], halves(p[1])[0]) }

// pow is xᵖ. The parameter gamma is the sign of the power of a negative x: 1 if p is
// even, -1 if it is odd, and NaN if it is not an integer.
func pow(x vec, p []vec) vec { return signed(x, p[2], powers(x, exponent(p), nil)) }

// powGrad is p·xᵖ⁻¹.
func powGrad(x vec, p []vec) vec {
	e := exponent(p)
	return signed(x, minus(fill(constant(0)), p[2]), powers(x, minus64(e, constant64(1)), e))
}

// signed gives y, the power of |x|, the sign of the power of x: a negative x flips it if
// gamma is negative, as it is for odd exponents. If gamma is NaN its sign is clear, so
// that the power of minus zero is positive.
func signed(x, gamma, y vec) vec {
	flips := and(and(x, signBit()), gamma)
	y = xor(y, flips)
	// Where x is below zero there is no power if gamma is NaN; only minus infinity has
	// one, the same as infinity.
	none := choose(compare(x, less, constant(0)), gamma, fill(constant(0)))
	none = choose(compare(x, asm.Equal, constant(math.Inf(-1))), constant(0), none)
	return choose(compare(none, unordered, none), none, y)
}
