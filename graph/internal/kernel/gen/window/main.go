// Command window writes the amd64 assembly of the loops that slide a window over
// pixels, channel by channel: depthwise convolution, maximum and sum. Run it with
// go generate, in the folder of package pixel.
//
// A function is for a fixed number of places and any number of channels:
//
//	for each vector of channels
//	    sums[0 … cols-1] = begin              registers, one for each place
//	    for each pixel (u,v) of the window
//	        weight of (u,v)                   one load for all places
//	        sums[j] = step(sums[j], x of place j under (u,v), weight)
//	    shift, limits, store
//
// Places are xPixel apart, the pixels of a window xColumn and xRow: so strides and
// dilations are numbers, and places may overlap.
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

// tableFile is where the table of the loops goes; package build has the flags of the other
// files.
var tableFile = flag.String("table", "", "file of the table of the loops")

func main() {
	flag.Parse()
	ConstraintExpr("!noasm")
	for _, t := range tiers {
		for _, o := range ops {
			for cols := 1; cols <= t.maxCols; cols++ {
				window(t, o, cols)
			}
		}
	}
	endPixels()
	if err := os.WriteFile(*tableFile, []byte(table()), 0o644); err != nil {
		log.Fatal(err)
	}
	Generate()
}

// tier is an instruction set.
type tier struct {
	name    string
	maxCols int // output pixels that are worked on at once
	lanes   int // channels in a vector
	vector  func() reg.VecVirtual
}

// tiers: fourteen sums, a weight and the bounds leave half of AVX-512's registers
// free; five pointers reach fourteen places, and more general registers there are not.
// AVX2 has sixteen vectors: twelve sums, a weight, and two for larger.
var tiers = []tier{
	{"AVX512", 14, 16, ZMM},
	{"AVX2", 12, 8, YMM},
}

// op is a kind of window: the value that a sum begins with, and the step that takes up
// a pixel x under the weight w. It has the name of a pixel.WindowKind.
type op struct {
	name  string
	begin func(t tier, v reg.VecVirtual)
	step  func(t tier, sum reg.VecVirtual, x Mem, w reg.VecVirtual)
}

var ops = []op{
	{"Dot", zero, func(_ tier, sum reg.VecVirtual, x Mem, w reg.VecVirtual) { VFMADD231PS(x, w, sum) }},
	{"Sum", zero, func(_ tier, sum reg.VecVirtual, x Mem, _ reg.VecVirtual) { VADDPS(x, sum, sum) }},
	{"Max", lowest, larger},
}

// float is the size of a float32 in bytes.
const float = 4

// zero sets a vector to 0.
func zero(t tier, v reg.VecVirtual) {
	if t.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// lowest sets a vector to -Inf.
func lowest(t tier, v reg.VecVirtual) {
	bits := GP32()
	MOVL(U32(0xff800000), bits)
	x := XMM()
	VMOVD(bits, x)
	VBROADCASTSS(x, v)
}

// larger sets sum to the larger one, and to NaN if one of the two is NaN. VMAXPS
// gives x if one is: so where sum is NaN, sum stays.
func larger(t tier, sum reg.VecVirtual, x Mem, _ reg.VecVirtual) {
	const ordered, unordered = 7, 3
	if t.lanes == 16 {
		number := K()
		VCMPPS(U8(ordered), sum, sum, number)
		VMAXPS(x, sum, number, sum)
		return
	}
	nan, most := YMM(), YMM()
	VCMPPS(U8(unordered), sum, sum, nan)
	VMAXPS(x, sum, most)
	VBLENDVPS(nan, sum, most, sum)
}

// window generates one loop for a fixed number of output pixels.
func window(t tier, o op, cols int) {
	name := fmt.Sprintf("window%s%sCols%d", o.name, t.name, cols)
	TEXT(name, NOSPLIT, "func(width, kh, kw int, x *float32, xPixel, xColumn, xRow int, w *float32, wPixel int, y *float32, yPixel int, shift *float32, low, high float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is a windowFunc for %d pixels and a multiple of %d channels.", name, cols, t.lanes))

	f := GP64() // bytes of the channels that are done
	XORQ(f, f)
	Label("channels") // a vector of them; the window is gone through again for each
	sums := make([]reg.VecVirtual, cols)
	for i := range sums {
		sums[i] = t.vector()
		o.begin(t, sums[i])
	}
	slide(t, o, sums, f)
	finish(t, sums, f)
	ADDQ(U8(t.lanes*float), f)
	left := Load(Param("width"), GP64())
	SHLQ(U8(2), left)
	CMPQ(f, left)
	JLT(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

// slide takes the window's pixels, row by row. Between two pixels it moves the
// pointers by xColumn; at the end of a row by xRow, less the columns that they have
// gone. Strides are read from memory again: registers are for the pointers.
func slide(t tier, o op, sums []reg.VecVirtual, f reg.Register) {
	pixel := stride("xPixel")
	x := Load(Param("x"), GP64())
	ADDQ(f, x)
	p := rowPointers(x, pixel, len(sums))
	w := Load(Param("w"), GP64())
	ADDQ(f, w)
	kh := Load(Param("kh"), GP64())
	Label("row")
	kw := Load(Param("kw"), GP64())
	Label("column")
	// Sum and Max have no weights; w then is any memory, and is not read.
	weight := t.vector()
	if o.name == "Dot" {
		VMOVUPS(Mem{Base: w}, weight)
	}
	for i, sum := range sums {
		o.step(t, sum, element(p, pixel, i), weight)
	}
	by := stride("xColumn")
	for _, q := range p {
		ADDQ(by, q)
	}
	next := stride("wPixel")
	ADDQ(next, w)
	DECQ(kw)
	JNZ(LabelRef("column"))
	// A row has gone kw·xColumn: the row stride counts from where it began.
	gone, row := Load(Param("kw"), GP64()), Load(Param("xRow"), GP64())
	IMULQ(mustParam("xColumn"), gone)
	SUBQ(gone, row)
	SHLQ(U8(2), row)
	for _, q := range p {
		ADDQ(row, q)
	}
	DECQ(kh)
	JNZ(LabelRef("row"))
}

// finish adds the shift, limits the results and writes them. The bounds are loaded
// here, as registers are free again.
func finish(t tier, sums []reg.VecVirtual, f reg.Register) {
	low, high := t.vector(), t.vector()
	VBROADCASTSS(mustParam("low"), low)
	VBROADCASTSS(mustParam("high"), high)
	shift := Load(Param("shift"), GP64())
	v := t.vector()
	VMOVUPS(Mem{Base: shift, Index: f, Scale: 1}, v)
	y, yPixel := Load(Param("y"), GP64()), stride("yPixel")
	ADDQ(f, y)
	for _, sum := range sums {
		VADDPS(v, sum, sum)
		VMAXPS(sum, low, sum) // a NaN stays
		VMINPS(sum, high, sum)
		VMOVUPS(sum, Mem{Base: y})
		ADDQ(yPixel, y)
	}
}

// endPixels generates the loop of pixel.End: pixel after pixel, and of each all
// vectors of channels. It reads and writes an image once, at the pace of memory.
// The test for a residual is in the loop and always goes the same way.
func endPixels() {
	TEXT("endPixelsAVX2", NOSPLIT, "func(n, width int, y *float32, yPixel int, x *float32, xPixel int, residual *float32, residualPixel int, shift *float32, low, high float32)")
	Pragma("noescape")
	Doc("endPixelsAVX2 is the loop of End over n pixels of a multiple of 8 channels.")
	low, high := YMM(), YMM()
	VBROADCASTSS(mustParam("low"), low)
	VBROADCASTSS(mustParam("high"), high)
	y, x, residual := Load(Param("y"), GP64()), Load(Param("x"), GP64()), Load(Param("residual"), GP64())
	yPixel, xPixel, residualPixel := stride("yPixel"), stride("xPixel"), stride("residualPixel")
	shift, width, n := Load(Param("shift"), GP64()), stride("width"), Load(Param("n"), GP64())
	Label("pixel")
	f := GP64()
	XORQ(f, f)
	Label("channels")
	v := YMM()
	VMOVUPS(Mem{Base: x, Index: f, Scale: 1}, v)
	VADDPS(Mem{Base: shift, Index: f, Scale: 1}, v, v)
	TESTQ(residual, residual)
	JZ(LabelRef("limit"))
	VADDPS(Mem{Base: residual, Index: f, Scale: 1}, v, v)
	Label("limit")
	VMAXPS(v, low, v)
	VMINPS(v, high, v)
	VMOVUPS(v, Mem{Base: y, Index: f, Scale: 1})
	ADDQ(U8(8*float), f)
	CMPQ(f, width)
	JLT(LabelRef("channels"))
	ADDQ(yPixel, y)
	ADDQ(xPixel, x)
	TESTQ(residual, residual)
	JZ(LabelRef("next"))
	ADDQ(residualPixel, residual)
	Label("next")
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// mustParam is where a parameter lies.
func mustParam(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// stride loads a parameter that counts elements and turns it into bytes.
func stride(param string) reg.Register {
	v := Load(Param(param), GP64())
	SHLQ(U8(2), v)
	return v
}

// rowPointers returns pointers to every third pixel: with the stride as an index,
// scaled by 0, 1 or 2, they reach all.
func rowPointers(base, stride reg.Register, n int) []reg.Register {
	p := []reg.Register{base}
	for i := 3; i < n; i += 3 {
		q := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: stride, Scale: 2}, q)
		ADDQ(stride, q)
		p = append(p, q)
	}
	return p
}

// element addresses pixel i.
func element(p []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

// table returns the Go file that lists the loops by tier and op.
func table() string {
	var b strings.Builder
	b.WriteString("// Code generated by gen/window. DO NOT EDIT.\n\n//go:build !noasm\n\npackage pixel\n")
	for _, t := range tiers {
		fmt.Fprintf(&b, "\nvar windows%s = windowTable{\n", t.name)
		for _, o := range ops {
			fmt.Fprintf(&b, "\t%s: []windowFunc[float32]{\n", strings.ToLower(o.name))
			for cols := 1; cols <= t.maxCols; cols++ {
				fmt.Fprintf(&b, "\t\twindow%s%sCols%d,\n", o.name, t.name, cols)
			}
			b.WriteString("\t},\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}
