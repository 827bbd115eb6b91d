// Command gemm writes the amd64 assembly of the matrix product, its Go stubs and
// the table of its tiles. Run it with go generate, in the folder of package gemm.
//
// A tile of AVX-512, 12 rows and 2 vectors of columns, with its registers:
//
//	              columns[0]  columns[1]        a row of the panel, 2 registers
//	a row 0 ─x─▶   sums[0][0]  sums[0][1]
//	a row 1 ─x─▶   sums[1][0]  sums[1][1]       24 registers
//	…
//	a row 11       sums[11][0] sums[11][1]      x: one register, an element of a row
//	                                            of A in all lanes
//
// A step of the inner loop is one column of A and one row of B: 2 loads, 12 broadcasts
// and 24 fused multiply-adds. Each sum is one chain in the order of k: so the bits of
// an element do not depend on the shape of its tile.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tableFile is where the table of the tiles goes; package build has the flags of
// the other files.
var tableFile = flag.String("tiles", "", "file of the table of tiles")

func main() {
	flag.Parse()
	if err := os.WriteFile(*tableFile, table(), 0o644); err != nil {
		log.Fatal(err)
	}
	ConstraintExpr("!noasm")
	// A function for every number of rows: a strip at the end of C is not as high as
	// the others, and a loop over rows would keep the sums in memory.
	for _, t := range tiers {
		for _, s := range slices.Backward(t.shapes) {
			for rows := 1; rows <= s.maxRows; rows++ {
				tile(s, rows)
			}
		}
	}
	transpose()
	transposeNarrow()
	transposeFew()
	Generate()
}

// shape describes the tiles of one kind, which differ in their rows alone.
type shape struct {
	name    string
	maxRows int // rows of the largest tile
	vectors int // vectors of columns
	lanes   int // float32 values in a vector
	vector  func() reg.VecVirtual
	zero    func(v reg.VecVirtual)
	// spread: the multiply-add itself repeats its operand from memory in all lanes.
	// AVX-512 can, and it pays where an element of A has one vector of columns to meet.
	spread bool
}

// cols is the number of columns of a tile.
func (s shape) cols() int { return s.vectors * s.lanes }

// tile is the name of the tile of so many rows.
func (s shape) tile(rows int) string { return fmt.Sprintf("tile%sRows%d", s.name, rows) }

// tier is an instruction set with its kinds of tiles, the narrowest first.
type tier struct {
	name   string
	shapes []shape
}

var tiers = []tier{
	{"AVX512", []shape{avx512Half, avx512Narrow, avx512}},
	{"AVX2", []shape{avx2Narrow, avx2}},
}

// The shapes. A narrow one is for products with few columns, whose wide tile would
// compute columns that nobody wants; with one vector a row more rows fit. Of avx2, 6
// rows of 2 vectors are 12 sums, which leaves 4 of 16 registers for B and A.
var (
	avx512       = shape{"AVX512", 12, 2, 16, ZMM, zeroEVEX, false}
	avx512Narrow = shape{"AVX512Narrow", 12, 1, 16, ZMM, zeroEVEX, true}
	avx512Half   = shape{"AVX512Half", 12, 1, 8, YMM, zeroVEX, true}
	avx2         = shape{"AVX2", 6, 2, 8, YMM, zeroVEX, false}
	avx2Narrow   = shape{"AVX2Narrow", 12, 1, 8, YMM, zeroVEX, false}
)

// zeroEVEX and zeroVEX clear a vector, the first also one of the registers 16 to 31,
// which instructions of AVX2 do not reach.
func zeroEVEX(v reg.VecVirtual) { VPXORD(v, v, v) }
func zeroVEX(v reg.VecVirtual)  { VXORPS(v, v, v) }

// float is the size of a float32 in bytes.
const float = 4

// tile generates the product of a strip of rows of A and a panel of B, see
// gemm.TileFunc. The sums stay in registers.
func tile(s shape, rows int) {
	name := s.tile(rows)
	TEXT(name, NOSPLIT, "func(k, outer int, a []float32, aRow, aCol, aOuter int, b []float32, bRow, bOuter int, c []float32, ldc int, accumulate bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is a TileFunc of %d rows and %d columns.", name, rows, s.cols()))

	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		for range s.vectors {
			v := s.vector()
			s.zero(v)
			sums[i] = append(sums[i], v)
		}
	}
	prefetch(s, rows)
	multiply(s, sums)
	store(s, sums)
	VZEROUPPER()
	RET()
}

// prefetch asks for the lines of C that the tile is stored to, so that they come while
// it is computed.
func prefetch(s shape, rows int) {
	c := Load(Param("c").Base(), GP64())
	ldc := stride("ldc")
	for range rows {
		for at := 0; at < s.cols()*float; at += 64 {
			PREFETCHT0(Mem{Base: c, Disp: at})
		}
		ADDQ(ldc, c)
	}
}

// multiply adds the outer*k products of the tile to its sums. It is two loops:
//
//	outer ─┬─ k: columns = b; sums += a · columns; a += aCol, b += bRow
//	       └─ a and b go to where the next inner loop begins (next)
func multiply(s shape, sums [][]reg.VecVirtual) {
	n := Load(Param("k"), GP64())
	aRow, aCol, bRow := stride("aRow"), stride("aCol"), stride("bRow")
	// From the end of an inner loop to the beginning of the next.
	aNext, bNext := next("aOuter", aCol, n), next("bOuter", bRow, n)
	outer := Load(Param("outer"), GP64())
	b := Load(Param("b").Base(), GP64())
	a := rowPointers(Load(Param("a").Base(), GP64()), aRow, len(sums))
	columns := make([]reg.VecVirtual, s.vectors)

	Label("outer")
	k := Load(Param("k"), GP64())
	Label("loop")
	for j := range columns {
		columns[j] = s.vector()
		VMOVUPS(Mem{Base: b, Disp: j * s.lanes * float}, columns[j])
	}
	ADDQ(bRow, b)
	// Each row of A brings one element, which meets all columns.
	for i, sum := range sums {
		if s.spread {
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
		ADDQ(aCol, p)
	}
	DECQ(k)
	JNZ(LabelRef("loop"))
	ADDQ(bNext, b)
	for _, p := range a {
		ADDQ(aNext, p)
	}
	DECQ(outer)
	JNZ(LabelRef("outer"))
}

// next returns, in bytes, the outer stride less the k inner strides that a pointer has
// gone already.
func next(outer string, inner, k reg.Register) reg.Register {
	gone := GP64()
	MOVQ(k, gone)
	IMULQ(inner, gone)
	v := stride(outer)
	SUBQ(gone, v)
	return v
}

// store writes the sums to C, or adds them to it: then C's rows are added to the sums
// first. The test is on a parameter, once for a tile.
func store(s shape, sums [][]reg.VecVirtual) {
	c := Load(Param("c").Base(), GP64())
	ldc := stride("ldc")
	accumulate := Load(Param("accumulate"), GP8())
	TESTB(accumulate, accumulate)
	JZ(LabelRef("overwrite"))
	row := GP64()
	MOVQ(c, row)
	for _, sum := range sums {
		for j, v := range sum {
			VADDPS(Mem{Base: row, Disp: j * s.lanes * float}, v, v)
		}
		ADDQ(ldc, row)
	}
	Label("overwrite")
	for _, sum := range sums {
		for j, v := range sum {
			VMOVUPS(v, Mem{Base: c, Disp: j * s.lanes * float})
		}
		ADDQ(ldc, c)
	}
}

// stride loads a parameter that counts elements and turns it into bytes.
func stride(param string) reg.Register {
	v := Load(Param(param), GP64())
	SHLQ(U8(2), v)
	return v
}

// rowPointers returns pointers to every third row of a matrix:
//
//	p[0] ─▶ row 0, + stride ─▶ row 1, + 2·stride ─▶ row 2, p[1] ─▶ row 3, …
//
// An x86 address is a base and an index times 1, 2, 4 or 8. So four pointers and the
// stride reach twelve rows, and a step moves four registers on, not twelve.
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

// element addresses the element of row i that the pointers have come to.
func element(p []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}
