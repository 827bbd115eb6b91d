package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file is the language that the curves are written in. A curve is written
// once. Its functions are generated for vectors of eight numbers (AVX2) and of
// sixteen (AVX-512). Every operation below does the same to a number whatever the
// width, so both give the same bits.
//
//	sigmoid := func(x vec) vec {                // a formula …
//		e := exponential(minusAbs(x)).value()   // … each line a few instructions
//		return over(one, plus(e, one))
//	}
//	elements("y", func(at part) {               // … in a loop over slices
//		at.put(sigmoid(at.get(x)), y)
//	})
//
// Operations return a new vector and leave their operands. The ones with a fused
// product change their last operand, as the instruction does.

// lanes is how many numbers the vectors of the function that is being generated
// hold: 8 or 16. Half as many float64 are in one.
var lanes = 8

// vec is a vector of that many numbers.
type vec = reg.VecVirtual

// mask selects lanes: with AVX2 a vector whose selected lanes have all bits set,
// with AVX-512 a mask register.
type mask = reg.Register

// fresh returns a new vector with nothing in it. avo gives it a register when all
// of the function is known, and the same one again after its last use. With AVX2
// there are sixteen: more vectors that live at a time do not fit.
func fresh() vec {
	if lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// begin begins a function of the current width. The comment of the narrow one is
// the loop that both implement.
func begin(name, signature string, loop ...string) {
	narrow, wide := name+"AVX2", name+"AVX512"
	if lanes == 8 {
		function(narrow, signature, loop...)
		return
	}
	TEXT(wide, NOSPLIT, signature)
	Pragma("noescape")
	Doc(wide + " is " + narrow + " with sixteen lanes, and gives the same bits.")
}

// number is a constant that every lane has, as an operand. In memory there are
// eight of it: AVX2 reads them all, AVX-512 repeats the first. So a constant takes
// no register, and no read of one crosses lines of the cache.
type number struct{ Mem }

// constants has the constants that were asked for, by their bits.
var constants = map[uint32]number{}

// constant is the number x, rounded to float32. Formulas state it in full.
func constant(x float64) number { return constantBits(math.Float32bits(float32(x))) }

// constantBits is the float32, or the integer, of the given bits.
func constantBits(bits uint32) number {
	if _, ok := constants[bits]; !ok {
		constants[bits] = number{vector(fmt.Sprintf("eight%08x", bits), [8]uint32{bits, bits, bits, bits, bits, bits, bits, bits})}
	}
	return constants[bits]
}

// signBit is minus zero: all bits but the sign are clear.
func signBit() number { return constantBits(1 << 31) }

// fill returns a vector of a constant.
func fill(x number) vec {
	v := fresh()
	if lanes == 16 {
		VBROADCASTSS(x.Mem, v)
	} else {
		VMOVUPS(x.Mem, v)
	}
	return v
}

// parameter fills a vector with a float32 parameter of the function.
func parameter(name string) vec {
	v := fresh()
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, v)
	return v
}

// instruction returns a function that writes an instruction of three operands, of
// which the first may be a constant. whole is the instruction for a vector in that
// place, repeated its form of AVX-512 that repeats a number from memory.
func instruction(whole, repeated func(...Op)) func(a Op, b, to vec) {
	return func(a Op, b, to vec) {
		switch n, ok := a.(number); {
		case ok && lanes == 16:
			repeated(n.Mem, b, to)
		case ok:
			whole(n.Mem, b, to)
		default:
			whole(a, b, to)
		}
	}
}

// operation is an instruction whose result gets a vector of its own. In Go's
// assembler, as here in avo, the second operand of a difference comes first.
func operation(whole, repeated func(...Op)) func(a vec, b Op) vec {
	run := instruction(whole, repeated)
	return func(a vec, b Op) vec {
		v := fresh()
		run(b, a, v)
		return v
	}
}

// Arithmetic: each operation is rounded once.
var (
	plus  = operation(VADDPS, VADDPS_BCST) // a + b
	minus = operation(VSUBPS, VSUBPS_BCST) // a - b
	times = operation(VMULPS, VMULPS_BCST) // a·b
	over  = operation(VDIVPS, VDIVPS_BCST) // a/b

	// These change their last operand.
	addProduct      = instruction(VFMADD231PS, VFMADD231PS_BCST)   // to += b·a
	subtractProduct = instruction(VFNMADD231PS, VFNMADD231PS_BCST) // to -= b·a
	timesPlus       = instruction(VFMADD213PS, VFMADD213PS_BCST)   // to = to·b + a
	timesMinus      = instruction(VFMSUB213PS, VFMSUB213PS_BCST)   // to = to·b - a
)

// Operations on bits, for signs and masks, and on integers of 32 bits, for
// exponents.
var (
	and     = operation(VANDPS, VANDPS_BCST)
	or      = operation(VORPS, VORPS_BCST)
	xor     = operation(VXORPS, VXORPS_BCST)
	integer = operation(VPADDD, VPADDD_BCST) // a + b
)

// clone returns a copy of a vector.
func clone(x vec) vec {
	v := fresh()
	VMOVAPS(x, v)
	return v
}

// polynomial returns Σ coefficients[i]·tⁱ by Horner's rule. Each step is fused and
// rounds once.
func polynomial(t vec, coefficients []float64) vec {
	last := len(coefficients) - 1
	sum := fill(constant(coefficients[last]))
	for i := last - 1; i >= 0; i-- {
		timesPlus(constant(coefficients[i]), t, sum)
	}
	return sum
}

// largerOf returns max(x, least), NaN where x is NaN, x where both are zero. VMAXPS
// returns its second source in these cases, which Go's assembler writes first: the
// order of the operands matters.
func largerOf(x, least vec) vec {
	v := fresh()
	VMAXPS(x, least, v)
	return v
}

// smallerOf returns min(x, most) likewise.
func smallerOf(x, most vec) vec {
	v := fresh()
	VMINPS(x, most, v)
	return v
}

// atLeast returns max(x, least), NaN where x is NaN.
func atLeast(x vec, least float64) vec { return largerOf(x, fill(constant(least))) }

// atMost returns min(x, most), NaN where x is NaN.
func atMost(x vec, most float64) vec { return smallerOf(x, fill(constant(most))) }

// minusAbs returns -|x|.
func minusAbs(x vec) vec { return or(x, signBit()) }

// compare returns where a is to b as the predicate says. The predicates are in
// package asm; none of them raises an exception for NaN.
func compare(a vec, predicate uint8, b Op) mask {
	var m mask
	if m = K(); lanes == 8 {
		m = YMM()
	}
	run := func(whole func(...Op), b Op) { whole(U8(predicate), b, a, m) }
	switch n, repeat := b.(number); {
	case repeat && lanes == 16:
		run(VCMPPS_BCST, n.Mem)
	case repeat:
		run(VCMPPS, n.Mem)
	default:
		run(VCMPPS, b)
	}
	return m
}

// negative returns where the sign of x is set, at minus zero too. It is for choose
// alone: with AVX2 the mask is x itself, with all its other bits.
func negative(x vec) mask {
	if lanes == 8 {
		return x // VBLENDVPS looks at nothing else
	}
	k := K()
	VPMOVD2M(x, k)
	return k
}

// choose returns a where the mask selects, and b elsewhere.
func choose(m mask, a Op, b vec) vec {
	v := fresh()
	n, repeat := a.(number)
	switch {
	case lanes == 8 && repeat:
		VBLENDVPS(m, n.Mem, b, v)
	case lanes == 8:
		VBLENDVPS(m, a, b, v)
	case repeat:
		VBLENDMPS_BCST(n.Mem, b, m, v)
	default:
		VBLENDMPS(a, b, m, v)
	}
	return v
}

// selected returns a where the mask of a comparison selects, and 0 elsewhere.
func selected(m mask, a vec) vec {
	v := fresh()
	if lanes == 16 {
		VMOVAPS_Z(a, m, v)
	} else {
		VANDPS(a, m, v)
	}
	return v
}

// part is one vector's elements of each slice, or the elements left at the end.
type part struct {
	offset reg.Register
	behind int  // bytes behind the offset
	mask   mask // nil for all elements
}

// of addresses the part of a slice.
func (p part) of(base reg.Register) Mem {
	m := block(base, p.offset)
	m.Disp = p.behind
	return m
}

// get reads the part of a slice. Lanes beyond its end are zero, and no memory there
// is touched: a masked load does not fault for them.
func (p part) get(base reg.Register) vec {
	v, m := fresh(), p.of(base)
	switch {
	case p.mask == nil:
		VMOVUPS(m, v)
	case lanes == 16:
		VMOVUPS_Z(m, p.mask, v)
	default:
		VMASKMOVPS(m, p.mask, v)
	}
	return v
}

// put writes the part of a slice, and nothing beyond its end.
func (p part) put(v vec, base reg.Register) {
	m := p.of(base)
	switch {
	case p.mask == nil:
		VMOVUPS(v, m)
	case lanes == 16:
		VMOVUPS(v, p.mask, m)
	default:
		VMASKMOVPS(v, p.mask, m)
	}
}

// elements generates a function that is a loop over all elements of the
// parameter over. The last ones, fewer than a vector, get the same arithmetic:
// the result of an element does not depend on its place.
//
//	whole: body for lanes elements, while there are as many
//	rest:  body for the others under a mask, if there are any
//
// The body is in the function twice. Each of its passes reads what it needs before
// it writes, so a slice may be read and written in one loop.
func elements(over string, body func(part)) {
	n, i := Load(Param(over).Len(), GP64()), GP64()
	XORQ(i, i)
	Label("whole")
	CMPQ(n, U8(lanes))
	JLT(LabelRef("rest"))
	body(part{offset: i})
	ADDQ(U8(lanes*float), i)
	SUBQ(U8(lanes), n)
	JMP(LabelRef("whole"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	body(part{offset: i, mask: firstLanes(n)})
	Label("done")
	VZEROUPPER()
	RET()
}

// firstLanes returns a mask of the first n lanes, n being less than all. Masks come
// from tables: their address is as fast to compute as a shift, and there is no need
// for BMI2.
func firstLanes(n reg.Register) mask {
	if lanes == 8 {
		m := YMM()
		VMOVDQU(Mem{Base: lastMasks(n, 1)}, m)
		return m
	}
	if lastBits == nil {
		m := GLOBL("lastBits", RODATA|NOPTR) // the lowest i bits, for i below 16
		for i := range 16 {
			DATA(i*2, U16(1<<i-1))
		}
		lastBits = &m
	}
	address, k := GP64(), K()
	LEAQ(*lastBits, address)
	KMOVW(Mem{Base: address, Index: n, Scale: 2}, k)
	return k
}

// masks and lastBits are tables in memory, once they are needed.
var masks, lastBits *Mem

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

// roundToInteger returns the integers of 32 bits nearest to x.
func roundToInteger(x vec) vec {
	v := fresh()
	VCVTPS2DQ(x, v)
	return v
}

// fromInteger returns integers of 32 bits as numbers.
func fromInteger(x vec) vec {
	v := fresh()
	VCVTDQ2PS(x, v)
	return v
}

// powerOfTwo returns the number whose exponent has the bits of an integer.
func powerOfTwo(exponent vec) vec {
	v := fresh()
	VPSLLD(U8(23), exponent, v)
	return v
}

// squareRoot returns √x.
func squareRoot(x vec) vec {
	v := fresh()
	VSQRTPS(x, v)
	return v
}
