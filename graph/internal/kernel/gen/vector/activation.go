package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// activations generates, for each activation, the loops of its function and of
// its gradient.
func activations() {
	for _, a := range []struct {
		name, f, df string
		value       func(x, alpha reg.VecVirtual) reg.VecVirtual
		derivative  func(x, alpha reg.VecVirtual) reg.VecVirtual
	}{
		{"tanh", "tanh(x[i])", "1 - tanh(x[i])²", tanh, tanhGrad},
		{"sigmoid", "1 / (1 + exp(-x[i]))", "exp(-x[i]) / (1 + exp(-x[i]))²", sigmoid, sigmoidGrad},
		{"silu", "x[i] / (1 + exp(-x[i]))", "s*(1 + x[i]*(1-s)), s = 1 / (1 + exp(-x[i]))", silu, siluGrad},
		{"gelu", "x[i] * Φ(x[i])", "Φ(x[i]) + x[i]*exp(-x[i]²/2)/√(2π)", gelu, geluGrad},
		{"elu", "x[i] > 0 ? x[i] : alpha*(exp(x[i])-1)", "x[i] > 0 ? 1 : alpha*exp(x[i])", elu, eluGrad},
		{"leakyReLU", "x[i] > 0 ? x[i] : alpha*x[i]", "x[i] > 0 ? 1 : alpha", leaky, leakyGrad},
	} {
		function(a.name+"AVX2", "func(y, x []float32, alpha float32)", "\tfor i := range y {", "\t\ty[i] = "+a.f, "\t}")
		y, x, alpha := slice("y"), slice("x"), broadcast("alpha")
		elements("y", func(p part) { p.put(a.value(p.get(x), alpha), y) })

		function(a.name+"GradAVX2", "func(dx, dy, x []float32, alpha float32)", "\tfor i := range dx {", "\t\tdx[i] = dy[i] * d", "\t}", "", "with d = "+a.df)
		dx, dy, x, alpha := slice("dx"), slice("dy"), slice("x"), broadcast("alpha")
		elements("dx", func(p part) {
			d := a.derivative(p.get(x), alpha)
			VMULPS(p.get(dy), d, d)
			p.put(d, dx)
		})
	}
}

// part is eight elements of each vector, or those that are left at the end.
type part struct {
	offset reg.Register
	mask   reg.VecVirtual // nil for all eight
}

// get reads the part of a vector; elements beyond it are zero.
func (p part) get(base reg.Register) reg.VecVirtual {
	if p.mask == nil {
		return load(block(base, p.offset))
	}
	v := YMM()
	VMASKMOVPS(block(base, p.offset), p.mask, v)
	return v
}

// put writes the part of a vector.
func (p part) put(v reg.VecVirtual, base reg.Register) {
	if p.mask == nil {
		VMOVUPS(v, block(base, p.offset))
		return
	}
	VMASKMOVPS(v, p.mask, block(base, p.offset))
}

// elements generates a function that is a loop over all elements of the
// parameter over. The last ones, fewer than eight, get the same arithmetic: the
// result of an element does not depend on its place.
func elements(over string, body func(part)) {
	n, i := Load(Param(over).Len(), GP64()), GP64()
	XORQ(i, i)
	Label("eight")
	CMPQ(n, U8(8))
	JLT(LabelRef("rest"))
	body(part{offset: i})
	ADDQ(U8(lane), i)
	SUBQ(U8(8), n)
	JMP(LabelRef("eight"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := YMM()
	VMOVDQU(Mem{Base: lastMasks(n, 1)}, mask)
	body(part{offset: i, mask: mask})
	Label("done")
	VZEROUPPER()
	RET()
}

var masks *Mem

// lastMasks returns the address of a mask of the first count·n elements, of
// which there are up to 16.
func lastMasks(n reg.Register, count uint8) reg.Register {
	if masks == nil {
		m := GLOBL("masks", RODATA|NOPTR) // sixteen elements of ones and sixteen of zeros
		for i := range 32 {
			DATA(i*4, U32(uint32(i/16)-1))
		}
		masks = &m
	}
	middle, back := GP64(), GP64()
	LEAQ(masks.Offset(2*lane), middle)
	IMUL3Q(U8(count*4), n, back)
	SUBQ(back, middle)
	return middle
}

var constants = map[uint32]Mem{}

// constant is a vector of eight times x.
func constant(x float64) Mem { return constantBits(math.Float32bits(float32(x))) }

func constantBits(bits uint32) Mem {
	if _, ok := constants[bits]; !ok {
		constants[bits] = vector(fmt.Sprintf("eight%08x", bits), [8]uint32{bits, bits, bits, bits, bits, bits, bits, bits})
	}
	return constants[bits]
}

// signBit is a vector of minus zeros.
func signBit() Mem { return constantBits(1 << 31) }

// atLeast returns max(x, least), NaN where x is NaN.
func atLeast(x reg.VecVirtual, least float64) reg.VecVirtual {
	v := load(constant(least))
	VMAXPS(x, v, v)
	return v
}

// minusAbs returns -|x|.
func minusAbs(x reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VORPS(signBit(), x, v)
	return v
}

// power is exp(x) as s + s·p, where s is a power of two.
type power struct{ p, s reg.VecVirtual }

// exponential returns exp(x) for x <= 0: 0 below -88.03, where it is less than
// the smallest normal number. With n the integer nearest to x/ln 2 and
// r = x - n·ln 2, s is 2ⁿ and p is exp(r) - 1 = r + r²/2! + … + r⁷/7!, whose
// rest is less than 2e-8 of it as |r| <= ln 2 / 2.
func exponential(x reg.VecVirtual) power {
	const ln2High = 355. / 512 // times n it is exact
	x = atLeast(x, -127*math.Ln2)
	n, s, r, q, square := YMM(), YMM(), YMM(), YMM(), YMM()
	VMULPS(constant(math.Log2E), x, n)
	VCVTPS2DQ(n, s)
	VCVTDQ2PS(s, n)
	VMOVAPS(x, r)
	VFNMADD231PS(constant(ln2High), n, r)
	VFNMADD231PS(constant(math.Ln2-ln2High), n, r)
	VMOVUPS(constant(1./5040), q)
	for _, factorial := range []float64{720, 120, 24, 6, 2} {
		VFMADD213PS(constant(1/factorial), r, q)
	}
	VMULPS(r, r, square)
	VFMADD213PS(r, square, q)
	VPADDD(constantBits(127), s, s)
	VPSLLD(U8(23), s, s)
	return power{q, s}
}

// value returns exp(x).
func (e power) value() reg.VecVirtual {
	v := YMM()
	VMOVAPS(e.p, v)
	VFMADD213PS(e.s, e.s, v)
	return v
}

// minusOne returns exp(x) - 1, exact to the last bits however small x is.
func (e power) minusOne() reg.VecVirtual {
	v := YMM()
	VSUBPS(constant(1), e.s, v)
	VFMADD231PS(e.p, e.s, v)
	return v
}

// tanh is sign(x)·(1-e)/(1+e) with e = exp(-2|x|).
func tanh(x, _ reg.VecVirtual) reg.VecVirtual {
	twice := minusAbs(x)
	VADDPS(twice, twice, twice)
	m, y := exponential(twice).minusOne(), YMM()
	VADDPS(constant(2), m, y)
	VANDPS(constantBits(math.MaxInt32), m, m)
	VDIVPS(y, m, y)
	sign := YMM()
	VANDPS(signBit(), x, sign)
	VORPS(sign, y, y)
	return y
}

// tanhGrad is 4e/(1+e)² with e = exp(-2|x|).
func tanhGrad(x, _ reg.VecVirtual) reg.VecVirtual {
	x = minusAbs(x)
	VADDPS(x, x, x)
	d := bell(x)
	VMULPS(constant(4), d, d)
	return d
}

// bell returns e/(1+e)² with e = exp(x), x <= 0.
func bell(x reg.VecVirtual) reg.VecVirtual {
	e, y := exponential(x).value(), YMM()
	VADDPS(constant(1), e, y)
	VMULPS(y, y, y)
	VDIVPS(y, e, e)
	return e
}

// sigmoid is 1/(1+e) for x >= 0 and e/(1+e) elsewhere, with e = exp(-|x|).
func sigmoid(x, _ reg.VecVirtual) reg.VecVirtual {
	s, _ := sigmoids(x)
	return s
}

// sigmoids returns sigmoid(x) and sigmoid(-x).
func sigmoids(x reg.VecVirtual) (s, opposite reg.VecVirtual) {
	e, part, one := exponential(minusAbs(x)).value(), YMM(), load(constant(1))
	VADDPS(one, e, part)
	VDIVPS(part, one, part)
	s, opposite = YMM(), YMM()
	VBLENDVPS(x, e, one, s) // by the sign of x
	VBLENDVPS(x, one, e, opposite)
	VMULPS(part, s, s)
	VMULPS(part, opposite, opposite)
	return s, opposite
}

// sigmoidGrad is e/(1+e)² with e = exp(-|x|).
func sigmoidGrad(x, _ reg.VecVirtual) reg.VecVirtual { return bell(minusAbs(x)) }

// vanished is where exp(x), and all that is proportional to it, is 0.
const vanished = -89

// silu is x·s with s = sigmoid(x).
func silu(x, _ reg.VecVirtual) reg.VecVirtual {
	s, _ := sigmoids(x)
	VMULPS(atLeast(x, vanished), s, s)
	return s
}

// siluGrad is s·(1 + x·sigmoid(-x)).
func siluGrad(x, _ reg.VecVirtual) reg.VecVirtual {
	s, d := sigmoids(x)
	x = atMost(atLeast(x, vanished), -vanished)
	VFMADD213PS(constant(1), x, d)
	VMULPS(s, d, d)
	return d
}

// atMost returns min(x, most), NaN where x is NaN.
func atMost(x reg.VecVirtual, most float64) reg.VecVirtual {
	v := load(constant(most))
	VMINPS(x, v, v)
	return v
}

// gelu is x·Φ(x).
func gelu(x, _ reg.VecVirtual) reg.VecVirtual {
	_, phi := normal(x)
	VMULPS(atLeast(x, vanished), phi, phi)
	return phi
}

// geluGrad is Φ(x) + x·exp(-x²/2)/√(2π).
func geluGrad(x, _ reg.VecVirtual) reg.VecVirtual {
	e, phi := normal(x)
	VMULPS(constant(1/math.Sqrt(2*math.Pi)), e, e)
	VFMADD231PS(e, atMost(atLeast(x, vanished), -vanished), phi)
	return phi
}

// millsScale and mills give the tail of the normal distribution,
//
//	Φ(-a) = exp(-a²/2)·t·Σ mills[i]·tⁱ, t = 1/(1 + millsScale·a)
//
// for 0 <= a <= 13.3, from where on the exponential is 0. The polynomial
// interpolates at the Chebyshev nodes of t, computed with 40 digits; its
// relative error is below 4e-8.
const millsScale = 0.35

var mills = [...]float64{
	0.1396190164, 0.1399059745, 0.1194981414, 0.1068764616, -0.02642269503,
	0.164063495, -0.2600329001, 0.1460690329, -0.02957654329,
}

// normal returns exp(-x²/2) and Φ(x), the normal distribution function.
func normal(x reg.VecVirtual) (e, phi reg.VecVirtual) {
	a, h, lost := atLeast(minusAbs(x), -14), YMM(), YMM()
	VMULPS(constant(-0.5), a, lost)
	VMULPS(a, lost, h)      // -x²/2, rounded
	VFMSUB213PS(h, a, lost) // what it lost
	e = exponential(h).value()
	VFMADD231PS(e, lost, e)

	one, t, sum := load(constant(1)), YMM(), YMM()
	VMOVAPS(one, t)
	VFNMADD231PS(constant(millsScale), a, t)
	VDIVPS(t, one, t)
	VMOVUPS(constant(mills[len(mills)-1]), sum)
	for i := len(mills) - 2; i >= 0; i-- {
		VFMADD213PS(constant(mills[i]), t, sum)
	}
	VMULPS(t, sum, sum)
	VMULPS(e, sum, sum) // Φ(-|x|)
	phi = YMM()
	VSUBPS(sum, one, phi)
	VBLENDVPS(x, sum, phi, phi) // by the sign of x
	return e, phi
}

// elu is x, or alpha·(exp(x)-1) where that is not above 0.
func elu(x, alpha reg.VecVirtual) reg.VecVirtual {
	y := exponential(atMost(x, 0)).minusOne()
	VMULPS(alpha, y, y)
	return positive(x, x, y)
}

func eluGrad(x, alpha reg.VecVirtual) reg.VecVirtual {
	d := exponential(atMost(x, 0)).value()
	VMULPS(alpha, d, d)
	return positive(x, load(constant(1)), d)
}

func leaky(x, alpha reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VMULPS(alpha, x, y)
	return positive(x, x, y)
}

func leakyGrad(x, alpha reg.VecVirtual) reg.VecVirtual {
	return positive(x, load(constant(1)), alpha)
}

// positive selects a where x > 0 and b elsewhere.
func positive(x, a, b reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VCMPPS(U8(greater), zero(), x, v)
	VBLENDVPS(v, a, b, v)
	return v
}
