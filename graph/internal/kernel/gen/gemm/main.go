// Command gemm writes the amd64 assembly of the matrix product and its Go stubs. Run it with go generate, in the folder of package kernel.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	for _, s := range []isa{avx512, avx2} {
		for rows := 1; rows <= s.maxRows; rows++ {
			tile(s, rows)
		}
	}
	transpose()
	Generate()
}

// isa is what the tiles of one instruction set differ in.
type isa struct {
	name    string
	maxRows int // rows of the largest tile; a tile has two vectors of columns
	lanes   int // float32 values in a vector
	vector  func() reg.VecVirtual
	zero    func(v reg.VecVirtual)
}

var (
	avx512 = isa{"AVX512", 12, 16, ZMM, func(v reg.VecVirtual) { VPXORD(v, v, v) }}
	avx2   = isa{"AVX2", 6, 8, YMM, func(v reg.VecVirtual) { VXORPS(v, v, v) }}
)

// float is the size of a float32 in bytes.
const float = 4

// tile generates the product of a strip of rows of A and a panel of B. The sums stay in registers, two vectors a row.
func tile(s isa, rows int) {
	name := fmt.Sprintf("tile%sRows%d", s.name, rows)
	TEXT(name, NOSPLIT, "func(k int, a []float32, aRow, aCol int, b []float32, bRow int, c []float32, ldc int, accumulate bool)")
	Pragma("noescape")
	Doc(doc(name, rows, 2*s.lanes)...)

	sums := make([][2]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = [2]reg.VecVirtual{s.vector(), s.vector()}
		s.zero(sums[i][0])
		s.zero(sums[i][1])
	}
	multiply(s, sums)
	store(s, sums)
	VZEROUPPER()
	RET()
}

// doc is the comment of a tile's stub: the loop it implements.
func doc(name string, rows, cols int) []string {
	return []string{
		name + " is, with fma(x, y, z) = x*y+z rounded once,",
		"",
		fmt.Sprintf("\tfor i := range %d {", rows),
		fmt.Sprintf("\t\tfor j := range %d {", cols),
		"\t\t\tsum := float32(0)",
		"\t\t\tfor p := range k {",
		"\t\t\t\tsum = fma(a[i*aRow+p*aCol], b[p*bRow+j], sum)",
		"\t\t\t}",
		"\t\t\tif accumulate {",
		"\t\t\t\tsum += c[i*ldc+j]",
		"\t\t\t}",
		"\t\t\tc[i*ldc+j] = sum",
		"\t\t}",
		"\t}",
	}
}

// multiply adds the k products of the tile to its sums.
func multiply(s isa, sums [][2]reg.VecVirtual) {
	k := Load(Param("k"), GP64())
	aRow, aCol, bRow := stride("aRow"), stride("aCol"), stride("bRow")
	b := Load(Param("b").Base(), GP64())
	a := rowPointers(Load(Param("a").Base(), GP64()), aRow, len(sums))
	b0, b1 := s.vector(), s.vector()

	TESTQ(k, k)
	JZ(LabelRef("store"))
	Label("loop")
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: s.lanes * float}, b1)
	ADDQ(bRow, b)
	for i, sum := range sums {
		x := s.vector()
		VBROADCASTSS(element(a, aRow, i), x)
		VFMADD231PS(b0, x, sum[0])
		VFMADD231PS(b1, x, sum[1])
	}
	for _, p := range a {
		ADDQ(aCol, p)
	}
	DECQ(k)
	JNZ(LabelRef("loop"))
}

// store writes the sums to C, or adds them to it.
func store(s isa, sums [][2]reg.VecVirtual) {
	Label("store")
	c := Load(Param("c").Base(), GP64())
	ldc := stride("ldc")
	accumulate := Load(Param("accumulate"), GP8())
	TESTB(accumulate, accumulate)
	JZ(LabelRef("overwrite"))
	row := GP64()
	MOVQ(c, row)
	for _, sum := range sums {
		VADDPS(Mem{Base: row}, sum[0], sum[0])
		VADDPS(Mem{Base: row, Disp: s.lanes * float}, sum[1], sum[1])
		ADDQ(ldc, row)
	}
	Label("overwrite")
	for _, sum := range sums {
		VMOVUPS(sum[0], Mem{Base: c})
		VMOVUPS(sum[1], Mem{Base: c, Disp: s.lanes * float})
		ADDQ(ldc, c)
	}
}

// stride loads a parameter that counts elements and turns it into bytes.
func stride(param string) reg.Register {
	v := Load(Param(param), GP64())
	SHLQ(U8(2), v)
	return v
}

// rowPointers returns pointers to every third row of a matrix: with the row stride as an index, scaled by 0, 1 or 2, they reach all.
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

// element addresses what row i's pointer, one of rowPointers, has come to.
func element(p []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

// transpose generates the transposition of blocks of 8×8 elements.
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

// transposed transposes the matrix whose rows are in x: first pairs of rows, then fours, then the halves of the vectors.
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
