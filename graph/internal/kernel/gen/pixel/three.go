package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The way between three planes and pixels of three elements that lie close, as in
// pictures. Eight pixels are 24 elements, six quarters of four:
//
//	quarter  0 r0 g0 b0 r1 │ 1 g1 b1 r2 g2 │ 2 b2 r3 g3 b3 │ 3 r4 g4 b4 r5 │ 4 … │ 5 …
//
// VSHUFPS works on both halves of a vector alike. So a vector takes quarter i in its
// lower half and quarter i+3 in its upper one, and four pixels of code do eight.

// shuffled is VSHUFPS: elements i0 and i1 of each half of a, then i2 and i3 of b.
func shuffled(a, b reg.VecVirtual, i0, i1, i2, i3 uint8) reg.VecVirtual {
	x := YMM()
	VSHUFPS(U8(i0|i1<<2|i2<<4|i3<<6), b, a, x)
	return x
}

// quarterAt is the ith quarter of the vectors from p on.
func quarterAt(p reg.Register, i int) Mem { return Mem{Base: p, Disp: 4 * i * float} }

// threes generates both ways.
func threes(t tier) {
	fromThreePlanes(t)
	toThreePlanes(t)
}

// fromThreePlanes generates the way from planes: pairs of colours first, then the
// quarters out of two pairs. The elements are named for the lower half.
func fromThreePlanes(t tier) {
	t.function("fromThreePlanes", "func(pixels int, dst, src *float32, srcPlane int)",
		"\tfor p := range pixels { // a multiple of eight, at least eight",
		"\t\tfor c := range 3 {",
		"\t\t\tdst[p*3+c] = src[c*srcPlane+p]",
		"\t\t}",
		"\t}")
	v := t.narrow()
	src, plane, dst, n := number("src"), size("srcPlane"), number("dst"), number("pixels")
	SHRQ(U8(3), n)
	align()
	times("pixels", n, func() {
		r, g, b := v.load(multiple(src, plane, 0)), v.load(multiple(src, plane, 1)), v.load(multiple(src, plane, 2))
		rg := shuffled(r, g, 0, 2, 0, 2) // r0 r2 g0 g2
		gb := shuffled(g, b, 1, 3, 1, 3) // g1 g3 b1 b3
		br := shuffled(b, r, 0, 2, 1, 3) // b0 b2 r1 r3
		for i, x := range []reg.VecVirtual{
			shuffled(rg, br, 0, 2, 0, 2), // r0 g0 b0 r1
			shuffled(gb, rg, 0, 2, 1, 3), // g1 b1 r2 g2
			shuffled(br, gb, 1, 3, 1, 3), // b2 r3 g3 b3
		} {
			VMOVUPS(x.AsX(), quarterAt(dst, i))
			VEXTRACTF128(U8(1), x, quarterAt(dst, i+3))
		}
		ADDQ(U8(turned*float), src)
		ADDQ(U8(3*turned*float), dst)
	})
	end()
}

// toThreePlanes generates the way back. Its third vector takes quarter 2 from memory
// into the lower half of one that was read from quarter 4 on, so that it reads nothing
// beyond the last pixel.
func toThreePlanes(t tier) {
	t.function("toThreePlanes", "func(pixels int, dst *float32, dstPlane int, src *float32)",
		"\tfor p := range pixels { // a multiple of eight, at least eight",
		"\t\tfor c := range 3 {",
		"\t\t\tdst[c*dstPlane+p] = src[p*3+c]",
		"\t\t}",
		"\t}")
	v := t.narrow()
	dst, plane, src, n := number("dst"), size("dstPlane"), number("src"), number("pixels")
	SHRQ(U8(3), n)
	align()
	times("pixels", n, func() {
		var q [3]reg.VecVirtual // r0 g0 b0 r1, g1 b1 r2 g2, b2 r3 g3 b3
		for i := range 2 {
			q[i] = v.load(quarterAt(src, i))
			VINSERTF128(U8(1), quarterAt(src, i+3), q[i], q[i])
		}
		q[2] = v.load(quarterAt(src, 4))
		VINSERTF128(U8(0), quarterAt(src, 2), q[2], q[2])
		rg := shuffled(q[1], q[2], 2, 3, 1, 2) // r2 g2 r3 g3
		gb := shuffled(q[0], q[1], 1, 2, 0, 1) // g0 b0 g1 b1
		VMOVUPS(shuffled(q[0], rg, 0, 3, 0, 2), multiple(dst, plane, 0))
		VMOVUPS(shuffled(gb, rg, 0, 2, 1, 3), multiple(dst, plane, 1))
		VMOVUPS(shuffled(gb, q[2], 1, 3, 0, 3), multiple(dst, plane, 2))
		ADDQ(U8(3*turned*float), src)
		ADDQ(U8(turned*float), dst)
	})
	end()
}
