package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// finishTiles generates the transformation of tiles to n×n pixels of the output that a
// convolution ends with: the pixels are shifted and limited on their way. It works on
// a tile as fromTile does, column by column and then row by row, and ends each pixel
// as soon as it is there, so that sixteen of them need no registers at a time. Most
// parameters are read from memory where they are needed: general registers are few.
func finishTiles(t tier, side, n int) {
	l := combineLine(side, n)
	tileFunction(t, fmt.Sprintf("winogradFinish%d%d", side, n),
		"func(n, width int, dst, src *float32, pixel, row, q, rows, cols int, shift, residual *float32, residualPixel, residualRow int, low, high float32)",
		fmt.Sprintf("\td[i][j] = src[(%d*i+j)*q+tile*width+f]", side),
		fmt.Sprintf("\tthe columns of t are combineLine(%d, %d, …) of those of d, the rows of u of those of t; then", side, n),
		"\tfor i < rows and j < cols, each 1 at least, with p = "+fmt.Sprint(n)+"*tile+j,",
		"\tdst[p*pixel+i*row+f] = min(max(u[i][j]+shift[f]+residual[p*residualPixel+i*residualRow+f], low), high)",
		"\twhere residual may be nil and a NaN stays")
	width := size("width")
	dst, src, residual := number("dst"), number("src"), number("residual")
	m := newMatrices(side)
	limit := newLimits(t)
	eachTile(t, width, func(v vector, f reg.Register) {
		tile := square{start(src, f), m.row, m.distance}
		for _, want := range l.passes(v, side) {
			half := columns(v, l, want, tile, side, side)
			for _, i := range want {
				unlessAbove("rows", i, func() { finishRow(v, l, half.row(i), i, f, dst, residual, limit) })
			}
		}
	}, func() {
		ADDQ(width, src)
		next(dst, "pixel", n)
		none := label("none")
		TESTQ(residual, residual)
		JZ(LabelRef(none))
		next(residual, "residualPixel", n)
		Label(none)
	})
}

// next moves a pointer by n times as many elements as a parameter says.
func next(pointer reg.Register, param string, n int) {
	step := number(param)
	IMUL3Q(U8(n*float), step, step)
	ADDQ(step, pointer)
}

// limits are the bounds of pixels: in registers if there are 32, else read each time.
type limits []reg.VecVirtual

// newLimits loads them, or returns nil.
func newLimits(t tier) limits {
	if v := t.widest(); v.evex {
		return limits{v.broadcast("low"), v.broadcast("high")}
	}
	return nil
}

// bound limits y, which stays if it is a NaN.
func (l limits) bound(v vector, y reg.VecVirtual) {
	if l == nil {
		l = limits{v.broadcast("low"), v.broadcast("high")}
	}
	VMAXPS(y, v.part(l[0]), y)
	VMINPS(y, v.part(l[1]), y)
}

// finishRow transforms row i of the tile's halves, and ends its pixels: as far as
// the parameter cols goes, with the residual if there is one. The tests for both are
// in the loop, as jumps that always go the same way cost little.
func finishRow(v vector, l line, row func(j int) Op, i int, f, dst, residual reg.Register, limit limits) {
	to, rest := rowBehind(dst, f, "row", i), rowBehind(residual, f, "residualRow", i)
	shift, pixel, restPixel := number("shift"), size("pixel"), size("residualPixel")
	l.run(v, row, all, func(j int, u reg.VecVirtual) {
		unlessAbove("cols", j, func() {
			y := v.register()
			VADDPS(at(shift, f), u, y)
			plain := label("plain")
			TESTQ(residual, residual)
			JZ(LabelRef(plain))
			VADDPS(multiple(rest, restPixel, j), y, y)
			Label(plain)
			limit.bound(v, y)
			VMOVUPS(y, multiple(to, pixel, j))
		})
	})
}

// rowBehind is a pointer to byte f of the row that is i rows behind another.
func rowBehind(base, f reg.Register, row string, i int) reg.Register {
	p := start(base, f)
	if i > 0 {
		LEAQ(multiple(p, size(row), i), p)
	}
	return p
}
