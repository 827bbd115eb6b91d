package topology

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// addNode is the sum of two inputs, or their difference with a sign of -1.
func addNode(sign float64) func(*builder, *node, []value) value {
	return func(b *builder, _ *node, in []value) value {
		s := b.s.Sub("add")
		switch x, y := in[0], in[1]; {
		case x.node != nil && y.node != nil:
			if sign < 0 {
				y.node = b.times(y.node, -1)
			}
			return b.combine(s, []value{x, y}, sum)
		case x.node != nil:
			c := b.beside(s, x, y.constant, func(v float64) float64 { return sign * v })
			return value{node: s.Node(op.Shift(x.node, c)), flattened: x.flattened}
		case y.node != nil:
			c := b.beside(s, y, x.constant, func(v float64) float64 { return v })
			if sign < 0 {
				y.node = b.times(y.node, -1)
			}
			return value{node: s.Node(op.Shift(y.node, c)), flattened: y.flattened}
		}
		return value{node: b.errorf("two constants, want something that depends on the network's input")}
	}
}

// mulNode is the product of two inputs, or their quotient.
func mulNode(quotient bool) func(*builder, *node, []value) value {
	return func(b *builder, _ *node, in []value) value {
		s := b.s.Sub("multiply")
		x, y := in[0], in[1]
		of := func(v float64) float64 { return v }
		if quotient && y.node != nil {
			y.node = b.s.Apply(mapped(op.ReciprocalFunction()), y.node)
		} else if quotient {
			of = func(v float64) float64 { return 1 / v }
		}
		switch {
		case x.node != nil && y.node != nil:
			return b.combine(s, []value{x, y}, products)
		case x.node == nil && y.node == nil:
			return value{node: b.errorf("two constants, want something that depends on the network's input")}
		case x.node == nil:
			x, y = y, x
		}
		return value{node: s.Node(op.Scale(x.node, b.beside(s, x, y.constant, of))), flattened: x.flattened}
	}
}

func addAll(b *builder, _ *node, in []value) value {
	for _, v := range in {
		if v.node == nil {
			return value{node: b.errorf("a constant among the inputs, want none")}
		}
	}
	if len(in) == 1 {
		return in[0]
	}
	return b.combine(b.s.Sub("add"), in, sum)
}

// times multiplies by a number.
func (b *builder) times(x *gorgonia.Node, by float64) *gorgonia.Node {
	return b.s.Sub("times").Node(op.Map(x, op.DivideFunction(1/by)))
}

func negated(b *builder, _ *node, x *gorgonia.Node, _ []value) *gorgonia.Node { return b.times(x, -1) }

// limitNode is the larger, or the smaller, of a value and a number.
func limitNode(larger bool) func(*builder, *node, []value) value {
	return func(b *builder, _ *node, in []value) value {
		x, c := in[0], in[1].constant
		if x.node == nil {
			x, c = in[1], in[0].constant
		}
		if x.node == nil || c == nil || len(c.Values) != 1 {
			return value{node: b.errorf("want a value and one constant number")}
		}
		low, high := math.Inf(-1), math.Inf(1)
		if v := float64(c.Values[0]); larger {
			low = v
		} else {
			high = v
		}
		return value{node: b.s.Apply(mapped(op.LimitFunction(low, high)), x.node), flattened: x.flattened}
	}
}

// beside makes a constant that repeats along a value's dimensions, as NumPy
// broadcasts in the file's order.
func (b *builder) beside(s *graph.Scope, x value, c *Array, f func(float64) float64) *gorgonia.Node {
	in := x.node.Shape()
	to := slices.Clone(in)
	if len(in) == 4 {
		to[1], to[2], to[3] = in[2], in[3], in[1]
	}
	shape := c.Shape
	for len(shape) > len(in) && shape[0] == 1 {
		shape = shape[1:]
	}
	fits := len(shape) <= len(in)
	shape = append(slices.Repeat([]int{1}, max(len(in)-len(shape), 0)), shape...)
	for i, d := range shape {
		fits = fits && (d == 1 || d == to[i] && i > 0)
	}
	if !fits {
		return b.errorf("a constant %v beside %v, want one that repeats along it", tensor.Shape(c.Shape), tensor.Shape(to))
	}
	place := itself
	if len(shape) == 4 {
		shape = []int{1, shape[3], shape[1], shape[2]}
		place = lastly(shape[1:])
	} else if b.flattened = x.flattened; len(shape) == 2 && shape[1] > 1 {
		place = b.element()
	}
	values := make([]float32, len(c.Values))
	for i := range values {
		values[i] = float32(f(float64(c.Values[place(i)])))
	}
	return s.Constant("value", values, shape...)
}
