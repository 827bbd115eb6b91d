package onnx

import (
	"fmt"
	"math"
)

// element is a type of a tensor's elements.
type element struct {
	size   int // in bytes
	float  bool
	signed bool
}

// kinds are the types that are read.
var kinds = map[int64]element{
	typeFloat:  {size: 4, float: true},
	typeUint8:  {size: 1},
	typeInt8:   {size: 1, signed: true},
	typeUint16: {size: 2},
	typeInt16:  {size: 2, signed: true},
	typeInt32:  {size: 4, signed: true},
	typeInt64:  {size: 8, signed: true},
	typeBool:   {size: 1},
	typeHalf:   {size: 2, float: true},
	typeDouble: {size: 8, float: true},
	typeUint32: {size: 4},
	typeUint64: {size: 8},
	typeBfloat: {size: 2, float: true},
}

// elementNames are the names of types as commands and errors have them.
var elementNames = map[int64]string{
	typeFloat: "float32", typeUint8: "uint8", typeInt8: "int8", typeUint16: "uint16", typeInt16: "int16", typeInt32: "int32",
	typeInt64: "int64", typeText: "strings", typeBool: "bool", typeHalf: "float16", typeDouble: "float64", typeUint32: "uint32",
	typeUint64: "uint64", typeBfloat: "bfloat16", 14: "complex64", 15: "complex128",
}

// elementName is the name of a type.
func elementName(elem int64) string {
	if name := elementNames[elem]; name != "" {
		return name
	}
	return fmt.Sprintf("elements of type %d", elem)
}

// maxWhole is the largest integer up to which float32, in which a graph computes,
// holds every one.
const maxWhole = 1 << 24

// limits are the smallest and the largest integer of a type that a graph holds.
func limits(elem int64) (low, high float64) {
	e := kinds[elem]
	switch bits := 8 * e.size; {
	case elem == typeBool:
		return 0, 1
	case bits > 16 && e.signed:
		return -maxWhole, maxWhole
	case bits > 16:
		return 0, maxWhole
	case e.signed:
		return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1) - 1
	default:
		return 0, math.Ldexp(1, bits) - 1
	}
}

// wholeIn is a number as one of a type's: the nearest whole one, NaN for one that is
// out of limits.
func wholeIn(v float64, elem int64) float64 {
	if elem == typeBool && v == v {
		return float64(truth(v != 0))
	}
	if v = math.RoundToEven(v); v != v {
		return v
	}
	if low, high := limits(elem); v < low || v > high {
		return math.NaN()
	}
	return v + 0 // no negative zero
}

// integral reports whether a type is one of integers or truth.
func integral(elem int64) bool { return elem != 0 && !kinds[elem].float }

// wrapped is an integer as a type has it: its lowest bits. Any number but 0 is true.
func wrapped(v, elem int64) int64 {
	switch elem {
	case typeBool:
		return truth(v != 0)
	case typeUint8:
		return int64(uint8(v))
	case typeInt8:
		return int64(int8(v))
	case typeUint16:
		return int64(uint16(v))
	case typeInt16:
		return int64(int16(v))
	case typeUint32:
		return int64(uint32(v))
	case typeInt32:
		return int64(int32(v))
	}
	return v
}

// wholeOf is a float as an integer: cut towards zero, within what an int64 holds.
func wholeOf(v float64) int64 {
	if v != v {
		return 0
	}
	return int64(max(math.MinInt64, min(v, math.MaxInt64/2)))
}

// fromHalf is a float of 16 bits: a sign, 5 bits of exponent and 10 of fraction.
func fromHalf(bits uint16) float32 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	v := 0.0
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if v = math.Inf(1); fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 != 0 {
		v = -v
	}
	return float32(v)
}

// rounded is a number in the precision of a type, to the nearest one, or of two the
// even one.
func rounded(v float64, elem int64) float64 {
	switch {
	case v == 0 || v != v || math.IsInf(v, 0):
		return v
	case elem == typeBfloat:
		bits := math.Float32bits(float32(v))
		bits += 0x7fff + bits>>16&1
		return float64(math.Float32frombits(bits &^ 0xffff))
	case elem != typeHalf:
		return v
	}
	_, exponent := math.Frexp(v) // v is at least half of 2^exponent
	unit := math.Ldexp(1, max(exponent-11, -24))
	if v = math.RoundToEven(v/unit) * unit; math.Abs(v) >= 65520 {
		return math.Inf(int(sign(v)))
	}
	return v
}
