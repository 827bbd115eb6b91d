package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// halves rounds numbers to binary16. One that is too large is an error.
func halves(x []float32) ([]uint16, error) {
	h := make([]uint16, len(x))
	for i, v := range x {
		if h[i] = toHalf(v); h[i]&0x7fff == 31<<10 && !math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("found %v, want at most 65504 for float16", v)
		}
	}
	return h, nil
}

// singles reads numbers in binary16, little endian.
func singles(x []float32, b []byte) {
	for i := range x {
		x[i] = FromHalf(binary.LittleEndian.Uint16(b[2*i:]))
	}
}

// FromHalf is the number that 16 bits of IEEE 754's binary16 stand for.
func FromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // subnormal: fraction·2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinite, or no number
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// toHalf rounds to the nearest number of binary16, ties to even. A number that
// is too large becomes infinite.
func toHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, exponent, fraction := uint16(bits>>16)&0x8000, int(bits>>23&255)-112, bits&(1<<23-1)
	switch {
	case exponent == 255-112 && fraction != 0: // no number; keep one bit set
		return sign | 31<<10 | 512 | uint16(fraction>>13)
	case exponent >= 31:
		return sign | 31<<10
	case exponent < -10:
		return sign
	case exponent <= 0: // subnormal
		return sign | round(fraction|1<<23, 14-exponent)
	}
	return sign | round(uint32(exponent)<<23|fraction, 13) // may carry into the exponent, which is right
}

// round shifts right, rounding to nearest, ties to even.
func round(v uint32, shift int) uint16 {
	q, rest, half := v>>shift, v&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > half || rest == half && q&1 == 1 {
		q++
	}
	return uint16(q)
}
