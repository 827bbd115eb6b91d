package grpc

import (
	"errors"
	"fmt"
	"math"

	"tapenet/infer/serve/grpc/inference"
)

// contents are a tensor's elements in the list of its datatype.
type contents struct {
	all    *inference.InferTensorContents
	floats func(x []float32) error // moves on
	next   int                     // of the elements
	count  int
}

func (c *contents) Expect(datatype string, elements int) error {
	list, found := c.lists()[datatype]
	switch {
	case !found:
		return fmt.Errorf("contents have no list for %s, want raw_input_contents", datatype)
	case c.total() != list.size:
		return fmt.Errorf("contents of another datatype than %s, want its list alone", datatype)
	case list.size != elements:
		return fmt.Errorf("%d elements in contents, want %d", list.size, elements)
	}
	c.floats, c.count = list.floats, elements
	return nil
}

// list is one of the lists of contents.
type list struct {
	size   int
	floats func(x []float32) error // reads the elements from c.next on
}

// lists are those of each datatype.
func (c *contents) lists() map[string]list {
	a := c.all
	return map[string]list{
		"BOOL":   {len(a.BoolContents), c.bools},
		"INT8":   {len(a.IntContents), func(x []float32) error { return whole(x, a.IntContents[c.next:], math.MinInt8, math.MaxInt8) }},
		"INT16":  {len(a.IntContents), func(x []float32) error { return whole(x, a.IntContents[c.next:], math.MinInt16, math.MaxInt16) }},
		"INT32":  {len(a.IntContents), func(x []float32) error { return whole(x, a.IntContents[c.next:], math.MinInt32, math.MaxInt32) }},
		"INT64":  {len(a.Int64Contents), func(x []float32) error { return whole(x, a.Int64Contents[c.next:], math.MinInt64, math.MaxInt64) }},
		"UINT8":  {len(a.UintContents), func(x []float32) error { return whole(x, a.UintContents[c.next:], 0, math.MaxUint8) }},
		"UINT16": {len(a.UintContents), func(x []float32) error { return whole(x, a.UintContents[c.next:], 0, math.MaxUint16) }},
		"UINT32": {len(a.UintContents), func(x []float32) error { return whole(x, a.UintContents[c.next:], 0, math.MaxUint32) }},
		"UINT64": {len(a.Uint64Contents), func(x []float32) error { return whole(x, a.Uint64Contents[c.next:], 0, math.MaxUint64) }},
		"FP32":   {len(a.Fp32Contents), func(x []float32) error { copy(x, a.Fp32Contents[c.next:]); return nil }},
		"FP64":   {len(a.Fp64Contents), c.doubles},
		"BYTES":  {len(a.BytesContents), nil},
	}
}

// total is the number of elements of all lists.
func (c *contents) total() int {
	a := c.all
	return len(a.BoolContents) + len(a.IntContents) + len(a.Int64Contents) + len(a.UintContents) + len(a.Uint64Contents) +
		len(a.Fp32Contents) + len(a.Fp64Contents) + len(a.BytesContents)
}

// whole turns integers from low to high into float32.
func whole[T int32 | int64 | uint32 | uint64](x []float32, from []T, low, high T) error {
	for i, v := range from[:len(x)] {
		if v < low || v > high {
			return fmt.Errorf("%d in contents, want integers from %d to %d", v, low, high)
		}
		x[i] = float32(v)
	}
	return nil
}

func (c *contents) bools(x []float32) error {
	for i, v := range c.all.BoolContents[c.next:][:len(x)] {
		x[i] = 0
		if v {
			x[i] = 1
		}
	}
	return nil
}

func (c *contents) doubles(x []float32) error {
	for i, v := range c.all.Fp64Contents[c.next:][:len(x)] {
		x[i] = float32(v)
	}
	return nil
}

func (c *contents) Floats(x []float32) error {
	if len(x) > c.count-c.next {
		return errors.New("contents end early")
	}
	err := c.floats(x)
	c.next += len(x)
	return err
}

func (c *contents) Bytes() ([]byte, error) {
	if c.next == c.count {
		return nil, errors.New("contents end early")
	}
	c.next++
	return c.all.BytesContents[c.next-1], nil
}

func (c *contents) End() error { return nil } // Expect has counted
