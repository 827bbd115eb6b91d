package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// correlateName is the name of the function for so many filters.
func correlateName(t tier, filters int) string {
	return fmt.Sprintf("correlate%sFilters%d", t.name, filters)
}

// correlate generates a correlateFunc for a fixed number of filters. A block of
// pixels of all filters stays in registers; a weight goes to all its pixels:
//
//	          pixels 0 … 15  16 … 31
//	filter 0    sum            sum      += w[tap, 0] · x
//	filter 1    sum            sum      += w[tap, 1] · x      x: the pixels under the
//	…                                                         tap, read unaligned
//
// After the last tap the shift is added, and the pixels that are in the row are
// stored.
func correlate(t tier, filters int) {
	function(correlateName(t, filters),
		"func(rows, cols int, y *float32, yRow, yPlane int, x *float32, xRow, xPlane int, planes, kh, kw int, w *float32, wNext int, shift *float32)",
		fmt.Sprintf("a correlateFunc of %d filters.", filters))
	m := t.first(number("cols"), block)
	x, y, rows := number("x"), number("y"), number("rows")
	Label("row")
	sums := make([][]reg.VecVirtual, filters)
	for f := range sums {
		sums[f] = t.zeros(block / t.lanes)
	}
	t.taps(sums, x)
	shift, plane, to := number("shift"), size("yPlane"), GP64()
	MOVQ(y, to)
	for f, sum := range sums {
		s := t.vector()
		VBROADCASTSS(Mem{Base: shift, Disp: f * float}, s)
		for i, v := range sum {
			VADDPS(s, v, v)
			t.store(v, Mem{Base: to, Disp: i * t.bytes()}, m, i)
		}
		if f < filters-1 {
			ADDQ(plane, to)
		}
	}
	ADDQ(size("yRow"), y)
	ADDQ(size("xRow"), x)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// taps adds the products of all weights with the pixels that they see to the sums of
// a block, whose first pixel sees x with the first weight. The order is plane, row,
// column, as in the plain loop. On AVX2 the weights of a tap are in registers and
// the pixels come one vector after the other; on AVX-512 the pixels are, and the
// weights come.
func (t tier) taps(sums [][]reg.VecVirtual, x reg.Register) {
	w, next, planes := number("w"), size("wNext"), number("planes")
	plane, row, tap := GP64(), GP64(), GP64()
	MOVQ(x, plane)
	Label("plane")
	MOVQ(plane, row)
	kh := number("kh")
	Label("filterRow")
	MOVQ(row, tap)
	kw := number("kw")
	Label("tap")
	weights := make([]reg.VecVirtual, len(sums))
	if t.lanes == 8 { // four vectors of pixels, at most three weights: these stay
		for f := range weights {
			weights[f] = t.vector()
			VBROADCASTSS(Mem{Base: w, Disp: f * float}, weights[f])
		}
		for i := range block / t.lanes {
			v := t.load(Mem{Base: tap, Disp: i * t.bytes()}, nil, i)
			for f := range sums {
				VFMADD231PS(v, weights[f], sums[f][i])
			}
		}
	} else {
		var pixels []reg.VecVirtual
		for i := range block / t.lanes {
			pixels = append(pixels, t.load(Mem{Base: tap, Disp: i * t.bytes()}, nil, i))
		}
		for f, sum := range sums {
			weight := t.vector()
			VBROADCASTSS(Mem{Base: w, Disp: f * float}, weight)
			for i, v := range pixels {
				VFMADD231PS(v, weight, sum[i])
			}
		}
	}
	ADDQ(U8(float), tap)
	ADDQ(next, w)
	DECQ(kw)
	JNZ(LabelRef("tap"))
	ADDQ(size("xRow"), row)
	DECQ(kh)
	JNZ(LabelRef("filterRow"))
	ADDQ(size("xPlane"), plane)
	DECQ(planes)
	JNZ(LabelRef("plane"))
}

// gradientName is the name of the function for so many columns and filters.
func gradientName(t tier, columns, filters int) string {
	return fmt.Sprintf("gradient%sColumns%dFilters%d", t.name, columns, filters)
}

// gradient generates a gradientFunc for fixed numbers of a filter's columns and of
// filters. The sums of all weights stay in registers while all rows of the image pass:
//
//	for each row, for each 16 pixels of it
//	    d[f] = dy of filter f             one load for all columns
//	    x(c) = x, c pixels to the right   one load for all filters
//	    sums[c][f] += x(c) · d[f]         16 sums for each weight
//
// They are added to dw at the end, and plane.Total adds up the sixteen.
func gradient(t tier, columns, filters int) {
	function(gradientName(t, columns, filters),
		"func(rows, cols int, dy *float32, dyRow, dyPlane int, x *float32, xRow int, dw *float32, dwColumn int)",
		fmt.Sprintf("a gradientFunc of %d columns and %d filters.", columns, filters))
	vectors := half / t.lanes
	sums := t.zeros(columns * filters * vectors)
	rest := number("cols")
	ANDQ(U8(half-1), rest)
	m := t.first(rest, half)
	plane := size("dyPlane")
	x, dy, rows := number("x"), number("dy"), number("rows")
	Label("row")
	px, first := GP64(), GP64()
	MOVQ(x, px)
	MOVQ(dy, first)
	p := pointers(first, plane, filters)
	n := number("cols")
	SHRQ(U8(4), n)
	JZ(LabelRef("rest"))
	Label("block")
	t.products(sums, columns, filters, px, p, plane, nil)
	for _, q := range append(p, px) {
		ADDQ(U8(half*float), q)
	}
	DECQ(n)
	JNZ(LabelRef("block"))
	Label("rest")
	left := number("cols")
	TESTQ(U32(half-1), left)
	JZ(LabelRef("next"))
	t.products(sums, columns, filters, px, p, plane, &m)
	Label("next")
	ADDQ(size("xRow"), x)
	ADDQ(size("dyRow"), dy)
	DECQ(rows)
	JNZ(LabelRef("row"))

	dw, next := number("dw"), size("dwColumn")
	for i, v := range sums {
		at := Mem{Base: dw, Disp: i % (filters * vectors) * t.bytes()}
		VADDPS(at, v, v)
		VMOVUPS(v, at)
		if i%(filters*vectors) == filters*vectors-1 && i < len(sums)-1 {
			ADDQ(next, dw)
		}
	}
	VZEROUPPER()
	RET()
}

// products adds the products of a block of pixels to the sums. With masks, dy is zero
// behind the row's end, so that what x has there does not count if it is finite.
func (t tier) products(sums []reg.VecVirtual, columns, filters int, x reg.Register, dy []reg.Register, plane reg.Register, m *masks) {
	vectors := half / t.lanes
	for i := range vectors {
		d := make([]reg.VecVirtual, filters)
		for f := range d {
			at := element(dy, plane, f)
			at.Disp = i * t.bytes()
			d[f] = t.load(at, m, i)
		}
		for c := range columns {
			v := t.load(Mem{Base: x, Disp: i*t.bytes() + c*float}, nil, i)
			for f := range d {
				VFMADD231PS(v, d[f], sums[(c*filters+f)*vectors+i])
			}
		}
	}
}
