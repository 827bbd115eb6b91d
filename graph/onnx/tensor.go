package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// constant is a tensor of a file: numbers in float32, or integers.
type constant struct {
	shape  []int
	floats []float32
	ints   []int64 // or truth, as 0 and 1; nil for floats
}

// maxDims bounds the dimensions of a tensor, maxSize each of them. No network
// comes near, and products of a few dimensions stay within an int.
const (
	maxDims = 8
	maxSize = 1 << 24
)

// constant reads a tensor. Its data are in the file, so it takes memory in
// proportion to that.
func (t *tensorProto) constant() (c constant, err error) {
	if t.Place != 0 {
		return c, fmt.Errorf("tensor %.64q is in a file of its own, want all in one", t.Name)
	}
	if len(t.Dims) > maxDims {
		return c, fmt.Errorf("tensor %.64q has %d dimensions, want at most %d", t.Name, len(t.Dims), maxDims)
	}
	size := 1
	for _, d := range t.Dims {
		if d < 0 || d > math.MaxInt32 || d > 0 && size > math.MaxInt32/int(d) {
			return c, fmt.Errorf("tensor %.64q has shape %v, want dimensions that fit its data", t.Name, t.Dims)
		}
		size *= int(d)
		c.shape = append(c.shape, int(d))
	}
	switch t.Type {
	case typeFloat:
		if c.floats = t.Floats; t.Raw != nil {
			c.floats, err = decode[float32](t.Raw, 4)
		}
	case typeDouble:
		raw := t.Raw
		if raw == nil {
			raw = t.Doubles
		}
		var doubles []float64
		doubles, err = decode[float64](raw, 8)
		for _, v := range doubles {
			c.floats = append(c.floats, float32(v))
		}
	case typeInt64:
		if c.ints = t.Int64s; t.Raw != nil {
			c.ints, err = decode[int64](t.Raw, 8)
		}
	case typeInt32:
		if c.ints = t.Int32s; t.Raw != nil {
			var ints []int32
			ints, err = decode[int32](t.Raw, 4)
			for _, v := range ints {
				c.ints = append(c.ints, int64(v))
			}
		}
	case typeBool:
		c.ints = t.Int32s
		for _, v := range t.Raw {
			c.ints = append(c.ints, int64(v))
		}
	default:
		return c, fmt.Errorf("tensor %.64q has elements of type %d, want float, double, int32, int64 or bool", t.Name, t.Type)
	}
	if err != nil || len(c.floats)+len(c.ints) != size {
		return c, fmt.Errorf("tensor %.64q has shape %v and %d elements", t.Name, t.Dims, len(c.floats)+len(c.ints))
	}
	if c.ints == nil && t.Type != typeFloat && t.Type != typeDouble {
		c.ints = []int64{}
	}
	return c, nil
}

func decode[T any](raw []byte, size int) ([]T, error) {
	if len(raw)%size != 0 {
		return nil, errCut
	}
	values := make([]T, len(raw)/size)
	_, err := binary.Decode(raw, binary.LittleEndian, values)
	return values, err
}

// clamped are the integers as ints, none beyond ±maxSize: a file says "to the
// end" by the largest of all.
func (c constant) clamped() []int {
	v := make([]int, len(c.ints))
	for i, x := range c.ints {
		v[i] = int(max(-maxSize, min(x, maxSize)))
	}
	return v
}
