package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Quantized operators compute in float32, with integers as whole numbers. What they
// round goes to the very integers that the operator has, ties to the even one, and
// stops at the ends of the type. Their sums of products are float32 sums: up to 2²⁴
// they are exact; beyond, an integer may come out as its neighbour. Quantized weights
// are constants, which training does not change, and scales are not trained either.

// grid is how numbers become integers: the nearest to x/scale, and zero more, within
// low and high.
type grid struct{ scale, zero, low, high float64 }

// integer divides in float32, as files do.
func (g grid) integer(x float64) float64 {
	return max(g.low, min(math.RoundToEven(float64(float32(x)/float32(g.scale)))+g.zero, g.high))
}

// slope is the derivative without the rounding.
func (g grid) slope(x float64) float64 {
	if y := x/g.scale + g.zero; y < g.low || y > g.high {
		return 0
	}
	return 1 / g.scale
}

// bounds are the ends of a type; those of 32 bits are the ends of what a graph holds.
func (b *builder) bounds(elem int64) (low, high float64, ok bool) {
	if !integral(elem) || elem == typeBool {
		b.fail("quantization to %s, want integers", elementName(elem))
		return 0, 0, false
	}
	low, high = limits(elem)
	return low, high, true
}

func arrangeQuantize(b *builder, x *value) *value {
	axis, ok := b.channelAxis(x.shape(), 1)
	if !ok {
		return nil
	}
	return b.quantized(x, b.value(1), b.value(2), axis, b.resultKind())
}

// quantized makes integers of x, by a scale and a zero point that are numbers, or one
// for each position along an axis; without a zero point that is 0.
func (b *builder) quantized(x, scale, zero *value, axis int, elem int64) *value {
	low, high, ok := b.bounds(elem)
	if !ok || x == nil || scale == nil {
		return nil
	}
	s, oneScale := scale.single()
	z, oneZero := 0.0, true
	if zero != nil {
		z, oneZero = zero.single()
	}
	if oneScale && oneZero {
		g := grid{s, z, low, high}
		o := own("Quantize", op.Attribute{Name: "scale", Value: s}, op.Attribute{Name: "zero", Value: z}, op.Attribute{Name: "low", Value: low}, op.Attribute{Name: "high", Value: high})
		return b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return b.mapped(o, x, g.integer, g.slope) })
	}
	if zero == nil {
		zero = b.computed(&value{constant: constant{ints: []int64{0}}}, func(v float64) float64 { return v })
	}
	o := own("QuantizeEach", op.Attribute{Name: "low", Value: low}, op.Attribute{Name: "high", Value: high})
	return b.combined(op.Reduction{
		Name: "Quantize", Operator: o,
		F: func(v []float64) float64 { return grid{v[1], v[2], low, high}.integer(v[0]) },
		D: func(v, d []float64) { d[0] = grid{v[1], v[2], low, high}.slope(v[0]) },
	}, x, b.along(scale, axis, len(x.shape())), b.along(zero, axis, len(x.shape())))
}

// single is the number that a constant or a weight of one element is.
func (v *value) single() (float64, bool) {
	if v == nil || v.constant.size() != 1 {
		return 0, false
	}
	return v.constant.number(0), true
}

// along places a list of numbers along an axis of so many dimensions.
func (b *builder) along(v *value, axis, dims int) *value {
	if v = b.held(v); v == nil || len(v.shape()) != 1 || v.shape()[0] == 1 {
		return v
	}
	if axis >= dims {
		b.fail("scales or zero points for axis %d of %d dimensions", axis, dims)
		return nil
	}
	shape := slices.Repeat([]int{1}, dims)
	shape[axis] = v.shape()[0]
	return b.shaped(v, shape)
}

// channelAxis is the axis that scales are for, which input i has.
func (b *builder) channelAxis(s []int, i int) (axis int, ok bool) {
	scale := b.value(i)
	if scale == nil || len(scale.shape()) > 1 {
		b.fail("a scale of several dimensions, want one number, or one for each channel")
		return 0, false
	}
	if product(scale.shape()) == 1 {
		return 0, true
	}
	if axis, ok = b.axis(b.attrInt("axis", 1), len(s)); ok && scale.shape()[0] != s[axis] {
		b.fail("%d scales along axis %d of %v", scale.shape()[0], axis, tensor.Shape(s))
		return 0, false
	}
	return axis, ok
}

// foldDequantize makes floats of constant integers.
func foldDequantize(b *builder) (c constant, ok bool) {
	x, ok := b.known(0)
	scale := b.value(1)
	if !ok || x.ints == nil || scale == nil || scale.node != nil && scale.constant.floats == nil {
		return c, false
	}
	axis, ok := b.channelAxis(x.shape, 1)
	if !ok {
		return c, true
	}
	zero := b.value(2)
	if zero != nil && zero.constant.ints == nil {
		return c, false
	}
	if !b.roomFor(b.value(0)) {
		return c, true
	}
	c = constant{shape: x.shape, floats: make([]float32, x.size())}
	inner := product(x.shape[min(axis+1, len(x.shape)):])
	for i := range c.floats {
		at := 0
		if scale.constant.size() > 1 {
			at = i / inner % x.shape[axis]
		}
		v := float64(x.ints[i])
		if zero != nil {
			v -= float64(zero.constant.ints[min(at, zero.constant.size()-1)])
		}
		c.floats[i] = float32(v) * float32(scale.constant.number(at))
	}
	return c, true
}

func arrangeDequantize(b *builder, x *value) *value {
	axis, ok := b.channelAxis(x.shape(), 1)
	if !ok {
		return nil
	}
	return b.product(b.shifted(x, b.value(2), axis), b.fixed(b.along(b.value(1), axis, len(x.shape()))))
}

// fixed is a value of which constants are known.
func (b *builder) fixed(v *value) *value {
	if f, ok := v.single(); ok {
		return b.computed(&value{constant: constant{shape: v.constant.shape, floats: []float32{float32(f)}}}, func(v float64) float64 { return v })
	}
	return v
}

// shifted is x less a zero point, which may be nil.
func (b *builder) shifted(x, zero *value, axis int) *value {
	if x == nil {
		return nil
	}
	if x.node == nil && x.constant.ints != nil {
		x = b.computed(x, func(v float64) float64 { return v })
	}
	if z, one := zero.single(); zero == nil || one && z == 0 {
		return b.held(x)
	}
	if zero.constant.ints != nil {
		negative := b.computed(zero, func(v float64) float64 { return -v })
		return b.sum(b.held(x), b.along(negative, axis, len(x.shape())))
	}
	return b.sum(b.held(x), b.along(b.held(zero).times(-1), axis, len(x.shape())))
}

// importConvInteger is a convolution of integers.
func importConvInteger(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.convolved(b.shifted(valueOf(x), b.value(2), 1), b.shifted(b.value(1), b.value(3), 0), nil)
}

// importQLinearConv is a convolution of quantized images and filters.
func importQLinearConv(b *builder, x *gorgonia.Node) *gorgonia.Node {
	var bias *gorgonia.Node
	if v := b.value(8); v != nil {
		bias = b.node(b.computed(v, func(v float64) float64 { return v }))
	}
	y := valueOf(b.convolved(b.shifted(valueOf(x), b.value(2), 1), b.shifted(b.value(3), b.value(5), 0), bias))
	return b.node(b.requantized(y, [3]int{1, 4, 6}, b.value(7), 1))
}

func (b *builder) convolved(x, f *value, bias *gorgonia.Node) *gorgonia.Node {
	if x == nil || f == nil {
		return nil
	}
	n, filters := b.node(x), b.node(f)
	if n == nil || filters == nil || filters.Dims() != n.Dims() || n.Dims() < 3 {
		return b.fail("filters of other dimensions than the input %v", tensor.Shape(x.shape()))
	}
	w, ok := b.window(n, filters.Shape()[2:])
	if !ok || !b.auto(&w, n.Shape()[2:]) {
		return nil
	}
	return b.convolve(n, filters, bias, w, b.attrInt("group", 1))
}

// requantized multiplies sums of products by the scales of both operands, divided by
// that of the result, and makes integers of them. The inputs of the scales are given.
func (b *builder) requantized(y *value, scales [3]int, zero *value, axis int) *value {
	sx, ok1 := b.value(scales[0]).single()
	sy, ok2 := b.value(scales[2]).single()
	w := b.value(scales[1])
	if !ok1 || !ok2 || y == nil || w == nil || w.constant.floats == nil {
		b.fail("scales that are computed or not one number, want constants, of weights perhaps one for each channel")
		return nil
	}
	factor := b.computed(w, func(v float64) float64 { return float64(float32(sx)*float32(v)) / sy })
	if factor == nil {
		return nil
	}
	if factor.constant.size() > 1 {
		factor = b.along(factor, axis, len(y.shape()))
	}
	one := &value{constant: constant{floats: []float32{1}}} // it is multiplied with the factor, where a grid divides
	return b.quantized(b.product(y, factor), one, zero, axis, b.resultKind())
}

// arrangeMatMulInteger is a product of matrices of integers.
func arrangeMatMulInteger(b *builder, x *value) *value {
	return b.productOfIntegers(x, b.value(1), b.value(2), b.value(3))
}

func arrangeQLinearMatMul(b *builder, x *value) *value {
	y := b.productOfIntegers(x, b.value(3), b.value(2), b.value(5))
	return b.requantized(y, [3]int{1, 4, 6}, b.value(7), max(0, len(b.outputShape(y))-1))
}

func (b *builder) outputShape(y *value) []int {
	if y == nil {
		return nil
	}
	return y.shape()
}

// productOfIntegers has zero points for all, for each row of the first operand, and
// for each column of the second.
func (b *builder) productOfIntegers(x, w, zeroX, zeroW *value) *value {
	if w == nil || len(x.shape()) == 0 || len(w.shape()) == 0 {
		b.fail("a scalar or no operand, want matrices")
		return nil
	}
	x = b.shifted(x, zeroX, max(0, len(x.shape())-2))
	w = b.shifted(w, zeroW, len(w.shape())-1)
	return b.matMul(x, b.held(w), nil)
}

// arrangeDynamicQuantize makes bytes of a whole tensor: its numbers and 0 go from 0 to
// 255. It has the scale and the zero point as further results.
func arrangeDynamicQuantize(b *builder, x *value) *value {
	row := b.shaped(x, []int{product(x.shape())})
	if row == nil {
		return nil
	}
	var ends []*value
	for _, f := range []op.Reduction{extreme("ReduceMin", -1), extreme("ReduceMax", 1)} {
		v := b.shaped(valueOf(b.do(op.Across(b.node(row), 0, f))), nil)
		if v == nil {
			return nil
		}
		ends = append(ends, v)
	}
	scale := b.combined(op.Reduction{Name: "QuantizeScale", Operator: own("QuantizeScale"), F: func(v []float64) float64 {
		return float64(float32(float32(max(v[1], 0)-min(v[0], 0)) / 255))
	}}, ends...)
	if scale == nil {
		return nil
	}
	zero := b.combined(op.Reduction{Name: "QuantizeZero", Operator: own("QuantizeZero"), F: func(v []float64) float64 {
		return grid{v[1], 0, 0, 255}.integer(-min(v[0], 0))
	}}, ends[0], scale)
	if zero == nil {
		return nil
	}
	y := b.quantized(x, scale, zero, 0, typeUint8)
	zero.elem = typeUint8
	for i, v := range []*value{y, scale, zero} {
		if i > 0 && i < len(b.now.Outputs) && v != nil && b.now.Outputs[i] != "" {
			v.name = b.now.Outputs[i]
			b.values[v.name] = v
		}
	}
	return y
}
