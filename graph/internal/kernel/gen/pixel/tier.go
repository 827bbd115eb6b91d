package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// This file is the language that the loops are written in: vectors and their
// operations, loops and addresses. See main.go for the form of a loop.

// tier is an instruction set. Its vectors of channels are tried one after the
// other: as many of the first as fit, then the next. A width of 40 channels is five
// vectors of AVX2, or two of sixteen and one of eight on AVX-512.
type tier struct {
	name    string
	vectors []vector
}

// vector is a kind of vectors.
type vector struct {
	lanes int  // channels
	evex  bool // AVX-512's instructions: masks, factors that are spread on the way
	room  int  // registers that a transformation may keep its intermediate results in
}

var tiers = []tier{
	{"AVX2", []vector{{lanes: 8, room: 12}}},
	{"AVX512", []vector{{lanes: 16, evex: true, room: 24}, {lanes: 8, evex: true, room: 24}}},
}

// widest is the first kind of vectors.
func (t tier) widest() vector { return t.vectors[0] }

// function begins a function of a tier. Its comment is the loop that it implements.
func (t tier) function(name, signature string, loop ...string) {
	used = map[string]int{}
	name += t.name
	TEXT(name, attr.NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " is", ""}, loop...)...)
}

// end ends a function. VZEROUPPER keeps code with vectors of four, such as Go's own,
// from waiting for the upper halves.
func end() {
	VZEROUPPER()
	RET()
}

// slice loads the pointer of a parameter that is a slice, and number loads a parameter
// that is an integer or a pointer.
func slice(param string) reg.Register  { return Load(Param(param).Base(), GP64()) }
func number(param string) reg.Register { return Load(Param(param), GP64()) }

// size loads a parameter that counts elements, as a number of bytes.
func size(param string) reg.Register {
	v := number(param)
	SHLQ(U8(2), v)
	return v
}

// used counts the labels of the function by name.
var used map[string]int

// label is a label that the function has not used yet.
func label(name string) string {
	used[name]++
	if n := used[name]; n > 1 {
		return fmt.Sprint(name, n)
	}
	return name
}

// times repeats body n times, n being a register that it counts down, at least 1.
func times(name string, n reg.Register, body func()) {
	again := label(name)
	Label(again)
	body()
	DECQ(n)
	JNZ(LabelRef(again))
}

// channels repeats body for every vector of channels, which begins at byte f of a
// pixel. The width is in bytes.
func (t tier) channels(width reg.Register, body func(v vector, f reg.Register)) {
	f := GP64()
	XORQ(f, f)
	if len(t.vectors) == 1 {
		t.repeat(t.widest(), f, width, func() { body(t.widest(), f) })
		return
	}
	narrow, done := label("narrow"), label("done")
	whole := GP64()
	MOVQ(width, whole)
	ANDQ(I8(-t.widest().bytes()), whole)
	JZ(LabelRef(narrow))
	t.repeat(t.widest(), f, whole, func() { body(t.widest(), f) })
	CMPQ(f, width)
	JGE(LabelRef(done))
	Label(narrow)
	body(t.vectors[1], f)
	Label(done)
}

// repeat repeats body for every vector of a pixel up to byte end, at least once.
func (t tier) repeat(v vector, f, end reg.Register, body func()) {
	again := label("channels")
	align()
	Label(again)
	body()
	ADDQ(U8(v.bytes()), f)
	CMPQ(f, end)
	JLT(LabelRef(again))
}

// blocks repeats body for blocks of vectors of channels: as many of n of the widest as
// there are, then of half as many and so on. The first vector of a block begins at
// byte f of a pixel.
func (t tier) blocks(n int, width reg.Register, body func(v vector, n int, f reg.Register)) {
	f, next := GP64(), GP64()
	XORQ(f, f)
	block := func(v vector, n int) {
		again, done := label("block"), label("after")
		Label(again)
		LEAQ(Mem{Base: f, Disp: n * v.bytes()}, next)
		CMPQ(next, width)
		JGT(LabelRef(done))
		body(v, n, f)
		ADDQ(U32(n*v.bytes()), f)
		JMP(LabelRef(again))
		Label(done)
	}
	for ; n > 1; n /= 2 {
		block(t.widest(), n)
	}
	for _, v := range t.vectors {
		block(v, 1)
	}
}

// bytes is the size of a vector.
func (v vector) bytes() int { return v.lanes * float }

// register is a new vector.
func (v vector) register() reg.VecVirtual {
	if v.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// part is the first lanes of a vector that may be wider.
func (v vector) part(x reg.VecVirtual) reg.VecVirtual {
	if v.lanes == 16 {
		return x
	}
	return x.AsY().(reg.VecVirtual)
}

// zero is a vector of zeros.
func (v vector) zero() reg.VecVirtual {
	x := v.register()
	if !v.evex {
		VXORPS(x, x, x)
		return x
	}
	clear, err := x86.VPXORD(x, x, x)
	if err != nil {
		panic(err)
	}
	clear.CancellingInputs = true // avo takes it for a reader of x
	Instruction(clear)
	return x
}

// load reads a vector.
func (v vector) load(from Mem) reg.VecVirtual {
	x := v.register()
	VMOVUPS(from, x)
	return x
}

// copied is a vector of its own with the value of an operand.
func (v vector) copied(from Op) reg.VecVirtual {
	x := v.register()
	VMOVUPS(from, x)
	return x
}

// loaded returns an operand as a vector: the operand itself if it is one, or else a new
// one that is read from memory.
func (v vector) loaded(from Op) reg.VecVirtual {
	if x, ok := from.(reg.VecVirtual); ok {
		return x
	}
	return v.copied(from)
}

// plus is a + b.
func (v vector) plus(a reg.VecVirtual, b Op) reg.VecVirtual {
	sum := v.register()
	VADDPS(b, a, sum)
	return sum
}

// minus is a - b.
func (v vector) minus(a reg.VecVirtual, b Op) reg.VecVirtual {
	difference := v.register()
	VSUBPS(b, a, difference)
	return difference
}

// factor calls do with a factor in memory, in the form that the vector's
// instructions want: one that they spread themselves, for spread, or a whole vector.
func (v vector) factor(f float32, do, spread func(ops ...Op)) func(ops ...Op) {
	m := words(math.Float32bits(f))
	if v.evex {
		do = spread
	}
	return func(ops ...Op) { do(append([]Op{m}, ops...)...) }
}

// constants are the vectors of equal words in memory.
var constants = map[uint32]Mem{}

// words are eight times the same word in memory.
func words(w uint32) Mem {
	m, ok := constants[w]
	if !ok {
		m = GLOBL(fmt.Sprintf("words%x", w), attr.RODATA|attr.NOPTR)
		for i := range 8 {
			DATA(i*float, U32(w))
		}
		constants[w] = m
	}
	return m
}

// parameter is where a parameter lies.
func parameter(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// addTimes adds f·x to sum, with one rounding.
func (v vector) addTimes(f float32, x, sum reg.VecVirtual) {
	if f == 1 {
		VADDPS(x, sum, sum)
		return
	}
	v.factor(f, VFMADD231PS, VFMADD231PS_BCST)(x, sum)
}

// subtractTimes subtracts f·x from sum, with one rounding.
func (v vector) subtractTimes(f float32, x, sum reg.VecVirtual) {
	v.factor(f, VFNMADD231PS, VFNMADD231PS_BCST)(x, sum)
}

// subtractFrom sets sum to -f·x - sum.
func (v vector) subtractFrom(f float32, x, sum reg.VecVirtual) {
	v.factor(f, VFNMSUB231PS, VFNMSUB231PS_BCST)(x, sum)
}

// scaled is f·x.
func (v vector) scaled(f float32, x reg.VecVirtual) reg.VecVirtual {
	if f == 1 {
		return x
	}
	y := v.register()
	v.factor(f, VMULPS, VMULPS_BCST)(x, y)
	return y
}

// at addresses memory that lies index bytes behind a pointer.
func at(base, index reg.Register) Mem { return Mem{Base: base, Index: index, Scale: 1} }

// start returns a new pointer, index bytes behind another.
func start(base, index reg.Register) reg.Register {
	p := GP64()
	LEAQ(at(base, index), p)
	return p
}

// multiple addresses memory that lies n strides, at most 5, behind a pointer.
func multiple(base, stride reg.Register, n int) Mem {
	switch n {
	case 0:
		return Mem{Base: base}
	case 1, 2, 4:
		return Mem{Base: base, Index: stride, Scale: uint8(n)}
	}
	some := GP64() // 3 or 5 strides
	LEAQ(Mem{Base: stride, Index: stride, Scale: uint8(n - 1)}, some)
	return at(base, some)
}

// float is the size of a float32 in bytes.
const float = 4

// align makes a loop that follows begin where the processor fetches instructions
// from: a short loop that lies across takes up to twice as long.
func align() {
	Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{U8(32)}})
}
