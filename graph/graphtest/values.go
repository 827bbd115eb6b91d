package graphtest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Stream returns n random numbers, always the same for a name: SplitMix64
// (Steele, Lea and Flood 2014) from the FNV-1a hash of the name. The scripts
// that write golden files draw from the same streams.
func Stream(name string, n int) []uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	state, z := h.Sum64(), make([]uint64, n)
	for i := range z {
		state += 0x9e3779b97f4a7c15
		x := (state ^ state>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		z[i] = x ^ x>>31
	}
	return z
}

// Random returns a float64 tensor of values from -limit to limit, drawn from
// the [Stream] of that name. Each is a float32 number too.
func Random(name string, limit float64, shape ...int) *tensor.Dense {
	data := make([]float64, tensor.Shape(shape).TotalSize())
	for i, z := range Stream(name, len(data)) {
		data[i] = float64(float32(int32(z>>40)-1<<23) * 0x1p-23 * float32(limit))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// values returns a copy of a tensor's elements in row-major order.
func values(t *tensor.Dense) []float64 {
	if t.RequiresIterator() {
		t = t.Materialize().(*tensor.Dense)
	}
	if t.Dtype() == tensor.Float64 {
		return slices.Clone(t.Float64s())
	}
	v := make([]float64, 0, t.Size())
	for _, x := range t.Float32s() {
		v = append(v, float64(x))
	}
	return v
}

// assign sets a tensor's elements.
func assign(t *tensor.Dense, v []float64) {
	if t.Dtype() == tensor.Float64 {
		copy(t.Float64s(), v)
		return
	}
	for i, x := range v {
		t.Float32s()[i] = float32(x)
	}
}

// as returns a copy in the given precision.
func as(dtype tensor.Dtype, t *tensor.Dense) *tensor.Dense {
	c := tensor.New(tensor.Of(dtype), tensor.WithShape(t.Shape()...))
	assign(c, values(t))
	return c
}

// dense returns a copy of a tensor or a scalar.
func dense(v gorgonia.Value) *tensor.Dense {
	switch v := v.(type) {
	case *gorgonia.F32:
		return tensor.New(tensor.FromScalar(float32(*v)))
	case *gorgonia.F64:
		return tensor.New(tensor.FromScalar(float64(*v)))
	}
	return v.(*tensor.Dense).Clone().(*tensor.Dense)
}

// named has values by a name that says what they are, to compare two states or two
// results.
type named map[string][]float64

// differs returns an error that names the first element in which two differ,
// by more than limit times the tensor's largest value. With limit 0 the bits
// have to be equal. NaN equals NaN.
func (got named) differs(want named, limit float64) error {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if len(got[name]) != len(want[name]) {
			return fmt.Errorf("%s has %d values, want %d", name, len(got[name]), len(want[name]))
		}
		tolerance := limit * largest(want[name])
		for i, w := range want[name] {
			if g := got[name][i]; math.Float64bits(g) != math.Float64bits(w) && !(math.Abs(g-w) <= tolerance && limit > 0) {
				return fmt.Errorf("%s, element %d: got %v, want %v", name, i, g, w)
			}
		}
	}
	return nil
}

// largest is the largest magnitude.
func largest(x []float64) float64 {
	var top float64
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	return top
}
