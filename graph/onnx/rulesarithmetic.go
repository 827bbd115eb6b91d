package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// broadcast gives two operands one shape, as NumPy does.
func (b *builder) broadcast(x, y *gorgonia.Node) (_, _ *gorgonia.Node) {
	if x == nil || y == nil {
		return nil, nil
	}
	xs, ys := x.Shape(), y.Shape()
	to := make([]int, max(len(xs), len(ys)))
	for i := range to {
		dx, dy := fromEnd(xs, len(to)-1-i), fromEnd(ys, len(to)-1-i)
		if dx != dy && dx != 1 && dy != 1 {
			b.fail("operands of %v and %v do not go together", xs, ys)
			return nil, nil
		}
		to[i] = max(dx, dy)
	}
	return b.expand(x, to), b.expand(y, to)
}

// fromEnd is a dimension counted from the last, 1 before the first.
func fromEnd(s tensor.Shape, i int) int {
	if i >= len(s) {
		return 1
	}
	return s[len(s)-1-i]
}

func (b *builder) expand(x *gorgonia.Node, to []int) *gorgonia.Node {
	if x == nil || slices.Equal(to, x.Shape()) || !b.fits(to) {
		return x
	}
	if b.budget -= tensor.Shape(to).TotalSize() / to[0]; b.budget < 0 {
		return b.fail("rearrangements of more than %d elements", maxIndices)
	}
	return b.do(op.Expand(x, to...))
}

func (b *builder) sum(x, y *gorgonia.Node) *gorgonia.Node {
	x, y = b.broadcast(x, y)
	return b.do(op.Add(x, y))
}

func (b *builder) product(x, y *gorgonia.Node) *gorgonia.Node {
	x, y = b.broadcast(x, y)
	return b.do(op.Hadamard(x, y))
}

// curve applies an operator without attributes.
func (b *builder) curve(kind string, x *gorgonia.Node) *gorgonia.Node {
	if x == nil {
		return nil
	}
	return importRules[kind].build(b, x)
}

// second is the second operand. Before version 7 an attribute says which axis
// of the first its own first one is.
func (b *builder) second(x *gorgonia.Node) *gorgonia.Node {
	return b.alignedAt(b.attrInt("axis", -1), x)
}

// alignedAt is the second operand with so many dimensions that its first one is
// the given axis of x, if there is one and the version is below 7.
func (b *builder) alignedAt(axis int, x *gorgonia.Node) *gorgonia.Node {
	y := b.operand(1)
	if b.opset >= 7 || axis < 0 || y == nil {
		return y
	}
	to := slices.Clone(y.Shape())
	for len(to)+axis < x.Dims() {
		to = append(to, 1)
	}
	return b.reshape(y, to...)
}

func importAdd(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.sum(x, b.second(x)) }

func importSub(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.sum(x, b.curve("Neg", b.second(x)))
}

func importMul(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.product(x, b.second(x)) }

func importDiv(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.product(x, b.curve("Reciprocal", b.second(x)))
}

func importSum(b *builder, x *gorgonia.Node) *gorgonia.Node {
	for i := 1; i < len(b.now.Inputs); i++ {
		x = b.sum(x, b.operand(i))
	}
	return x
}

// importMatMul is the product with a matrix.
func importMatMul(b *builder, x *gorgonia.Node) *gorgonia.Node {
	w := b.operand(1)
	if w == nil || x.Dims() < 2 || w.Dims() != 2 {
		return b.fail("operands of %v and another shape, want (…,K) and a matrix (K,N)", x.Shape())
	}
	return b.do(op.Mul(x, w, nil))
}

// importGemm is alpha·op(A)·op(B) + beta·C.
func importGemm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	w := b.operand(1)
	if w == nil || x.Dims() != 2 || w.Dims() != 2 {
		return b.fail("want two matrices")
	}
	if b.attrInt("transA", 0) != 0 {
		x = b.permute(x, []int{1, 0})
	}
	if b.attrInt("transB", 0) != 0 {
		w = b.permute(w, []int{1, 0})
	}
	alpha, beta, bias := b.attrFloat("alpha", 1), b.attrFloat("beta", 1), b.operand(2)
	if alpha == 1 && beta == 1 && bias != nil && bias.Dims() == 1 && w != nil && bias.Shape()[0] == w.Shape()[1] {
		return b.do(op.Mul(x, w, bias))
	}
	y := b.do(op.Mul(x, w, nil))
	if alpha != 1 {
		y = b.product(y, b.number("alpha", alpha))
	}
	if bias == nil || beta == 0 {
		return y
	}
	if beta != 1 {
		bias = b.product(bias, b.number("beta", beta))
	}
	return b.sum(y, bias)
}

// importReduceMean takes the mean along axes, all if none are named.
func importReduceMean(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	axes, ok := b.axes(1, len(s))
	if !ok {
		return nil
	}
	if len(axes) == 0 {
		if b.attrInt("noop_with_empty_axes", 0) != 0 {
			return x
		}
		for i := range s {
			axes = append(axes, i)
		}
	}
	y := b.mean(x, axes)
	reduced := map[int]bool{}
	for _, a := range axes {
		reduced[a] = true
	}
	var out []int
	for i, d := range s {
		if !reduced[i] {
			out = append(out, d)
		} else if b.attrInt("keepdims", 1) != 0 {
			out = append(out, 1)
		}
	}
	return b.reshape(y, atLeastOne(out)...)
}

// mean brings the axes to the end and pools over them. Its result has the
// elements of those that stay.
func (b *builder) mean(x *gorgonia.Node, axes []int) *gorgonia.Node {
	s := x.Shape()
	var perm []int
	last := map[int]bool{}
	for _, a := range axes {
		last[a] = true
	}
	for i := range s {
		if !last[i] {
			perm = append(perm, i)
		}
	}
	first, rest, window := 1, 1, 1
	for i, a := range perm {
		if i == 0 && a == 0 {
			first = s[a]
		} else {
			rest *= s[a]
		}
	}
	for _, a := range axes {
		window *= s[a]
	}
	x = b.reshape(b.permute(x, append(perm, axes...)), first, rest, window, 1)
	return b.do(op.AvgPool2D(x, op.Pool{KH: window, KW: 1}))
}

// importSoftMax and importLogSoftMax: before version 13 all dimensions from the
// axis on are one.
func importSoftMax(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.softMax(x, op.SoftMax) }

func importLogSoftMax(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.softMax(x, op.LogSoftMax)
}

func (b *builder) softMax(x *gorgonia.Node, f func(*gorgonia.Node) (*gorgonia.Node, error)) *gorgonia.Node {
	s, otherwise := x.Shape(), -1
	if b.opset < 13 {
		otherwise = 1
	}
	axis, ok := b.axis(b.attrInt("axis", otherwise), len(s))
	if !ok {
		return nil
	}
	do := func(x *gorgonia.Node) *gorgonia.Node {
		return b.do(f(x))
	}
	switch {
	case axis == len(s)-1:
		return do(x)
	case b.opset < 13:
		size := s[axis:].TotalSize()
		return b.reshape(do(b.reshape(x, s.TotalSize()/size, size)), s...)
	}
	perm := make([]int, len(s)) // exchanges the axis with the last, which undoes itself
	for i := range perm {
		perm[i] = i
	}
	perm[axis], perm[len(s)-1] = len(s)-1, axis
	return b.permute(do(b.permute(x, perm)), perm)
}

// importLayerNorm normalises all dimensions from the axis on together.
func importLayerNorm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	axis, ok := b.axis(b.attrInt("axis", -1), len(s))
	if !ok {
		return nil
	}
	size := s[axis:].TotalSize()
	gamma, beta := b.operand(1), b.operand(2)
	if beta == nil {
		beta = b.node(&value{constant: constant{floats: make([]float32, size), shape: []int{size}}, name: b.now.Outputs[0] + "/beta"})
	}
	if gamma == nil || beta == nil || gamma.Shape().TotalSize() != size || beta.Shape().TotalSize() != size {
		return b.fail("scale or bias are not of the size of %v", s[axis:])
	}
	rows := x
	if axis < len(s)-1 {
		rows, gamma, beta = b.reshape(x, s.TotalSize()/size, size), b.reshape(gamma, size), b.reshape(beta, size)
	}
	epsilon := math.Max(b.attrFloat("epsilon", 1e-5), math.SmallestNonzeroFloat32)
	return b.reshape(b.do(op.LayerNorm(rows, gamma, beta, epsilon)), s...)
}
