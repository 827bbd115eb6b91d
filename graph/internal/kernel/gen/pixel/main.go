// Command pixel writes the amd64 assembly of the loops over images that are
// stored channels last, and its Go stubs. Run it with go generate, in the folder
// of package pixel.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"tapenet/graph/internal/kernel/gen/asm"
)

// What package asm has, under the names that read well here.
const (
	lanes          = asm.Lanes
	float          = asm.Float
	unordered      = asm.Unordered
	notLessOrEqual = asm.NotLessOrEqual
	greater        = asm.Greater
)

var (
	function = asm.Begin
	slice    = asm.Slice
	number   = asm.Number
	zero     = asm.Zero
	load     = asm.Read
)

func main() {
	ConstraintExpr("!noasm")
	largest()
	highest()
	spread()
	sums("sums", "func(sum, x []float32, n, width int)", nil,
		"x[p*width+f]")
	sums("squares", "func(sum, x, mean []float32, n, width int)", squares,
		"(x[p*width+f] - mean[f])²")
	dots()
	normGrad()
	addPatches()
	taps()
	winograd()
	Generate()
}

// at addresses the elements from index on.
func at(base, index reg.Register) Mem { return Mem{Base: base, Index: index, Scale: float} }

// advance moves a pointer by some elements.
func advance(pointer, elements reg.Register) { LEAQ(at(pointer, elements), pointer) }

// times repeats body n times, n being a register that it counts down, at least 1.
func times(label string, n reg.Register, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

// channels repeats body for every vector of channels.
func channels(label string, width reg.Register, body func(f reg.Register)) {
	f := GP64()
	XORQ(f, f)
	Label(label)
	body(f)
	ADDQ(U8(lanes), f)
	CMPQ(f, width)
	JLT(LabelRef(label))
}

func end() {
	VZEROUPPER()
	RET()
}

// addPatches generates the sum of overlapping patches.
func addPatches() {
	function("addPatchesAVX2", "func(dst, src []float32, n, kh, depth, step, row int)",
		"\tfor j := range n { // at least 1, as kh",
		"\t\tfor u := range kh {",
		"\t\t\tfor d := range depth { // a multiple of eight",
		"\t\t\t\tdst[u*row+j*step+d] += src[(j*kh+u)*depth+d]",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	depth, step, row := number("depth"), number("step"), number("row")
	dst, src := slice("dst"), slice("src")
	times("pixel", number("n"), func() {
		p := GP64()
		MOVQ(dst, p)
		times("patchRow", number("kh"), func() {
			channels("weight", depth, func(d reg.Register) {
				v := load(at(src, d))
				VADDPS(at(p, d), v, v)
				VMOVUPS(v, at(p, d))
			})
			advance(src, depth)
			advance(p, row)
		})
		advance(dst, step)
	})
	end()
}
