package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the ops that add, join or rearrange.
const (
	KindAdd     Kind = "Add"
	KindConcat  Kind = "Concat"
	KindReshape Kind = "Reshape"
	KindPatches Kind = "Patches"
)

// Add is the sum of two or more nodes of one shape.
func Add(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	if len(xs) < 2 {
		return nil, fmt.Errorf("Add: got %d operands, want two or more", len(xs))
	}
	if err := check(KindAdd, xs...); err != nil {
		return nil, err
	}
	for _, x := range xs[1:] {
		if !slices.Equal(x.Shape(), xs[0].Shape()) {
			return nil, fmt.Errorf("Add: operands are %v and %v, want one shape", xs[0].Shape(), x.Shape())
		}
	}
	return apply(spec{kind: KindAdd, shape: xs[0].Shape(), dyOnly: true}, kernel.NewAdd[float32](len(xs)), kernel.NewAdd[float64](len(xs)), xs...)
}

// Concat joins nodes along an axis; all other dimensions are equal.
func Concat(axis int, xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	if len(xs) == 0 {
		return nil, errors.New("Concat: got no operands, want one or more")
	}
	if err := check(KindConcat, xs...); err != nil {
		return nil, err
	}
	out := xs[0].Shape()
	if len(out) == 0 {
		return nil, fmt.Errorf("Concat: axis %d of scalars, want operands with dimensions", axis)
	}
	if axis < 0 || axis >= len(out) {
		return nil, fmt.Errorf("Concat: axis %d, want 0 to %d for operands %v", axis, len(out)-1, out)
	}
	blocks := make([]int, len(xs))
	for i, x := range xs {
		s := x.Shape()
		if !sameBut(axis, s, out) {
			return nil, fmt.Errorf("Concat: operands are %v and %v, want the same but for axis %d", xs[0].Shape(), s, axis)
		}
		blocks[i] = tensor.Shape(s[axis:]).TotalSize()
		if i > 0 {
			out[axis] += s[axis]
		}
	}
	outer := out.TotalSize() / tensor.Shape(out[axis:]).TotalSize()
	return apply(spec{kind: KindConcat, detail: fmt.Sprintf("axis %d", axis), shape: out, params: axis, dyOnly: true},
		&kernel.Concat[float32]{Outer: outer, Blocks: blocks}, &kernel.Concat[float64]{Outer: outer, Blocks: blocks}, xs...)
}

// Axis returns the axis of a [Concat].
func (d Description) Axis() int {
	axis, _ := d.paramsOf(KindConcat).(int)
	return axis
}

// sameBut reports whether two shapes are equal but for one axis.
func sameBut(axis int, a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

// Reshape gives a node another shape of the same size. Other than Gorgonia's
// it copies, so that a later op that works in place cannot damage the operand;
// in a [Sequence], where no op does, it is a view.
func Reshape(x *gorgonia.Node, shape ...int) (*gorgonia.Node, error) {
	if err := check(KindReshape, x); err != nil {
		return nil, err
	}
	to := tensor.Shape(shape).Clone()
	for _, d := range to {
		if d < 1 {
			return nil, fmt.Errorf("Reshape: to %v, want positive dimensions", to)
		}
	}
	if to.TotalSize() != x.Shape().TotalSize() {
		return nil, fmt.Errorf("Reshape: %v has %d elements, %v has %d", x.Shape(), x.Shape().TotalSize(), to, to.TotalSize())
	}
	return apply(spec{kind: KindReshape, shape: to, dyOnly: true}, kernel.Copy[float32]{}, kernel.Copy[float64]{}, x)
}

// Patches cuts images (N,C,H,W) into blocks of size×size pixels: the result is
// (N, H/size·W/size, C·size·size), blocks row by row, each channel by channel.
func Patches(x *gorgonia.Node, size int) (*gorgonia.Node, error) {
	if err := check(KindPatches, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) != 4 {
		return nil, fmt.Errorf("Patches: input is %v, want (N,C,H,W)", s)
	}
	n, c, h, w := s[0], s[1], s[2], s[3]
	if size < 1 || h%size != 0 || w%size != 0 {
		return nil, fmt.Errorf("Patches: input %v does not fall into blocks of %dx%d", s, size, size)
	}
	return apply(spec{
		kind:   KindPatches,
		detail: fmt.Sprintf("%dx%d", size, size),
		shape:  tensor.Shape{n, h / size * (w / size), c * size * size},
		params: size,
		dyOnly: true,
	}, &kernel.Patches[float32]{N: n, C: c, H: h, W: w, Size: size},
		&kernel.Patches[float64]{N: n, C: c, H: h, W: w, Size: size}, x)
}

// PatchSize returns the size of the blocks of [Patches].
func (d Description) PatchSize() int {
	size, _ := d.paramsOf(KindPatches).(int)
	return size
}
