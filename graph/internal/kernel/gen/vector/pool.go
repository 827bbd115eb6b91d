package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// poolings generates the pooling of windows of 2×2 that lie side by side.
func poolings() {
	maxPairs()
	avgPairs()
	avgPairsGrad()
}

// maxPairs generates max-pooling of rows of windows, for any number of columns: the
// last windows of a row, fewer than eight, are read under masks. at counts the places
// of the windows' first corners, as integers beside the pixels:
//
//	top     x0 x1 │ x2 x3 │ …     even: x0 x2 …    odd: x1 x3 …
//	bottom  z0 z1 │ z2 z3 │ …     even: z0 z2 …    odd: z1 z3 …
//
// A window's four pixels then lie in one lane of four vectors, which challenge the
// best one after the other, with at, at+1, at+width and at+width+1 as their places.
func maxPairs() {
	function("maxPairsAVX2", "func(rows, cols int, y []float32, winner []int32, x []float32, width int)",
		"\tfor i := range rows { // one or more",
		"\t\tfor j := range cols {",
		"\t\t\tat := 2*i*width + 2*j",
		"\t\t\tbest := x[at]",
		"\t\t\t// and likewise for at+1, at+width and at+width+1:",
		"\t\t\tif v > best || v != v {",
		"\t\t\t\tbest, at = v, …",
		"\t\t\t}",
		"\t\t\ty[i*cols+j], winner[i*cols+j] = best, at",
		"\t\t}",
		"\t}")
	rows, cols, width := Load(Param("rows"), GP64()), Load(Param("cols"), GP64()), Load(Param("width"), GP64())
	y, winner, x := slice("y"), slice("winner"), slice("x")
	first, top, bottom, n := GP64(), GP64(), GP64(), GP64()
	below, at := YMM(), YMM()
	spread(width, below)
	XORQ(first, first)

	Label("row")
	MOVQ(x, top)
	LEAQ(Mem{Base: x, Index: width, Scale: 4}, bottom)
	spread(first, at)
	// Shuffling leaves the windows in the order 0 1 4 5 2 3 6 7.
	VPADDD(vector("corners", [8]uint32{0, 2, 8, 10, 4, 6, 12, 14}), at, at)
	MOVQ(cols, n)
	Label("eight")
	CMPQ(n, U8(8))
	JLT(LabelRef("rest"))
	best, place := largest(top, bottom, at, below, nil)
	VMOVUPS(best, Mem{Base: y})
	VMOVUPS(place, Mem{Base: winner})
	VPADDD(constantBits(16).Mem, at, at)
	ADDQ(U8(2*lane), top)
	ADDQ(U8(2*lane), bottom)
	ADDQ(U8(lane), y)
	ADDQ(U8(lane), winner)
	SUBQ(U8(8), n)
	JMP(LabelRef("eight"))

	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("next"))
	best, place = largest(top, bottom, at, below, lastMasks(n, 2))
	writeFirst(n, [2]reg.VecVirtual{best, place}, [2]reg.Register{y, winner})

	Label("next")
	LEAQ(Mem{Base: x, Index: width, Scale: 8}, x)
	LEAQ(Mem{Base: first, Index: width, Scale: 2}, first)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// largest returns the largest pixels of eight windows and where they are, given
// the windows' rows and the places of their first corners. With masks, only the
// pixels that these select are read.
func largest(top, bottom reg.Register, at, below reg.VecVirtual, masks reg.Register) (best, place reg.VecVirtual) {
	place, next := YMM(), YMM()
	VMOVDQA(at, place)
	VPADDD(constantBits(1).Mem, at, next)
	best, right := cornersUnder(top, masks)
	challenge(best, right, place, next)
	left, right := cornersUnder(bottom, masks)
	VPADDD(below, at, next)
	challenge(best, left, place, next)
	VPADDD(constantBits(1).Mem, next, next)
	challenge(best, right, place, next)
	VPERMPD(U8(0xD8), best, best)
	VPERMPD(U8(0xD8), place, place)
	return best, place
}

// writeFirst writes the first n elements of vectors, n < 8, and advances the
// pointers behind them. It does so by fours, twos and ones: on Zen processors
// stores under a mask took as long as all else in a row of four windows.
func writeFirst(n reg.Register, vectors [2]reg.VecVirtual, pointers [2]reg.Register) {
	for _, count := range []int{4, 2, 1} {
		skip := fmt.Sprint("not", count)
		TESTQ(U32(count), n)
		JZ(LabelRef(skip))
		for i, p := range pointers {
			switch x, m := vectors[i].AsX(), (Mem{Base: p}); count {
			case 4:
				VMOVUPS(x, m)
				VEXTRACTF128(U8(1), vectors[i], x)
			case 2:
				VMOVLPS(x, m)
				VMOVHLPS(x, x, x)
			case 1:
				VMOVSS(x, m)
			}
			ADDQ(U8(count*float), p)
		}
		Label(skip)
	}
}

// cornersUnder is corners, reading the elements that the masks select, or all elements
// if there are none.
func cornersUnder(row, masks reg.Register) (even, odd reg.VecVirtual) {
	if masks == nil {
		return corners(row)
	}
	var halves [2]reg.VecVirtual
	for i := range halves {
		halves[i] = load(Mem{Base: masks, Disp: i * lane})
		VMASKMOVPS(Mem{Base: row, Disp: i * lane}, halves[i], halves[i])
	}
	return evenOdd(halves[0], halves[1])
}

// avgPairs generates the means of rows of windows: two rows of pixels are added first,
// and VHADDPS adds neighbours, which gives the windows in another order, put right by
// VPERMPD.
func avgPairs() {
	function("avgPairsAVX2", "func(rows, cols int, y, x []float32, width int)",
		"\tfor i := range rows { // one or more",
		"\t\ttop, bottom := x[2*i*width:], x[(2*i+1)*width:]",
		"\t\tfor j := range cols { // eight or more",
		"\t\t\ty[i*cols+j] = ((top[2*j] + bottom[2*j]) + (top[2*j+1] + bottom[2*j+1])) / 4",
		"\t\t}",
		"\t}")
	quarter := fill(constant(0.25))
	rowsOfPairs("y", "x", func(y Mem, top, bottom [2]Mem) {
		var columns [2]reg.VecVirtual
		for half := range columns {
			columns[half] = load(top[half])
			VADDPS(bottom[half], columns[half], columns[half])
		}
		v := columns[0]
		VHADDPS(columns[1], v, v) // leaves the windows in the order 0 1 4 5 2 3 6 7
		VPERMPD(U8(0xD8), v, v)
		VMULPS(quarter, v, v)
		VMOVUPS(v, y)
	})
}

// avgPairsGrad generates the gradient of the means: each dy/4 goes to two neighbours,
// in both rows.
func avgPairsGrad() {
	function("avgPairsGradAVX2", "func(rows, cols int, dy, dx []float32, width int)",
		"\tfor i := range rows { // one or more",
		"\t\ttop, bottom := dx[2*i*width:], dx[(2*i+1)*width:]",
		"\t\tfor j := range cols { // eight or more",
		"\t\t\td := dy[i*cols+j] / 4",
		"\t\t\ttop[2*j], top[2*j+1], bottom[2*j], bottom[2*j+1] = d, d, d, d",
		"\t\t}",
		"\t}")
	quarter := fill(constant(0.25))
	rowsOfPairs("dy", "dx", func(dy Mem, top, bottom [2]Mem) {
		d, twice := YMM(), [2]reg.VecVirtual{YMM(), YMM()}
		VMULPS(dy, quarter, d)
		VPERMPD(U8(0xD8), d, d) // so that unpacking, by halves, leaves them in order
		VUNPCKLPS(d, d, twice[0])
		VUNPCKHPS(d, d, twice[1])
		for half, v := range twice {
			VMOVUPS(v, top[half])
			VMOVUPS(v, bottom[half])
		}
	})
}

// rowsOfPairs generates a loop over rows of windows, by eight windows. Where the number
// of windows is no multiple of eight, the last eight of a row overlap those before:
//
//	│ 0 … 7 │ 8 … 15 │
//	            │ 12 … 19 │   of 20 windows
func rowsOfPairs(windows, pixels string, block func(windows Mem, top, bottom [2]Mem)) {
	rows, cols, width := Load(Param("rows"), GP64()), Load(Param("cols"), GP64()), Load(Param("width"), GP64())
	y, x := slice(windows), slice(pixels)
	j, last, bottom := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: cols, Disp: -8}, last)

	Label("row")
	LEAQ(Mem{Base: x, Index: width, Scale: 4}, bottom)
	XORQ(j, j)
	Label("eight")
	var above, below [2]Mem
	for half := range above {
		above[half] = Mem{Base: x, Index: j, Scale: 8, Disp: half * lane}
		below[half] = Mem{Base: bottom, Index: j, Scale: 8, Disp: half * lane}
	}
	block(Mem{Base: y, Index: j, Scale: 4}, above, below)
	CMPQ(j, last)
	JE(LabelRef("next"))
	ADDQ(U8(8), j)
	CMPQ(j, last)
	CMOVQGT(last, j)
	JMP(LabelRef("eight"))

	Label("next")
	LEAQ(Mem{Base: y, Index: cols, Scale: 4}, y)
	LEAQ(Mem{Base: x, Index: width, Scale: 8}, x)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// spread fills a vector with an integer.
func spread(from reg.Register, to reg.VecVirtual) {
	x := XMM()
	VMOVD(from.(reg.GPVirtual).As32(), x)
	VPBROADCASTD(x, to)
}

// corners reads sixteen elements of a row and returns those at even and at odd
// places.
func corners(row reg.Register) (even, odd reg.VecVirtual) {
	return evenOdd(load(Mem{Base: row}), load(Mem{Base: row, Disp: lane}))
}

// evenOdd returns the elements at even and at odd places of two vectors.
func evenOdd(a, b reg.VecVirtual) (even, odd reg.VecVirtual) {
	even, odd = YMM(), YMM()
	VSHUFPS(U8(0x88), b, a, even)
	VSHUFPS(U8(0xDD), b, a, odd)
	return even, odd
}

// challenge replaces best and its position by a candidate and its, where that
// is larger or NaN.
func challenge(best, candidate, at, candidateAt reg.VecVirtual) {
	wins, nan := YMM(), YMM()
	VCMPPS(U8(greater), best, candidate, wins)
	VCMPPS(U8(unordered), candidate, candidate, nan)
	VORPS(nan, wins, wins)
	VBLENDVPS(wins, candidate, best, best)
	VBLENDVPS(wins, candidateAt, at, at)
}

// vector defines eight constants.
func vector(name string, values [8]uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range values {
		DATA(i*4, U32(v))
	}
	return m
}
