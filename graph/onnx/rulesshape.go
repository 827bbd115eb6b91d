package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// arrangeSame is for operators that leave a value as it is.
func arrangeSame(_ *builder, x *value) *value { return x }

// viewed is a value with another view, which is within bounds.
func (b *builder) viewed(x *value, v view) *value {
	if x == nil || !b.fits(v.shape()) {
		return nil
	}
	return &value{node: x.node, view: v, waits: x.waits, scale: x.scale}
}

// shaped is a value of another shape. A scalar has none, though its node is (1).
func (b *builder) shaped(x *value, shape []int) *value {
	if x == nil {
		return nil
	}
	if slices.Equal(shape, x.shape()) {
		return x
	}
	v, ok := x.view.reshaped(shape)
	if ok {
		return b.viewed(x, v)
	}
	y := b.copied(x)
	if y.node == nil {
		return nil
	}
	v, _ = y.view.reshaped(shape)
	return b.viewed(y, v)
}

func arrangeFlatten(b *builder, x *value) *value {
	s := x.shape()
	axis, ok := b.axisOrEnd(b.attrInt("axis", 1), len(s))
	if !ok {
		return nil
	}
	return b.shaped(x, []int{product(s[:axis]), product(s[axis:])})
}

// arrangeReshape fills in a dimension -1 and copies where the shape says 0. A
// file made for one batch size has that as a number, which stands for the
// graph's.
func arrangeReshape(b *builder, x *value) *value {
	if b.follows() && b.value(0).samples > 0 {
		return b.reshapedSamples(x, b.value(0).samples-1)
	}
	to, ok := b.reshaped(x.shape(), true)
	if !ok {
		return nil
	}
	return b.shaped(x, to)
}

// reshaped is the shape that Reshape gives to an operand, which has samples or is
// a constant.
func (b *builder) reshaped(s []int, samples bool) (to []int, ok bool) {
	to, ok = b.ints(1)
	if !ok {
		to, ok = b.attrInts("shape"), b.attribute("shape") != nil // before version 5
	}
	if !ok || len(to) > maxDims {
		b.fail("a shape that is computed, want a constant")
		return nil, false
	}
	size := product(s)
	open, known := -1, 1
	for i, d := range to {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d == 0 && i < len(s) && b.attrInt("allowzero", 0) == 0:
			to[i] = s[i]
		case samples && i == 0 && d == b.Model.batch && len(s) > 0 && s[0] == b.batch:
			to[i] = b.batch
		}
		if to[i] < 0 || size > 0 && (to[i] == 0 || to[i] > size/known) {
			b.fail("%v to %v", tensor.Shape(s), to)
			return nil, false
		}
		known *= to[i]
	}
	if open >= 0 && known > 0 {
		to[open] = size / known
		known *= to[open]
	}
	if known != size {
		b.fail("%v to %v", tensor.Shape(s), to)
		return nil, false
	}
	return to, true
}

func arrangeSqueeze(b *builder, x *value) *value {
	to, ok := b.squeezed(x.shape())
	if !ok {
		return nil
	}
	return b.shaped(x, to)
}

// squeezed returns a shape without the dimensions of 1 that Squeeze names.
func (b *builder) squeezed(s []int) (to []int, ok bool) {
	axes, ok := b.axes(1, len(s))
	if !ok {
		return nil, false
	}
	for i, d := range s {
		drop := slices.Contains(axes, i) || len(axes) == 0 && d == 1
		if drop && d != 1 {
			b.fail("axis %d of %v is not 1", i, tensor.Shape(s))
			return nil, false
		}
		if !drop {
			to = append(to, d)
		}
	}
	return to, true
}

func arrangeUnsqueeze(b *builder, x *value) *value {
	to, ok := b.unsqueezed(x.shape())
	if !ok {
		return nil
	}
	return b.shaped(x, to)
}

// unsqueezed is a shape with the dimensions of 1 that Unsqueeze names.
func (b *builder) unsqueezed(s []int) (to []int, ok bool) {
	given, ok := b.ints(1)
	if !ok {
		given = b.attrInts("axes")
	}
	dims := len(s) + len(given)
	if dims > maxDims {
		b.fail("%d dimensions, want at most %d", dims, maxDims)
		return nil, false
	}
	axes, ok := b.axes(1, dims)
	if !ok {
		return nil, false
	}
	to = slices.Clone(s)
	for _, a := range axes {
		to = slices.Insert(to, a, 1)
	}
	return to, true
}

// arrangeExpand repeats a value along dimensions of 1.
func arrangeExpand(b *builder, x *value) *value {
	to, ok := b.ints(1)
	if !ok {
		b.fail("a shape that is computed, want a constant")
		return nil
	}
	if to, ok = b.broadcasted(x.shape(), to); !ok || !b.fits(to) {
		return nil
	}
	return b.viewed(x, x.view.expanded(to))
}

func arrangeTranspose(b *builder, x *value) *value {
	perm, ok := b.perm(x.shape())
	if !ok {
		return nil
	}
	return b.viewed(x, x.view.permuted(perm))
}

// perm is Transpose's order of the axes of an operand.
func (b *builder) perm(s []int) (perm []int, ok bool) {
	if perm = b.attrInts("perm"); perm == nil {
		for i := range s {
			perm = append([]int{i}, perm...)
		}
	}
	for i, a := range slices.Sorted(slices.Values(perm)) {
		ok = i == a
		if !ok {
			break
		}
	}
	if !ok && len(s) > 0 || len(perm) != len(s) {
		b.fail("perm %v of %v", perm, tensor.Shape(s))
		return nil, false
	}
	return perm, true
}

// permute puts axis perm[i] of x in place i.
func (b *builder) permute(x *gorgonia.Node, perm []int) *gorgonia.Node {
	if x == nil {
		return nil
	}
	return b.node(b.viewed(valueOf(x), plainView(x.Shape()).permuted(perm)))
}
