package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file transposes matrices, for packed panels and between planes and pixels. The
// unit is a block of 8×8 elements in eight registers (transposed):
//
//	src   row j:  8 elements, srcRow apart     dst   row i: 8 elements, dstRow apart
//	x[0]  a0 a1 … a7                           y[0]  a0 b0 … h0
//	x[1]  b0 b1 … b7               ──▶         y[1]  a1 b1 … h1
//	…                                          …
//
// There are three functions, as a matrix may be large both ways, or have fewer than
// eight columns or rows. None of them reads or writes beyond its matrix.

// transpose generates the transposition of a column of blocks of 8×8 elements: eight
// rows of src, which it goes along block by block.
func transpose() {
	const name = "transposeAVX2"
	TEXT(name, NOSPLIT, "func(blocks int, src []float32, srcRow int, dst []float32, dstRow int)")
	Pragma("noescape")
	Doc(
		name+" is",
		"",
		"\tfor i := range 8 * blocks {",
		"\t\tfor j := range 8 {",
		"\t\t\tdst[i*dstRow+j] = src[j*srcRow+i]",
		"\t\t}",
		"\t}",
	)
	blocks := Load(Param("blocks"), GP64())
	src, srcRow := Load(Param("src").Base(), GP64()), stride("srcRow")
	dst, dstRow := Load(Param("dst").Base(), GP64()), stride("dstRow")
	p := rowPointers(src, srcRow, 8)

	TESTQ(blocks, blocks)
	JZ(LabelRef("done"))
	Label("loop")
	// Eight loads, 24 shuffles, eight stores: the shuffles are the limit.
	var x [8]reg.VecVirtual
	for i := range x {
		x[i] = YMM()
		VMOVUPS(element(p, srcRow, i), x[i])
	}
	for _, y := range transposed(x) {
		VMOVUPS(y, Mem{Base: dst})
		ADDQ(dstRow, dst)
	}
	for _, q := range p {
		ADDQ(U8(8*float), q)
	}
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transposeNarrow generates the transposition of a matrix of fewer than eight
// columns k, read under a mask; of the transposed block the first k rows are stored.
// The last block of eight rows overlaps the one before.
func transposeNarrow() {
	const name = "transposeNarrowAVX2"
	TEXT(name, NOSPLIT, "func(k, n int, src []float32, srcRow int, dst []float32, dstRow int)")
	Pragma("noescape")
	Doc(
		name+" is",
		"",
		"\tfor i := range k { // 1 to 8",
		"\t\tfor j := range n { // 8 or more",
		"\t\t\tdst[i*dstRow+j] = src[j*srcRow+i]",
		"\t\t}",
		"\t}",
	)
	k, n := Load(Param("k"), GP64()), Load(Param("n"), GP64())
	src, srcRow := Load(Param("src").Base(), GP64()), stride("srcRow")
	dst, dstRow := Load(Param("dst").Base(), GP64()), stride("dstRow")
	// The mask of the first k lanes is read from the table, k elements before its
	// middle.
	mask, lanes := YMM(), GP64()
	LEAQ(laneMasks(), lanes)
	offset := GP64()
	MOVQ(k, offset)
	NEGQ(offset)
	VMOVDQU(Mem{Base: lanes, Index: offset, Scale: float, Disp: 8 * float}, mask)
	last, j := GP64(), GP64()
	LEAQ(Mem{Base: n, Disp: -8}, last)
	XORQ(j, j)

	Label("loop")
	// The last block begins at n-8, and writes some elements once more.
	CMPQ(j, last)
	CMOVQGT(last, j)
	from := GP64()
	MOVQ(j, from)
	IMULQ(srcRow, from)
	ADDQ(src, from)
	p := rowPointers(from, srcRow, 8)
	var x [8]reg.VecVirtual
	for i := range x {
		x[i] = YMM()
		VMASKMOVPS(element(p, srcRow, i), mask, x[i])
	}
	to := GP64()
	LEAQ(Mem{Base: dst, Index: j, Scale: float}, to)
	for i, y := range transposed(x) {
		CMPQ(k, U8(i))
		JLE(LabelRef("next"))
		VMOVUPS(y, Mem{Base: to})
		ADDQ(dstRow, to)
	}
	Label("next")
	ADDQ(U8(8), j)
	CMPQ(j, n)
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// transposeFew generates the transposition of a matrix of fewer than eight rows n. In
// place of the missing rows it reads the last one again, and stores n elements of each
// transposed row. The last block of eight columns overlaps the one before.
func transposeFew() {
	const name = "transposeFewAVX2"
	TEXT(name, NOSPLIT, "func(k, n int, src []float32, srcRow int, dst []float32, dstRow int)")
	Pragma("noescape")
	Doc(
		name+" is",
		"",
		"\tfor i := range k { // 8 or more",
		"\t\tfor j := range n { // 1 to 7",
		"\t\t\tdst[i*dstRow+j] = src[j*srcRow+i]",
		"\t\t}",
		"\t}",
	)
	k, n := Load(Param("k"), GP64()), Load(Param("n"), GP64())
	src, srcRow := Load(Param("src").Base(), GP64()), stride("srcRow")
	dst, dstRow := Load(Param("dst").Base(), GP64()), stride("dstRow")
	last, i, none := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: k, Disp: -8}, last)
	XORQ(i, i)
	XORQ(none, none)

	Label("loop")
	// The last block begins at k-8.
	CMPQ(i, last)
	CMOVQGT(last, i)
	from, to := GP64(), GP64()
	LEAQ(Mem{Base: src, Index: i, Scale: float}, from)
	MOVQ(i, to)
	IMULQ(dstRow, to)
	ADDQ(dst, to)
	var x [8]reg.VecVirtual
	for j := range x {
		if j > 0 { // beyond the last row, that row again
			step := GP64()
			MOVQ(srcRow, step)
			CMPQ(n, U8(j))
			CMOVQLE(none, step)
			ADDQ(step, from)
		}
		x[j] = YMM()
		VMOVUPS(Mem{Base: from}, x[j])
	}
	for row, y := range transposed(x) {
		storeFirst(fmt.Sprint("row", row), n, y, to)
		ADDQ(dstRow, to)
	}
	ADDQ(U8(8), i)
	CMPQ(i, k)
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// storeFirst stores the first n elements of a vector, fewer than eight: four, two
// and one of them, by the bits of n. A store under a mask takes long on Zen processors,
// see writeFirst of gen/vector.
func storeFirst(label string, n reg.Register, y reg.VecVirtual, to reg.Register) {
	p, rest := GP64(), XMM()
	MOVQ(to, p)
	VMOVAPS(y.AsX(), rest)
	TESTQ(U32(4), n)
	JZ(LabelRef(label + "two"))
	VMOVUPS(rest, Mem{Base: p})
	VEXTRACTF128(U8(1), y, rest)
	ADDQ(U8(4*float), p)
	Label(label + "two")
	TESTQ(U32(2), n)
	JZ(LabelRef(label + "one"))
	VMOVLPS(rest, Mem{Base: p})
	VUNPCKHPD(rest, rest, rest)
	ADDQ(U8(2*float), p)
	Label(label + "one")
	TESTQ(U32(1), n)
	JZ(LabelRef(label + "end"))
	VMOVSS(rest, Mem{Base: p})
	Label(label + "end")
}

// laneMasks are eight lanes that are all ones, then eight that are zero: from
// element 8-k on, k lanes are chosen.
func laneMasks() Mem {
	m := GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 16 {
		v := uint32(0)
		if i < 8 {
			v = 0xffffffff
		}
		DATA(i*float, U32(v))
	}
	return m
}

// transposed transposes the matrix whose rows are in x, in three steps of eight
// instructions:
//
//	pairs   a0 b0 a1 b1 │ a4 b4 a5 b5     elements of two rows side by side
//	fours   a0 b0 c0 d0 │ a4 b4 c4 d4     of four rows
//	all     a0 b0 c0 d0 │ e0 f0 g0 h0     halves of two vectors
//
// The first two work within the halves of vectors, as AVX2's shuffles do.
func transposed(x [8]reg.VecVirtual) [8]reg.VecVirtual {
	var pairs, fours, all [8]reg.VecVirtual
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(x[i+1], x[i], pairs[i])
		VUNPCKHPS(x[i+1], x[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			low, high := pairs[i+j], pairs[i+j+2]
			fours[i+2*j], fours[i+2*j+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), high, low, fours[i+2*j])
			VSHUFPS(U8(0xEE), high, low, fours[i+2*j+1])
		}
	}
	for i := range 4 {
		all[i], all[i+4] = YMM(), YMM()
		VPERM2F128(U8(0x20), fours[i+4], fours[i], all[i])
		VPERM2F128(U8(0x31), fours[i+4], fours[i], all[i+4])
	}
	return all
}
