// Command plane writes the amd64 assembly of the loops over planes, its Go stubs
// and the table of both. Run it with go generate, in the folder of package plane.
//
// A vector holds pixels of a row here, not channels. Both loops (loops.go) go row by
// row of the output, and keep their sums in registers:
//
//	correlate   sums: 32 pixels of some filters, of one row; weights pass by
//	gradient    sums: some weights of some filters, 16 each; the image passes by
//
// The last pixels of a row go under masks: stores of correlate, loads of gradient.
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

	"tapenet/graph/internal/kernel/gen/asm"
)

// tableFile is where the table of the loops goes; package build has the flags of the other
// files.
var tableFile = flag.String("table", "", "file of the table of the loops")

func main() {
	flag.Parse()
	ConstraintExpr("!noasm")
	for _, t := range tiers {
		for filters := 1; filters <= t.filters; filters++ {
			correlate(t, filters)
		}
		for columns := 1; columns <= maxColumns; columns++ {
			for filters := 1; filters <= t.gradients; filters++ {
				gradient(t, columns, filters)
			}
		}
	}
	if err := os.WriteFile(*tableFile, []byte(table()), 0o644); err != nil {
		log.Fatal(err)
	}
	Generate()
}

const (
	float      = asm.Float
	block      = 32 // pixels of a row that correlate works on at a time
	half       = 16 // pixels that gradient works on at a time: a weight has as many sums
	maxColumns = 3  // of a filter, that gradient works on at a time
)

// tier is an instruction set.
type tier struct {
	name      string
	lanes     int // pixels in a vector
	filters   int // that correlate works on at a time
	gradients int // likewise of gradient
	vector    func() reg.VecVirtual
}

// tiers: eight filters of 32 pixels are 16 sums of AVX-512, beside two vectors of
// pixels and a weight; three are 12 of AVX2, beside three weights and a vector of
// pixels. In gradient six filters times three columns are 18 sums, and on AVX2 two
// times three, of two vectors each, are 12.
var tiers = []tier{
	{"AVX512", 16, 8, 6, ZMM},
	{"AVX2", 8, 3, 2, YMM},
}

// bytes is the size of a vector.
func (t tier) bytes() int { return t.lanes * float }

// zeros returns n vectors of zeros.
func (t tier) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		if v[i] = t.vector(); t.lanes == 16 {
			VPXORD(v[i], v[i], v[i])
		} else {
			VXORPS(v[i], v[i], v[i])
		}
	}
	return v
}

// masks select the first pixels of a block. Each vector of the block has one:
//
//	n = 21 of 32 pixels, AVX-512   1111111111111111 │ 1111100000000000
//	AVX2                           8 ones │ 8 ones │ 5 ones, 3 zeros │ zeros
type masks struct {
	evex []reg.Register // of AVX-512
	from reg.Register   // where AVX2's begin
}

// first returns the masks of the first n pixels of a block of so many. It spoils n.
// AVX-512 shifts bits into mask registers, for which n has to be in CL. AVX2 reads its
// masks from the table of selection, n elements before its middle.
func (t tier) first(n reg.GPVirtual, pixels int) (m masks) {
	if t.lanes == 8 {
		m.from = GP64()
		LEAQ(selection(), m.from)
		SHLQ(U8(2), n)
		SUBQ(n, m.from)
		ADDQ(U32(block*float), m.from)
		return m
	}
	bits := GP64()
	MOVQ(n, reg.RCX)
	MOVQ(U32(1), bits)
	SHLQ(reg.CL, bits)
	DECQ(bits)
	for range pixels / t.lanes {
		k := K()
		KMOVW(bits.As32(), k)
		SHRQ(U8(t.lanes), bits)
		m.evex = append(m.evex, k)
	}
	return m
}

// mask loads AVX2's mask of vector i. Sixteen registers have no room for all four.
func (m masks) mask(i int) reg.VecVirtual { return asm.Read(Mem{Base: m.from, Disp: i * 8 * float}) }

// selected is the table of selection, once it is needed.
var selected Mem

// selection is a block of ones and then one of zeros, as masks of AVX2.
func selection() Mem {
	if selected.Symbol.Name == "" {
		selected = GLOBL("selection", 16|8) // RODATA and NOPTR
		for i := range 2 * block {
			DATA(i*4, U32(0xffffffff*(1-uint64(i/block))))
		}
	}
	return selected
}

// store writes the ith vector of a block, as far as the masks select it.
func (t tier) store(v reg.VecVirtual, to Mem, m masks, i int) {
	if t.lanes == 16 {
		VMOVUPS(v, m.evex[i], to)
	} else {
		VMASKMOVPS(v, m.mask(i), to)
	}
}

// load reads the ith vector of a block, zero where the masks do not select it. It
// reads all of it without masks.
func (t tier) load(from Mem, m *masks, i int) reg.VecVirtual {
	v := t.vector()
	switch {
	case m == nil:
		VMOVUPS(from, v)
	case t.lanes == 16:
		VMOVUPS_Z(from, m.evex[i], v)
	default:
		VMASKMOVPS(from, m.mask(i), v)
	}
	return v
}

// function begins a function, whose comment says what it is.
func function(name, signature, doc string) {
	TEXT(name, 4, signature) // NOSPLIT
	Pragma("noescape")
	Doc(name + " is " + doc)
}

// number loads a parameter that is an integer or a pointer.
func number(param string) reg.GPVirtual { return Load(Param(param), GP64()).(reg.GPVirtual) }

// size loads a parameter that counts elements, as a number of bytes.
func size(param string) reg.GPVirtual {
	v := number(param)
	SHLQ(U8(2), v)
	return v
}

// pointers returns pointers to every third row: with the stride as an index, scaled
// by 0, 1 or 2, they reach all.
func pointers(base, stride reg.Register, rows int) []reg.Register {
	p := []reg.Register{base}
	for i := 3; i < rows; i += 3 {
		q := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: stride, Scale: 2}, q)
		ADDQ(stride, q)
		p = append(p, q)
	}
	return p
}

// element addresses row i, through pointers.
func element(p []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

// table returns the Go file that lists the functions of every tier.
func table() string {
	var b strings.Builder
	fmt.Fprint(&b, "// Code generated by gen/plane. DO NOT EDIT.\n\n//go:build !noasm\n\npackage plane\n")
	for _, t := range tiers {
		fmt.Fprintf(&b, "\nvar loops%s = tierLoops{\n\tcorrelate: []correlateFunc{\n", t.name)
		for f := 1; f <= t.filters; f++ {
			fmt.Fprintf(&b, "\t\t%s,\n", correlateName(t, f))
		}
		fmt.Fprint(&b, "\t},\n\tgradient: [maxColumns][]gradientFunc{\n")
		for v := 1; v <= maxColumns; v++ {
			fmt.Fprint(&b, "\t\t{")
			for f := 1; f <= t.gradients; f++ {
				fmt.Fprintf(&b, "%s%s", []string{"", ", "}[min(f-1, 1)], gradientName(t, v, f))
			}
			fmt.Fprint(&b, "},\n")
		}
		fmt.Fprint(&b, "\t},\n}\n")
	}
	return b.String()
}
