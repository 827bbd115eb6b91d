package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// importInstanceNorm normalises each channel of each image by itself.
func importInstanceNorm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	if x.Dims() < 3 {
		return b.fail("input is %v, want images (N,C,H,W)", x.Shape())
	}
	return b.groupNorm(x, x.Shape()[1])
}

// importGroupNorm normalises groups of channels. Before opset 21 there is a scale for
// each group, since then for each channel.
func importGroupNorm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	groups := b.attrInt("num_groups", 0)
	if x.Dims() < 3 || groups < 1 || x.Shape()[1]%groups != 0 {
		return b.fail("input is %v and groups are %d, want channels that fall into them", x.Shape(), groups)
	}
	return b.groupNorm(x, groups)
}

func (b *builder) groupNorm(x *gorgonia.Node, groups int) *gorgonia.Node {
	s := x.Shape()
	size := s[1:].TotalSize() / groups
	epsilon := math.Max(b.attrFloat("epsilon", 1e-5), math.SmallestNonzeroFloat32)
	if !b.indexed(size) {
		return nil
	}
	ones := b.s.Constant(b.unused(b.now.Outputs[0]+"/ones"), slices.Repeat([]float32{1}, size), size)
	zeros := b.s.Constant(b.unused(b.now.Outputs[0]+"/zeros"), make([]float32, size), size)
	y := b.reshape(x, s[0], groups, size)
	if y == nil || ones == nil || zeros == nil {
		return nil
	}
	y = b.do(op.LayerNorm(y, ones, zeros, epsilon))
	for i, f := range []func(x, s *gorgonia.Node) (*gorgonia.Node, error){op.Scale, op.Shift} {
		p := b.operand(1 + i)
		if y == nil || p == nil {
			return nil
		}
		n := p.Shape().TotalSize()
		if n != groups && n != s[1] {
			return b.fail("parameters of %v, want one for each of %d channels", p.Shape(), s[1])
		}
		if y = b.reshape(y, s[0], n, s[1:].TotalSize()/n); y != nil {
			y = b.do(f(y, b.reshape(p, n, 1)))
		}
	}
	return b.reshape(y, s...)
}

// importLRN divides by a power of the mean square over neighbouring channels; those
// that are not there count as 0.
func importLRN(b *builder, x *gorgonia.Node) *gorgonia.Node {
	size, s := b.attrInt("size", 0), x.Shape()
	if size < 1 || len(s) < 3 {
		return b.fail("input is %v and size %d, want images (N,C,H,W) and a positive number", s, size)
	}
	alpha, beta, bias := b.attrFloat("alpha", 1e-4), b.attrFloat("beta", 0.75), b.attrFloat("bias", 1)
	channels := b.reshape(b.unary("Square", x), s[0], 1, s[1], s[2:].TotalSize())
	before := (size - 1) / 2
	channels = b.pad(channels, []int{0, 0, before, 0}, []int{0, 0, size - 1 - before, 0}, "constant", 0)
	if channels == nil {
		return nil
	}
	mean := b.do(op.AvgPool2D(channels, op.Pool{KH: size, KW: 1, StrideH: 1, StrideW: 1}))
	if mean == nil {
		return nil
	}
	factor := b.mapped(own("LRN", op.Attribute{Name: "alpha", Value: alpha}, op.Attribute{Name: "beta", Value: beta}, op.Attribute{Name: "bias", Value: bias}), mean, func(m float64) float64 { return math.Pow(bias+alpha*m, -beta) },
		func(m float64) float64 { return -beta * alpha * math.Pow(bias+alpha*m, -beta-1) })
	if factor == nil {
		return nil
	}
	return b.do(op.Hadamard(x, b.reshape(factor, s...)))
}

// arrangeLayerNorm normalises all dimensions from the axis on together.
func arrangeLayerNorm(b *builder, x *value) *value {
	s := x.shape()
	axis, ok := b.axis(b.attrInt("axis", -1), len(s))
	if !ok {
		return nil
	}
	size := product(s[axis:])
	gamma, beta := b.operand(1), b.operand(2)
	if !b.has(2) {
		beta = b.s.Constant(b.unused(b.now.Outputs[0]+"/beta"), make([]float32, size), size)
	}
	if gamma == nil || beta == nil || gamma.Shape().TotalSize() != size || beta.Shape().TotalSize() != size {
		b.fail("scale or bias are not of the size of %v", s[axis:])
		return nil
	}
	gamma, beta = b.reshape(gamma, size), b.reshape(beta, size)
	epsilon := math.Max(b.attrFloat("epsilon", 1e-5), math.SmallestNonzeroFloat32)
	y := b.byRows(b.shaped(x, append(slices.Clone(s[:axis]), size)), func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return op.LayerNorm(x, gamma, beta, epsilon)
	})
	if y == nil {
		return nil
	}
	return b.shaped(y, s)
}

// arrangeChannelNorm normalises the channels of each pixel of images (N,C,H,W), with
// parameters of (C,1,1).
func arrangeChannelNorm(b *builder, x *value) *value {
	gamma, beta := b.operand(1), b.operand(2)
	if len(x.shape()) != 4 || gamma == nil || beta == nil {
		b.fail("operands of %v and other parameters, want images (N,C,H,W)", x.shape())
		return nil
	}
	gamma, beta = b.reshape(gamma, gamma.Shape().TotalSize()), b.reshape(beta, beta.Shape().TotalSize())
	epsilon := b.attrFloat("epsilon", 0)
	y := b.byRows(b.viewed(x, x.view.permuted([]int{0, 2, 3, 1})), func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return op.LayerNorm(x, gamma, beta, epsilon)
	})
	if y == nil {
		return nil
	}
	return b.viewed(y, y.view.permuted([]int{0, 3, 1, 2}))
}
