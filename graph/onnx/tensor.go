package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// constant is a tensor of a file: numbers in float32, or integers.
type constant struct {
	shape  []int
	floats []float32
	ints   []int64 // or truth, as 0 and 1; nil for floats
	turned bool    // the file has the transpose
	elem   int64   // the type of the elements in the file; 0 for floats or 64-bit integers
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
		return c, fmt.Errorf("tensor %.64q is in a file of its own, want all in one, or a weight of a file that Open opens", t.Name)
	}
	size, err := t.size()
	if err != nil {
		return c, err
	}
	for _, d := range t.Dims {
		c.shape = append(c.shape, int(d))
	}
	c.turned = t.turned
	c.elem = t.Type
	if kinds[t.Type].float {
		c.floats, err = t.floats()
	} else {
		c.ints, err = t.ints()
	}
	if n := len(c.floats) + len(c.ints); err == nil && n != size {
		err = fmt.Errorf("shape %v and %d elements", t.Dims, n)
	}
	if err != nil {
		return c, fmt.Errorf("tensor %.64q has %w", t.Name, err)
	}
	return c, nil
}

// size is the number of elements that the dimensions say.
func (t *tensorProto) size() (size int, err error) {
	if len(t.Dims) > maxDims {
		return 0, fmt.Errorf("tensor %.64q has %d dimensions, want at most %d", t.Name, len(t.Dims), maxDims)
	}
	size = 1
	for _, d := range t.Dims {
		if d < 0 || d > math.MaxInt32 || d > 0 && size > math.MaxInt32/int(d) {
			return 0, fmt.Errorf("tensor %.64q has shape %v, want dimensions that fit its data", t.Name, t.Dims)
		}
		size *= int(d)
	}
	return size, nil
}

// data visits the data. Floats are read into their list as they come. The weights of a
// product are transposed on the way, if the product wants them so.
func (t *tensorProto) data(w *wire) {
	if w.in == nil || t.Type != typeFloat {
		w.raw(9, &t.Raw)
		return
	}
	if !w.is(9, kindBytes) {
		return
	}
	size := w.size
	if w.size = 0; w.in.turnsWeight(t, size) {
		t.Floats, w.err = w.in.turnedFloats(int(t.Dims[0]), int(t.Dims[1]))
		t.Dims, t.turned = []int64{t.Dims[1], t.Dims[0]}, true
	} else {
		t.Floats, w.err = w.in.floats(size)
	}
}

// floats are the elements of a tensor of floats of any width, as floats.
func (t *tensorProto) floats() ([]float32, error) {
	switch t.Type {
	case typeFloat:
		if t.Raw == nil {
			return t.Floats, nil
		}
		return decode[float32](t.Raw, 4)
	case typeHalf, typeBfloat:
		return t.halves()
	}
	raw := t.Raw
	if raw == nil {
		raw = t.Doubles
	}
	doubles, err := decode[float64](raw, 8)
	floats := make([]float32, len(doubles))
	for i, v := range doubles {
		floats[i] = float32(v)
	}
	return floats, err
}

// halves are the elements of a tensor of floats of 16 bits.
func (t *tensorProto) halves() (floats []float32, err error) {
	bits := make([]uint16, 0, len(t.Int32s))
	for _, v := range t.Int32s {
		bits = append(bits, uint16(v))
	}
	if t.Raw != nil {
		bits, err = decode[uint16](t.Raw, 2)
	}
	floats = make([]float32, len(bits))
	for i, v := range bits {
		if t.Type == typeBfloat {
			floats[i] = math.Float32frombits(uint32(v) << 16)
		} else {
			floats[i] = fromHalf(v)
		}
	}
	return floats, err
}

// ints are the elements of a tensor of integers or truth values; not nil.
func (t *tensorProto) ints() (ints []int64, err error) {
	e, ok := kinds[t.Type]
	if !ok || e.float {
		return nil, fmt.Errorf("elements of type %d, want numbers", t.Type)
	}
	switch {
	case t.Raw != nil:
		if len(t.Raw)%e.size != 0 {
			return nil, errCut
		}
		for at := 0; at < len(t.Raw); at += e.size {
			var word [8]byte
			copy(word[:], t.Raw[at:][:e.size])
			ints = append(ints, int64(binary.LittleEndian.Uint64(word[:])))
		}
	case t.Type == typeInt64:
		ints = t.Int64s
	case t.Type == typeUint32 || t.Type == typeUint64:
		ints = t.Uint64s
	default:
		ints = t.Int32s
	}
	if ints == nil {
		return []int64{}, nil
	}
	if t.Type != typeInt64 && t.Type != typeUint64 {
		ints = slices.Clone(ints)
		for i, v := range ints {
			ints[i] = wrapped(v, t.Type)
		}
	}
	return ints, nil
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
