// Package asm has functions that the generators of the kernels' assembly share, for
// loops in AVX2. Each writes an instruction or two into the function that is being
// generated, by avo's package build.
//
// Registers are virtual: avo assigns real ones when the function is complete, and
// fails if there are too few.
package asm

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Float is the size of a float32 in bytes, and Lanes how many are in a vector of
// AVX2.
const (
	Float = 4
	Lanes = 8
)

// Predicates of VCMPPS. With a NaN the plain comparisons are false, and Unordered and the
// negated ones are true. None of these raises an exception for a quiet NaN.
const (
	Unordered      = 0x03 // a or b is NaN
	NotLessOrEqual = 0x16 // !(a <= b)
	Less           = 0x11 // a < b
	Greater        = 0x1E // a > b
	LessOrEqual    = 0x12 // a <= b
	GreaterOrEqual = 0x1D // a >= b
	Equal          = 0x00 // a == b
	NotLess        = 0x15 // !(a < b)
)

// Begin begins a function whose comment is the loop that it implements. The function
// has no stack and lets none of its pointers escape, so that callers may hand it
// memory of their own stack.
func Begin(name, signature string, loop ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " is", ""}, loop...)...)
}

// Slice loads the pointer of a parameter that is a slice.
func Slice(param string) reg.Register { return Load(Param(param).Base(), GP64()) }

// Number loads a parameter that is an integer or a pointer.
func Number(param string) reg.Register { return Load(Param(param), GP64()) }

// Broadcast fills a vector with a float32 parameter. It panics if there is none of
// that name, which ends the generator.
func Broadcast(param string) reg.VecVirtual {
	v := YMM()
	address, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, v)
	return v
}

// Zero returns a vector of zeros.
func Zero() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// Read reads a vector, at any address.
func Read(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}
