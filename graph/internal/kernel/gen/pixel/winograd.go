package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winograd generates the transformations of Winograd's convolutions, whose tiles
// have 4 or 6 pixels a side.
func winograd(t tier) {
	for _, side := range []int{4, 6} {
		toTile(t, fmt.Sprintf("winogradImage%d", side), fmt.Sprintf("imageLine(%d, …)", side), imageLine(side), side)
		spreadTiles(t, side)
		for n := 2; n < side; n++ {
			toTile(t, fmt.Sprintf("winogradEvaluate%d%d", side, n), fmt.Sprintf("evaluateLine(%d, %d, …)", side, n), evaluateLine(side, n), n)
			combineTiles(t, side, n)
			if n%2 == 0 {
				finishTiles(t, side, n)
			}
		}
	}
}

// square is a square of vectors in memory: its rows and columns are some bytes
// apart.
type square struct {
	base     reg.Register
	row, col reg.Register
}

// toTile generates the transformation of n×n pixels to tiles of side×side, for one
// vector of channels at a time:
//
//	n×n vectors in memory ── columns: l down each ──▶ side×n in registers, in passes
//	                      ── rows: l along each    ──▶ side×side, each to its matrix
//
// says is the line's name in the comment of the function.
func toTile(t tier, name, says string, l line, n int) {
	side := l.results()
	tileFunction(t, name, "func(n, width int, dst, src []float32, step, row, q int)",
		fmt.Sprintf("\td[i][j] = src[tile*step+i*row+j*width+f], for i, j < %d", n),
		"\tthe columns of t are "+says+" of those of d, the rows of u of those of t; then",
		fmt.Sprintf("\tdst[(%d*i+j)*q+tile*width+f] = u[i][j]", side))
	width, row := size("width"), size("row")
	dst, src := slice("dst"), slice("src")
	m := newMatrices(side)
	eachTile(t, width, func(v vector, f reg.Register) {
		image, to := square{start(src, f), row, width}, start(dst, f)
		// A pass reads all columns of the square for some rows of the result.
		for _, want := range l.passes(v, n) {
			half := columns(v, l, want, image, n, n)
			for _, i := range want {
				p := m.rowOf(to, i)
				l.run(v, half.row(i), all, func(j int, u reg.VecVirtual) { storeAhead(u, m.element(p, j)) })
			}
		}
	}, func() {
		ADDQ(width, dst)
		advance(src, "step")
	})
}

// storeAhead stores a vector and asks for the line of the cache behind it, where the
// next vector of this matrix will go: the processor sees no pattern in the stores to
// so many matrices.
func storeAhead(u reg.VecVirtual, to Mem) {
	const line = 64
	VMOVUPS(u, to)
	to.Disp += line
	PREFETCHT0(to)
}

// all lists the results of the longest line.
var all = wanted{0, 1, 2, 3, 4, 5}

// combineTiles generates the transformation of tiles to n×n pixels, of which the last
// rows and columns may be left out.
func combineTiles(t tier, side, n int) {
	fromTile(t, fmt.Sprintf("winogradCombine%d%d", side, n), "func(n, width int, dst, src []float32, step, row, q, rows, cols int)",
		fmt.Sprintf("combineLine(%d, %d, …)", side, n), "for i < rows and j < cols, each 1 at least, dst[tile*step+i*row+j*width+f] = u[i][j]",
		combineLine(side, n), side, pixelStore{
			unless: unlessAbove,
			put:    func(_ vector, u reg.VecVirtual, to Mem) { VMOVUPS(u, to) },
		})
}

// unlessAbove generates a test around do, which runs if the parameter is above n. A
// parameter is at least 1, so that there is no test for n = 0.
func unlessAbove(param string, n int, do func()) {
	if n == 0 {
		do()
		return
	}
	skip := label("beyond")
	CMPQ(parameter(param), U8(n))
	JLE(LabelRef(skip))
	do()
	Label(skip)
}

// spreadTiles generates the sum of tiles that overlap: pixels are read, added to and
// written, tile after tile.
func spreadTiles(t tier, side int) {
	fromTile(t, fmt.Sprintf("winogradSpread%d", side), "func(n, width int, dst, src []float32, step, row, q int)",
		fmt.Sprintf("spreadLine(%d, …)", side), "dst[tile*step+i*row+j*width+f] += u[i][j]",
		spreadLine(side), side, pixelStore{
			unless: func(_ string, _ int, do func()) { do() },
			put:    func(v vector, u reg.VecVirtual, to Mem) { VMOVUPS(v.plus(u, to), to) },
		})
}

// pixelStore says how a transformation's pixels are stored: put writes one of them.
// unless is unlessAbove where the function has the parameters rows and cols, and else
// calls do at once.
type pixelStore struct {
	unless func(param string, n int, do func())
	put    func(v vector, u reg.VecVirtual, to Mem)
}

// fromTile generates a transformation of tiles to as many pixels a side as the line
// has results: toTile the other way, with the same two steps.
func fromTile(t tier, name, signature, says, result string, l line, side int, store pixelStore) {
	tileFunction(t, name, signature,
		fmt.Sprintf("\td[i][j] = src[(%d*i+j)*q+tile*width+f]", side),
		"\tthe columns of t are "+says+" of those of d, the rows of u of those of t; then",
		"\t"+result)
	width, row := size("width"), size("row")
	dst, src := slice("dst"), slice("src")
	m := newMatrices(side)
	eachTile(t, width, func(v vector, f reg.Register) {
		tile, to := square{start(src, f), m.row, m.distance}, start(dst, f)
		// A pass reads the whole tile, in columns, for some rows of pixels.
		for _, want := range l.passes(v, side) {
			half := columns(v, l, want, tile, side, side)
			for _, i := range want {
				store.unless("rows", i, func() {
					p := GP64()
					LEAQ(multiple(to, row, i), p)
					l.run(v, half.row(i), all, func(j int, u reg.VecVirtual) {
						store.unless("cols", j, func() { store.put(v, u, multiple(p, width, j)) })
					})
				})
			}
		}
	}, func() {
		ADDQ(width, src)
		advance(dst, "step")
	})
}

// tileFunction begins a function over tiles and channels.
func tileFunction(t tier, name, signature string, loop ...string) {
	t.function(name, signature, append([]string{"for each of n tiles, at least 1, and each f < width, a multiple of eight:", ""}, loop...)...)
}

// eachTile repeats body for every tile and every vector of channels, which begins
// at byte f, and next after every tile.
func eachTile(t tier, width reg.Register, body func(v vector, f reg.Register), next func()) {
	times("tile", number("n"), func() {
		t.channels(width, body)
		next()
	})
	end()
}

// advance moves a pointer by as many elements as a parameter says.
func advance(pointer reg.Register, param string) {
	n := number(param)
	LEAQ(Mem{Base: pointer, Index: n, Scale: float}, pointer)
}

// matrices says where the elements of the tiles lie: element (i,j) is in matrix
// side·i+j, i rows and j distances from the first. An address has a base and one index
// times 1, 2, 4 or 8; so three and five distances have registers of their own.
type matrices struct {
	distance, three, five reg.Register // between matrices, and some of them
	row                   reg.Register
}

// newMatrices loads the distance and computes its multiples.
func newMatrices(side int) matrices {
	m := matrices{distance: size("q"), three: GP64(), five: GP64(), row: GP64()}
	LEAQ(Mem{Base: m.distance, Index: m.distance, Scale: 2}, m.three)
	LEAQ(Mem{Base: m.distance, Index: m.distance, Scale: 4}, m.five)
	if side == 4 {
		LEAQ(at(m.three, m.distance), m.row)
	} else {
		LEAQ(at(m.five, m.distance), m.row)
	}
	return m
}

// rowOf is a pointer to row i.
func (m matrices) rowOf(base reg.Register, i int) reg.Register {
	p := GP64()
	LEAQ(multiple(base, m.row, i), p)
	return p
}

// element addresses the jth element of a row.
func (m matrices) element(row reg.Register, j int) Mem {
	switch j {
	case 3:
		return at(row, m.three)
	case 5:
		return at(row, m.five)
	}
	return multiple(row, m.distance, j)
}

// half is the result of the transformation of columns: some rows, by their numbers, in
// registers. A tile is half done then.
type half map[int][]reg.VecVirtual

// row returns the values of row i, in the form that a line takes.
func (h half) row(i int) func(j int) Op { return func(j int) Op { return h[i][j] } }

// columns transforms the columns of a square of rows×cols vectors, to the wanted
// results.
func columns(v vector, l line, want wanted, s square, rows, cols int) half {
	h := half{}
	// Rows 0 to 2 are addressed from p, rows 3 to 5 from lower: two strides at most
	// fit into an address.
	p := GP64()
	MOVQ(s.base, p)
	var lower reg.Register
	if rows > 3 {
		lower = GP64()
		LEAQ(multiple(p, s.row, 3), lower)
	}
	for j := range cols {
		l.run(v, func(i int) Op {
			if i < 3 {
				return multiple(p, s.row, i)
			}
			return multiple(lower, s.row, i-3)
		}, want, func(i int, y reg.VecVirtual) { h[i] = append(h[i], y) })
		if j < cols-1 {
			ADDQ(s.col, p)
			if rows > 3 {
				ADDQ(s.col, lower)
			}
		}
	}
	return h
}

// winogradTable lists the transformations of a tier.
func winogradTable(t tier) string {
	var b strings.Builder
	b.WriteString("\twinograd: winogradLoops{\n")
	for _, kind := range []string{"image", "spread"} {
		name := "winograd" + strings.ToUpper(kind[:1]) + kind[1:]
		fmt.Fprintf(&b, "\t\t%s: [...]tileLoop{4: %s4%s, 6: %s6%s},\n", kind, name, t.name, name, t.name)
	}
	for _, kind := range []string{"evaluate", "combine"} {
		name := "winograd" + strings.ToUpper(kind[:1]) + kind[1:]
		loop := map[string]string{"evaluate": "tileLoop", "combine": "pixelLoop"}[kind]
		fmt.Fprintf(&b, "\t\t%s: [...][maxSide]%s{\n", kind, loop)
		for _, side := range []int{4, 6} {
			fmt.Fprintf(&b, "\t\t\t%d: {\n", side)
			for n := 2; n < side; n++ {
				fmt.Fprintf(&b, "\t\t\t\t%d: %s%d%d%s,\n", n, name, side, n, t.name)
			}
			b.WriteString("\t\t\t},\n")
		}
		b.WriteString("\t\t},\n")
	}
	b.WriteString("\t\tfinish: [...][maxSide]finishLoop{\n")
	for _, side := range []int{4, 6} {
		fmt.Fprintf(&b, "\t\t\t%d: {\n", side)
		for n := 2; n < side; n += 2 {
			fmt.Fprintf(&b, "\t\t\t\t%d: winogradFinish%d%d%s,\n", n, side, n, t.name)
		}
		b.WriteString("\t\t\t},\n")
	}
	b.WriteString("\t\t},\n\t},\n")
	return b.String()
}
