package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winograd generates the transformations of Winograd's convolutions, whose tiles
// have 4 or 6 pixels a side.
func winograd() {
	for _, side := range []int{4, 6} {
		toTile(fmt.Sprintf("winogradImage%dAVX2", side), fmt.Sprintf("imageLine(%d, …)", side), imageLine(side), side, side)
		spreadTiles(side)
		for n := 2; n < side; n++ {
			toTile(fmt.Sprintf("winogradEvaluate%d%dAVX2", side, n), fmt.Sprintf("evaluateLine(%d, %d, …)", side, n), evaluateLine(side, n), side, n)
			combineTiles(side, n)
		}
	}
}

// toTile generates the transformation of n×n pixels to tiles.
func toTile(name, says string, l line, side, n int) {
	tileFunction(name, "func(n, width int, dst, src []float32, step, row, q int)",
		fmt.Sprintf("\td[i][j] = src[tile*step+i*row+j*width+f], for i, j < %d", n),
		"\tthe columns of t are "+says+" of those of d, the rows of u of those of t; then",
		fmt.Sprintf("\tdst[(%d*i+j)*q+tile*width+f] = u[i][j]", side))
	width, row, q := number("width"), number("row"), number("q")
	dst, src := slice("dst"), slice("src")
	half := newHalf(side, n)
	eachTile(width, func(f reg.Register) {
		half.columns(l, start(src, f), row, width)
		p := start(dst, f)
		for i := range side {
			for _, v := range half.row(l, i) {
				VMOVUPS(v, Mem{Base: p})
				advance(p, q)
			}
		}
	}, func() {
		advance(dst, width)
		advance(src, number("step"))
	})
}

// combineTiles generates the transformation of tiles to n×n pixels, of which the last
// rows and columns may be left out.
func combineTiles(side, n int) {
	fromTile(fmt.Sprintf("winogradCombine%d%dAVX2", side, n), "func(n, width int, dst, src []float32, step, row, q, rows, cols int)",
		fmt.Sprintf("combineLine(%d, %d, …)", side, n), "for i < rows and j < cols, each 1 at least, dst[tile*step+i*row+j*width+f] = u[i][j]",
		combineLine(side, n), side, n, pixelStore{
			row: func(i int) { unlessAbove("rows", i, "low") },
			col: func(i, j int) { unlessAbove("cols", j, fmt.Sprint("narrow", i)) },
			put: func(v reg.VecVirtual, to Mem) { VMOVUPS(v, to) },
		})
}

// spreadTiles generates the sum of tiles that overlap.
func spreadTiles(side int) {
	fromTile(fmt.Sprintf("winogradSpread%dAVX2", side), "func(n, width int, dst, src []float32, step, row, q int)",
		fmt.Sprintf("spreadLine(%d, …)", side), "dst[tile*step+i*row+j*width+f] += u[i][j]",
		spreadLine(side), side, side, pixelStore{
			row: func(int) {},
			col: func(int, int) {},
			put: func(v reg.VecVirtual, to Mem) {
				VADDPS(to, v, v)
				VMOVUPS(v, to)
			},
		})
}

// pixelStore stores pixels. Row and col come before the second and later ones; they
// may jump to the end of the row or of the tile.
type pixelStore struct {
	row func(i int)
	col func(i, j int)
	put func(v reg.VecVirtual, to Mem)
}

// fromTile generates a transformation of tiles to n×n pixels.
func fromTile(name, signature, says, result string, l line, side, n int, store pixelStore) {
	tileFunction(name, signature,
		fmt.Sprintf("\td[i][j] = src[(%d*i+j)*q+tile*width+f]", side),
		"\tthe columns of t are "+says+" of those of d, the rows of u of those of t; then",
		"\t"+result)
	width, q := number("width"), number("q")
	dst, src := slice("dst"), slice("src")
	half := newHalf(n, side)
	eachTile(width, func(f reg.Register) {
		tall := GP64()
		IMUL3Q(U8(side), q, tall)
		half.columns(l, start(src, f), tall, q)
		to, p := start(dst, f), GP64()
		for i := range n {
			if i > 0 {
				store.row(i)
				advance(to, number("row"))
			}
			MOVQ(to, p)
			for j, v := range half.row(l, i) {
				if j > 0 {
					store.col(i, j)
					advance(p, width)
				}
				store.put(v, Mem{Base: p})
			}
			Label(fmt.Sprint("narrow", i))
		}
		Label("low")
	}, func() {
		advance(src, width)
		advance(dst, number("step"))
	})
}

// unlessAbove jumps unless a parameter is above n.
func unlessAbove(param string, n int, to string) {
	CMPQ(number(param), U8(n))
	JLE(LabelRef(to))
}

// tileFunction begins a function over tiles and channels. It asks for the stack
// that it needs.
func tileFunction(name, signature string, loop ...string) {
	function(name, signature, append([]string{"for each of n tiles, at least 1, and each f < width, a multiple of eight:", ""}, loop...)...)
	Attributes(attr.Attribute(0))
}

// eachTile repeats body for every tile and every vector of channels f, and next
// after every tile.
func eachTile(width reg.Register, body func(f reg.Register), next func()) {
	times("tile", number("n"), func() {
		channels("channel", width, body)
		next()
	})
	end()
}

// start is a pointer of its own to the elements from index on.
func start(base, index reg.Register) reg.Register {
	p := GP64()
	LEAQ(at(base, index), p)
	return p
}

// half is what the transformation of the columns gives, rows×cols vectors: in
// registers if they are few, else on the stack.
type half struct {
	rows, cols int
	stack      reg.Register // nil for none
	registers  []reg.VecVirtual
}

func newHalf(rows, cols int) *half {
	const vector, registers = lanes * float, 8
	h := &half{rows: rows, cols: cols}
	if rows*cols <= registers {
		h.registers = make([]reg.VecVirtual, rows*cols)
		return h
	}
	h.stack = GP64()
	LEAQ(AllocLocal((rows*cols+1)*vector).Offset(vector), h.stack)
	ANDQ(I8(-vector), h.stack)
	return h
}

// columns transforms the columns of a square of vectors, whose rows and columns are
// row and col elements apart. The pointer p is lost.
func (h *half) columns(l line, p, row, col reg.Register) {
	p3 := GP64() // row 3
	LEAQ(at(p, row), p3)
	LEAQ(Mem{Base: p3, Index: row, Scale: 2 * float}, p3)
	for j := range h.cols {
		for i, v := range l(func(i int) Op {
			base := [2]reg.Register{p, p3}[i/3]
			return [3]Mem{{Base: base}, at(base, row), {Base: base, Index: row, Scale: 2 * float}}[i%3]
		}) {
			if h.stack != nil {
				VMOVAPS(v, h.at(i, j))
			} else {
				h.registers[i*h.cols+j] = v
			}
		}
		if j < h.cols-1 {
			advance(p, col)
			advance(p3, col)
		}
	}
}

// row transforms row i of them.
func (h *half) row(l line, i int) []reg.VecVirtual {
	return l(func(j int) Op {
		if h.stack != nil {
			return h.at(i, j)
		}
		return h.registers[i*h.cols+j]
	})
}

func (h *half) at(i, j int) Mem {
	return Mem{Base: h.stack, Disp: (i*h.cols + j) * lanes * float}
}
