// Command vector writes the amd64 assembly of the loops over vectors and its Go
// stubs. Run it with go generate, in the folder of package kernel.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes of a float32 and of a vector of eight.
const (
	float = 4
	lane  = 8 * float
)

// Predicates of VCMPPS.
const (
	unordered      = 0x03 // a or b is NaN
	notLessOrEqual = 0x16 // !(a <= b)
	less           = 0x11 // a < b
	greater        = 0x1E // a > b
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
	poolings()
	Generate()
}

// function begins a function whose comment is the loop that it implements.
func function(name, signature string, loop ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " is", ""}, loop...)...)
}

// slice loads the pointer of a parameter.
func slice(param string) reg.Register { return Load(Param(param).Base(), GP64()) }

// broadcast fills a vector with a float32 parameter.
func broadcast(param string) reg.VecVirtual {
	v := YMM()
	address, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, v)
	return v
}

// zero returns a vector of zeros.
func zero() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// load reads a vector.
func load(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

// blocks generates a function that is a loop over the blocks of eight elements
// of the parameter over; body gets the offset in bytes.
func blocks(over string, body func(offset reg.Register)) {
	loop(over, body)
	VZEROUPPER()
	RET()
}

// loop generates the loop of blocks.
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
