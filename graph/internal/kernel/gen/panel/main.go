// Command panel writes the amd64 assembly of the tiles that convolutions and
// products with prepared weights consist of, and their Go stubs. Run it with go
// generate, in the folder of package gemm.
//
// A tile here differs from a tile of gen/gemm in three things: its rows of B lie one
// behind the other in a panel, so that B is one pointer; A has three strides, along a
// pixel's channels, a window's columns and its rows; and it ends with shift, residual
// and limits while the sums are in registers.
//
//	rows of A: output pixels        panel: Depth rows of columns
//	 j ─▶ k channels │ k │ k  q=0      ┌ row 0 ┐  one pass from the first row to the
//	      k channels │ k │ k  q=1      │ row 1 │  last, whatever A does
//	      p=0          1   2           └ …     ┘
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tableFile is where the table of the tiles goes; package build has the flags of the other
// files.
var tableFile = flag.String("table", "", "file of the table of the tiles")

func main() {
	flag.Parse()
	ConstraintExpr("!noasm")
	for _, s := range shapes {
		for rows := 1; rows <= s.maxRows; rows++ {
			tile(s, rows)
		}
	}
	stream("AVX512", 16, ZMM)
	stream("AVX2", 8, YMM)
	if err := os.WriteFile(*tableFile, []byte(table()), 0o644); err != nil {
		log.Fatal(err)
	}
	Generate()
}

// shape describes the tiles of one kind, which differ in their rows alone.
type shape struct {
	name    string
	maxRows int // rows of the largest tile
	vectors int // vectors of columns
	lanes   int // float32 values in a vector
	vector  func() reg.VecVirtual
	evex    bool // the instructions of AVX-512
}

// shapes are the widths of panels by tier, the widest first. Fourteen rows of two
// vectors are 28 sums of AVX-512's 32 registers, which leaves two for the columns and
// one for an element of A. Six rows of two are 12 of AVX2's 16. With one vector of
// columns the tile is as high as the pointers to its rows allow.
var shapes = []shape{
	{"AVX512Cols32", 14, 2, 16, ZMM, true},
	{"AVX512Cols16", 14, 1, 16, ZMM, true},
	{"AVX512Cols8", 14, 1, 8, YMM, true},
	{"AVX2Cols16", 6, 2, 8, YMM, false},
	{"AVX2Cols8", 12, 1, 8, YMM, false},
}

// float is the size of a float32 in bytes.
const float = 4

// tile generates one tile, a gemm.panelFunc of fixed rows and columns. The sums stay in
// registers until they are finished.
func tile(s shape, rows int) {
	name := fmt.Sprintf("panel%sRows%d", s.name, rows)
	TEXT(name, NOSPLIT, "func(k, mid, outer int, a *float32, aRow, aMid, aOuter int, b, c *float32, cRow int, shift, residual *float32, residualRow int, low, high float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is a panelFunc of %d rows and %d columns.", name, rows, s.vectors*s.lanes))

	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		for range s.vectors {
			v := s.vector()
			if s.evex {
				VPXORD(v, v, v)
			} else {
				VXORPS(v, v, v)
			}
			sums[i] = append(sums[i], v)
		}
	}
	multiply(s, sums)
	finish(s, sums)
	VZEROUPPER()
	RET()
}

// stream generates the product of a row with a few rows of a matrix, whose columns
// are read in the order in which they lie in memory. Four vectors of columns have
// their sums in registers while the rows go by:
//
//	x[0] · w row 0 │ v v v v │ v v v v │ …
//	x[1] · w row 1 │ v v v v │ …
//	          y    │ + + + + │ then the next four
func stream(tier string, lanes int, vector func() reg.VecVirtual) {
	const vectors = 4
	name := "stream" + tier
	TEXT(name, NOSPLIT, "func(rows, cols int, x, w *float32, wRow int, y *float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of streamGo for a multiple of %d columns.", name, vectors*lanes))
	w, wRow := Load(Param("w"), GP64()), stride("wRow")
	y, cols := Load(Param("y"), GP64()), Load(Param("cols"), GP64())
	Label("columns")
	var sums [vectors]reg.VecVirtual
	for j := range sums {
		sums[j] = vector()
		VMOVUPS(Mem{Base: y, Disp: j * lanes * float}, sums[j])
	}
	// All rows for these columns, then the next columns from the first row on.
	x, rows, row := Load(Param("x"), GP64()), Load(Param("rows"), GP64()), GP64()
	MOVQ(w, row)
	Label("row")
	v := vector()
	VBROADCASTSS(Mem{Base: x}, v)
	for j, sum := range sums {
		VFMADD231PS(Mem{Base: row, Disp: j * lanes * float}, v, sum)
	}
	ADDQ(U8(float), x)
	ADDQ(wRow, row)
	DECQ(rows)
	JNZ(LabelRef("row"))
	for j, sum := range sums {
		VMOVUPS(sum, Mem{Base: y, Disp: j * lanes * float})
	}
	ADDQ(U32(vectors*lanes*float), y)
	ADDQ(U32(vectors*lanes*float), w)
	SUBQ(U8(vectors*lanes), cols)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// ahead is how far, in bytes, the tile asks for its columns before it needs them: eight
// rows of 32 columns. A panel comes from the second cache or from memory.
const ahead = 1024

// multiply adds the outer·mid·k products of the tile to its sums. The rows of b
// lie one behind the other; a moves on by its strides: one element in the inner loop,
// aMid less k elements behind it, and so on. Strides are read from memory where they
// are needed: the pointers to rows take the registers.
func multiply(s shape, sums [][]reg.VecVirtual) {
	aRow := stride("aRow")
	b := Load(Param("b"), GP64())
	a := rowPointers(Load(Param("a"), GP64()), aRow, len(sums))
	columns := make([]reg.VecVirtual, s.vectors)

	// Three loops: rows of the window, its pixels, their channels.
	outer := Load(Param("outer"), GP64())
	Label("outer")
	mid := Load(Param("mid"), GP64())
	Label("mid")
	k := Load(Param("k"), GP64())
	Label("loop")
	// One step: a row of the panel, an element of every row of a.
	for j := range columns {
		columns[j] = s.vector()
		VMOVUPS(Mem{Base: b, Disp: j * s.lanes * float}, columns[j])
	}
	for j := range s.vectors * s.lanes / 16 {
		PREFETCHT0(Mem{Base: b, Disp: ahead + j*64})
	}
	SUBQ(I8(-s.vectors*s.lanes*float), b) // as ADDQ of 128 has no short form
	for i, sum := range sums {
		if s.evex && s.vectors == 1 {
			VFMADD231PS_BCST(element(a, aRow, i), columns[0], sum[0])
			continue
		}
		x := s.vector()
		VBROADCASTSS(element(a, aRow, i), x)
		for j, y := range columns {
			VFMADD231PS(y, x, sum[j])
		}
	}
	for _, p := range a {
		ADDQ(U8(float), p)
	}
	DECQ(k)
	JNZ(LabelRef("loop"))
	// The inner loop has gone k elements: to the next pixel it is aMid - k.
	back := GP64()
	move(a, "aMid", "k", back)
	DECQ(mid)
	JNZ(LabelRef("mid"))
	// The mid loop has gone mid·aMid: the outer stride counts from where it began.
	n := GP64()
	MOVQ(mustParam("mid"), n)
	IMULQ(mustParam("aMid"), n)
	by := GP64()
	MOVQ(mustParam("aOuter"), by)
	SUBQ(n, by)
	SHLQ(U8(2), by)
	for _, p := range a {
		ADDQ(by, p)
	}
	DECQ(outer)
	JNZ(LabelRef("outer"))
}

// move advances pointers by the parameter stride less the parameter gone, in elements:
// a loop has gone the latter already.
func move(a []reg.Register, stride, gone string, by reg.GPVirtual) {
	MOVQ(mustParam(stride), by)
	SUBQ(mustParam(gone), by)
	SHLQ(U8(2), by)
	for _, p := range a {
		ADDQ(by, p)
	}
}

// mustParam is where a parameter lies.
func mustParam(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// finish adds shift and residual to the sums, limits them and writes them to c, in the
// order of gemm.panelFunc: each is an instruction of its own, and rounds by itself.
func finish(s shape, sums [][]reg.VecVirtual) {
	shift := Load(Param("shift"), GP64())
	for j := range s.vectors {
		v := s.vector()
		VMOVUPS(Mem{Base: shift, Disp: j * s.lanes * float}, v)
		for _, sum := range sums {
			VADDPS(v, sum[j], sum[j])
		}
	}
	// A residual is added if there is one: the same test for all tiles of a run.
	residual := Load(Param("residual"), GP64())
	TESTQ(residual, residual)
	JZ(LabelRef("limit"))
	row := stride("residualRow")
	for _, sum := range sums {
		for j, v := range sum {
			VADDPS(Mem{Base: residual, Disp: j * s.lanes * float}, v, v)
		}
		ADDQ(row, residual)
	}
	Label("limit")
	low, high := s.vector(), s.vector()
	VBROADCASTSS(mustParam("low"), low)
	VBROADCASTSS(mustParam("high"), high)
	c, cRow := Load(Param("c"), GP64()), stride("cRow")
	for _, sum := range sums {
		for j, v := range sum {
			VMAXPS(v, low, v) // a NaN of v stays
			VMINPS(v, high, v)
			VMOVUPS(v, Mem{Base: c, Disp: j * s.lanes * float})
		}
		ADDQ(cRow, c)
	}
}

// stride loads a parameter that counts elements and turns it into bytes.
func stride(param string) reg.Register {
	v := Load(Param(param), GP64())
	SHLQ(U8(2), v)
	return v
}

// rowPointers returns pointers to every third row of a matrix: with the row
// stride as an index, scaled by 0, 1 or 2, they reach all. Five pointers reach
// fourteen rows.
func rowPointers(base, stride reg.Register, rows int) []reg.Register {
	p := []reg.Register{base}
	for i := 3; i < rows; i += 3 {
		q := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: stride, Scale: 2}, q)
		ADDQ(stride, q)
		p = append(p, q)
	}
	return p
}

// element addresses the element that row i has come to.
func element(p []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

// table returns the Go file that lists the tiles by tier.
func table() string {
	var b strings.Builder
	b.WriteString("// Code generated by gen/panel. DO NOT EDIT.\n\n//go:build !noasm\n\npackage gemm\n")
	for _, tier := range []string{"AVX512", "AVX2"} {
		fmt.Fprintf(&b, "\nvar panels%s = []*panelTiles[float32]{\n", tier)
		for _, s := range shapes {
			if !strings.HasPrefix(s.name, tier+"Cols") {
				continue
			}
			fmt.Fprintf(&b, "\t{%d, []panelFunc[float32]{\n", s.vectors*s.lanes)
			for rows := 1; rows <= s.maxRows; rows++ {
				fmt.Fprintf(&b, "\t\tpanel%sRows%d,\n", s.name, rows)
			}
			b.WriteString("\t}},\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}
