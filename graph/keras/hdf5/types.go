package hdf5

import (
	"errors"
	"fmt"
	"math"
)

// The classes of datatypes that are told apart.
const (
	classInteger = 0
	classFloat   = 1
	classString  = 3
	classOpaque  = 5
	classVarying = 9
)

// Format is the form of a dataset's numbers.
type Format string

// The formats that Read gives, all little endian.
const (
	Float16  Format = "float16"
	BFloat16 Format = "bfloat16"
	Float32  Format = "float32"
	Float64  Format = "float64"
	Other    Format = "other" // whatever is not one of these
)

// datatype is a datatype message.
type datatype struct {
	class  int
	size   int
	format Format
	text   bool // varying: strings, not lists
}

func readType(b []byte) (t datatype, err error) {
	c := &cursor{b: b}
	class := c.uint(1)
	flags := c.uint(3)
	t = datatype{class: int(class & 15), size: length(c.uint(4)), format: Other}
	switch t.class {
	case classFloat:
		c.skip(2) // bit offset
		precision := c.uint(2)
		exponent, exponentSize, mantissa, mantissaSize, bias := c.uint(1), c.uint(1), c.uint(1), c.uint(1), c.uint(4)
		if flags&0x41 == 0 && mantissa == 0 && exponent == mantissaSize && int(precision) == 8*t.size {
			t.format = floats[[3]uint64{exponentSize, mantissaSize, bias}]
			if t.format == "" {
				t.format = Other
			}
		}
	case classVarying:
		t.text = flags&15 == 1
	}
	if c.err == nil && t.size < 1 {
		c.err = errors.New("a datatype of no bytes")
	}
	return t, c.err
}

// floats has the formats by the bits of exponent and mantissa, and the bias.
var floats = map[[3]uint64]Format{
	{5, 10, 15}: Float16, {8, 7, 127}: BFloat16, {8, 23, 127}: Float32, {11, 52, 1023}: Float64,
}

// readSpace returns the dimensions of a dataspace message, and the largest that
// they may become, 0 where that is open. A scalar has no dimensions.
func readSpace(b []byte) (shape, most []uint64, err error) {
	c := &cursor{b: b}
	version, rank, flags := c.uint(1), int(c.uint(1)), c.uint(1)
	switch version {
	case 1:
		c.skip(5)
	case 2:
		if c.uint(1) == 2 {
			return nil, nil, errors.New("an empty dataspace")
		}
	default:
		return nil, nil, fmt.Errorf("dataspace of version %d, want 1 or 2", version)
	}
	if rank > maxRank {
		return nil, nil, fmt.Errorf("%d dimensions, want at most %d", rank, maxRank)
	}
	shape, most = make([]uint64, rank), make([]uint64, rank)
	for i := range shape {
		shape[i] = c.uint(8)
		most[i] = shape[i]
	}
	for i := range most {
		if flags&1 != 0 {
			most[i] = c.uint(8)
		}
		if most[i] == undefined {
			most[i] = 0
		} else if most[i] < shape[i] {
			return nil, nil, errDamaged
		}
	}
	return shape, most, c.err
}

// product multiplies dimensions and the bytes of an element.
func product(shape []uint64, size int) (int, error) {
	n := uint64(size)
	for _, d := range shape {
		if d == 0 {
			return 0, nil
		}
		if n > math.MaxInt64>>16/d {
			return 0, fmt.Errorf("shape %v, want at most a few gigabytes", shape)
		}
		n *= d
	}
	return int(n), nil
}
