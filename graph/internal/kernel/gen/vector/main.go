// Command vector writes the amd64 assembly of the loops over vectors and its Go
// stubs. Run it with go generate, in the folder of package vector.
//
// avo is a library that a program calls once for each instruction: VADDPS(x, y, z)
// below writes one line of assembly. Registers are virtual until the function is
// complete. Operands stand in the order of Go's assembler, the reverse of Intel's: the
// destination is last, and VSUBPS(b, a, d) is d = a - b.
//
//	blocks     loops by blocks of eight, in AVX2: this file, update.go, norm.go, pool.go
//	lanes.go   a small language for loops of either width, in which activation.go,
//	           exponential.go, power.go, elementwise.go, rows.go and rownorm.go are written
//
// In comments a loop is Go, or nearly: "each operation is rounded" says that products
// are not fused, so that plain Go has the same bits.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"tapenet/graph/internal/kernel/gen/asm"
)

// lane is the size of a vector in bytes.
const lane = asm.Lanes * float

// Names of package asm that read well here.
const (
	float          = asm.Float
	unordered      = asm.Unordered
	notLessOrEqual = asm.NotLessOrEqual
	less           = asm.Less
	greater        = asm.Greater
)

var (
	function  = asm.Begin
	slice     = asm.Slice
	broadcast = asm.Broadcast
	zero      = asm.Zero
	load      = asm.Read
)

func main() {
	ConstraintExpr("!noasm")
	relu()
	reluGrad()
	add()
	addScalar()
	average()
	sgd()
	momentum()
	nesterov()
	rms()
	adam()
	lion()
	norms()
	activations()
	intervals()
	softMaxes()
	rowNorms()
	elementwise()
	poolings()
	Generate()
}

// blocks generates a function that is a loop over the blocks of eight elements
// of the parameter over; body gets the offset in bytes. The caller of the function
// guarantees a multiple of eight, of which zero is one.
func blocks(over string, body func(offset reg.Register)) {
	loop(over, body)
	VZEROUPPER()
	RET()
}

// loop generates the loop of blocks, after which a function may go on: sums are
// added up there.
func loop(over string, body func(offset reg.Register)) {
	n := Load(Param(over).Len(), GP64())
	i := GP64()
	XORQ(i, i)
	SHLQ(U8(2), n)
	Label("loop")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	body(i)
	ADDQ(U8(lane), i)
	JMP(LabelRef("loop"))
	Label("done")
}

// block addresses the block at an offset.
func block(base, offset reg.Register) Mem { return Mem{Base: base, Index: offset, Scale: 1} }

// relu generates the loop of ReLU. Where the comparison "not at most 0" holds the mask
// has all bits set, and x stays; a NaN compares so, and stays too.
func relu() {
	function("reluAVX2", "func(y, x []float32)",
		"\tfor i := range y { // a multiple of eight",
		"\t\tif y[i] = x[i]; x[i] <= 0 {",
		"\t\t\ty[i] = 0",
		"\t\t}",
		"\t}")
	y, x, none := slice("y"), slice("x"), zero()
	blocks("y", func(i reg.Register) {
		v, keep := load(block(x, i)), YMM()
		VCMPPS(U8(notLessOrEqual), none, v, keep)
		VANDPS(keep, v, v)
		VMOVUPS(v, block(y, i))
	})
}

// reluGrad generates the gradient of relu: the same mask on dy.
func reluGrad() {
	function("reluGradAVX2", "func(dx, dy, x []float32)",
		"\tfor i := range dx { // a multiple of eight",
		"\t\td := dy[i]",
		"\t\tif x[i] <= 0 {",
		"\t\t\td = 0",
		"\t\t}",
		"\t\tdx[i] = d",
		"\t}")
	dx, dy, x, none := slice("dx"), slice("dy"), slice("x"), zero()
	blocks("dx", func(i reg.Register) {
		keep := load(block(x, i))
		VCMPPS(U8(notLessOrEqual), none, keep, keep)
		VANDPS(block(dy, i), keep, keep)
		VMOVUPS(keep, block(dx, i))
	})
}

// add generates the sum in place.
func add() {
	function("addAVX2", "func(dst, src []float32)",
		"\tfor i := range dst { // a multiple of eight",
		"\t\tdst[i] += src[i]",
		"\t}")
	dst, src := slice("dst"), slice("src")
	blocks("dst", func(i reg.Register) {
		v := load(block(dst, i))
		VADDPS(block(src, i), v, v)
		VMOVUPS(v, block(dst, i))
	})
}

// addScalar generates the sum with one number.
func addScalar() {
	function("addScalarAVX2", "func(dst []float32, s float32)",
		"\tfor i := range dst { // a multiple of eight",
		"\t\tdst[i] += s",
		"\t}")
	dst, s := slice("dst"), broadcast("s")
	blocks("dst", func(i reg.Register) {
		v := YMM()
		VADDPS(block(dst, i), s, v)
		VMOVUPS(v, block(dst, i))
	})
}
