package onnx

import "math"

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
