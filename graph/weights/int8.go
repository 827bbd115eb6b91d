package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

// scaleSuffix ends the name of a tensor's scales, which begins with the
// tensor's name.
const scaleSuffix = ".scale"

// quantised returns f with whole numbers from -127 to 127 in place of the
// weights that Int8 is about, and their scales beside them:
//
//	w ≈ q·scale  with  scale = max|w|/127  of each output channel
//
// The scales have the weight's shape with 1 in place of every dimension but the
// output channels': the shape says which weights share a scale.
func (f File) quantised() (File, error) {
	if f.Half {
		return f, errors.New("found Half and Int8, want one of them")
	}
	q := File{Metadata: f.Metadata, Tensors: map[string]*tensor.Dense{}, whole: map[string]bool{}}
	for name, t := range f.Tensors {
		q.Tensors[name] = t
	}
	for name, t := range f.Tensors {
		axis, ok := outputs(t)
		if !ok {
			continue
		}
		if _, taken := f.Tensors[name+scaleSuffix]; taken {
			return f, fmt.Errorf("tensor %.64q: the name is for the scales of %.64q, want another name", name+scaleSuffix, name)
		}
		if _, err := describe(name, t); err != nil {
			return f, fmt.Errorf("tensor %.64q: %w", name, err)
		}
		values, scales, err := quantise(t, axis)
		if err != nil {
			return f, fmt.Errorf("tensor %.64q: %w", name, err)
		}
		q.Tensors[name], q.Tensors[name+scaleSuffix] = values, scales
		q.whole[name] = true
	}
	return q, nil
}

// outputs returns the axis of the output channels: 0 for filters (F,C,KH,KW), 1
// for a product's weights (in,out). Other tensors have none.
func outputs(t *tensor.Dense) (axis int, ok bool) {
	if t == nil || t.Dtype() != tensor.Float32 {
		return 0, false
	}
	switch t.Dims() {
	case 4:
		return 0, true
	case 2:
		return 1, true
	}
	return 0, false
}

// quantise returns whole numbers and a scale for each output channel, whose
// products are the tensor's numbers, rounded.
func quantise(t *tensor.Dense, axis int) (values, scales *tensor.Dense, err error) {
	shape := slices.Repeat([]int{1}, t.Dims())
	shape[axis] = t.Shape()[axis]
	w, scale := t.Float32s(), make([]float32, shape[axis])
	channel := func(i int) int { return i / t.Strides()[axis] % len(scale) }
	for i, v := range w {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil, fmt.Errorf("found %v, want finite numbers for int8", v)
		}
		scale[channel(i)] = max(scale[channel(i)], max(v, -v)/127)
	}
	q := make([]float32, len(w))
	for i, v := range w {
		if s := scale[channel(i)]; s > 0 {
			whole := math.RoundToEven(float64(v) / float64(s))
			q[i] = float32(min(max(whole, -127), 127)) // a subnormal scale may be far too small
		}
	}
	return dense(q, t.Shape()), dense(scale, shape), nil
}

// dequantise multiplies each tensor that the file holds in int8 by its scales,
// and removes the scales.
func (f File) dequantise(infos []info) error {
	whole := map[string]bool{}
	for _, in := range infos {
		whole[in.name] = in.dtype == int8s
	}
	for _, in := range infos {
		if in.dtype != int8s {
			continue
		}
		scales := f.Tensors[in.name+scaleSuffix]
		if scales == nil || whole[in.name+scaleSuffix] {
			return fmt.Errorf("tensor %.64q is int8 and there is no %.64q of numbers, want its scales there", in.name, in.name+scaleSuffix)
		}
		if err := scale(f.Tensors[in.name], scales); err != nil {
			return fmt.Errorf("tensor %.64q: %w", in.name+scaleSuffix, err)
		}
	}
	for _, in := range infos {
		if in.dtype == int8s {
			delete(f.Tensors, in.name+scaleSuffix)
		}
	}
	return nil
}

// scale multiplies t by scales, which are repeated along their dimensions of 1.
func scale(t, scales *tensor.Dense) error {
	shape, of := t.Shape(), scales.Shape()
	if scales.Dtype() != tensor.Float32 || len(of) != len(shape) {
		return fmt.Errorf("found scales %v of %v, want float32 for %v", of, scales.Dtype(), shape)
	}
	for i, d := range of {
		if d != 1 && d != shape[i] {
			return fmt.Errorf("found scales %v, want dimensions of %v or 1", of, shape)
		}
	}
	data, _ := floats(t)
	values, _ := floats(scales)
	w, s := data.([]float32), values.([]float32)
	for i := range w {
		at, rest, stride := 0, i, 1
		for k, d := range slices.Backward(shape) {
			if of[k] > 1 {
				at += rest % d * stride
				stride *= d
			}
			rest /= d
		}
		w[i] *= s[at]
	}
	return nil
}

// bytesOf converts whole numbers in -128..127 to bytes.
func bytesOf(x []float32) []int8 {
	b := make([]int8, len(x))
	for i, v := range x {
		b[i] = int8(v)
	}
	return b
}
