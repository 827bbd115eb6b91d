package onnx

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// combined applies a function to the elements of several operands, broadcast.
func (b *builder) combined(f op.Reduction, operands ...*value) *value {
	var to []int
	for _, v := range operands {
		if v = b.held(v); v == nil {
			return nil
		}
		var ok bool
		if to, ok = b.broadcasted(to, v.shape()); !ok {
			return nil
		}
	}
	shape := to
	to = atLeastOne(to)
	if !b.fits(append([]int{len(operands)}, to...)) {
		return nil
	}
	apart := append([]int{to[0], 1}, to[1:]...)
	var nodes []*gorgonia.Node
	for _, v := range operands {
		n := b.reshape(b.node(b.viewed(v, v.view.expanded(to))), apart...)
		if n == nil {
			return nil
		}
		nodes = append(nodes, n)
	}
	return b.shaped(valueOf(b.do(op.Across(b.do(op.Concat(1, nodes...)), 1, f))), shape)
}

// operands are all inputs.
func (b *builder) operands(first *value) []*value {
	all := []*value{first}
	for i := 1; i < len(b.now.Inputs); i++ {
		all = append(all, b.value(i))
	}
	return all
}

// combining is the rule of a function of all operands.
func combining(f op.Reduction) func(b *builder, x *value) *value {
	return func(b *builder, x *value) *value { return b.combined(f, b.operands(x)...) }
}

// comparing is the rule of a comparison of two operands, or of another question about
// them. It has no gradient. An integer that is not known, see [wholeIn], is no answer.
func comparing(name string, holds func(x, y float64) bool) func(b *builder, x *value) *value {
	return func(b *builder, x *value) *value {
		whole := integral(b.value(0).kind())
		o := own(name, op.Attribute{Name: "whole", Value: float64(truth(whole))})
		return b.combined(op.Reduction{Name: name, Operator: o, F: func(v []float64) float64 {
			if whole && (v[0] != v[0] || v[1] != v[1]) {
				return math.NaN()
			}
			return float64(truth(holds(v[0], v[1])))
		}}, b.operands(x)...)
	}
}

// extreme is the largest number, or by a factor of -1 the smallest; NaN if one is.
// The first of equal ones gets the gradient.
func extreme(name string, factor float64) op.Reduction {
	place := func(v []float64) (at int) {
		for i, x := range v {
			if x != x {
				return i
			}
			if factor*x > factor*v[at] {
				at = i
			}
		}
		return at
	}
	return op.Reduction{
		Name: name, Operator: &op.Operator{Kind: name},
		F: func(v []float64) float64 { return v[place(v)] },
		D: func(v, d []float64) { d[place(v)] = 1 },
	}
}

var (
	choice = op.Reduction{
		Name: "Where", Operator: own("Where"),
		F: func(v []float64) float64 {
			switch {
			case v[0] != v[0]:
				return v[0]
			case v[0] != 0:
				return v[1]
			}
			return v[2]
		},
		D: func(v, d []float64) { d[2-truth(v[0] != 0)] = 1 },
	}
	quotient = op.Reduction{
		Name: "Div", Operator: &op.Operator{Kind: "Div"},
		F: func(v []float64) float64 { return v[0] / v[1] },
		D: func(v, d []float64) { d[0], d[1] = 1/v[1], -v[0]/(v[1]*v[1]) },
	}
	power = op.Reduction{
		Name: "Pow", Operator: &op.Operator{Kind: "Pow"},
		F: func(v []float64) float64 { return math.Pow(v[0], v[1]) },
		D: func(v, d []float64) {
			d[0] = v[1] * math.Pow(v[0], v[1]-1)
			if v[0] > 0 {
				d[1] = math.Pow(v[0], v[1]) * math.Log(v[0])
			}
		},
	}
	total = op.Reduction{
		Name: "ReduceSum", Operator: &op.Operator{Kind: "ReduceSum"},
		F: func(v []float64) (sum float64) {
			for _, x := range v {
				sum += x
			}
			return sum
		},
		D: func(_, d []float64) {
			for i := range d {
				d[i] = 1
			}
		},
	}
	allTogether = op.Reduction{
		Name: "ReduceProd", Operator: &op.Operator{Kind: "ReduceProd"},
		F: func(v []float64) float64 {
			p := 1.0
			for _, x := range v {
				p *= x
			}
			return p
		},
		D: func(v, d []float64) { // the product of those before, times that of those behind
			p := 1.0
			for i, x := range v {
				d[i], p = p, p*x
			}
			p = 1
			for i := len(v) - 1; i >= 0; i-- {
				d[i], p = d[i]*p, p*v[i]
			}
		},
	}
)

// arrangeMod is the remainder: with the sign of the second operand, or with fmod of
// the first.
func arrangeMod(b *builder, x *value) *value {
	f := op.Reduction{Name: "Mod", Operator: own("Mod"), F: func(v []float64) float64 {
		m := math.Mod(v[0], v[1])
		if m != 0 && (m < 0) != (v[1] < 0) {
			m += v[1]
		}
		return m
	}}
	if b.attrInt("fmod", 0) != 0 {
		f.F, f.Operator = func(v []float64) float64 { return math.Mod(v[0], v[1]) }, own("Remainder")
	}
	f.D = func(v, d []float64) { d[0], d[1] = 1, -math.Trunc(v[0]/v[1]) }
	return b.combined(f, b.operands(x)...)
}

// arrangePow is the power with an exponent that is one constant, or with a tensor.
func arrangePow(b *builder, x *value) *value {
	y := b.value(1)
	if y == nil || y.initializer && y.constant.size() == 1 || y.known() && y.constant.size() == 1 && len(y.constant.shape) <= len(x.shape()) {
		return each(importPow)(b, x)
	}
	return b.combined(power, x, b.second(x))
}

// arrangeMean is the mean of all operands, broadcast.
func arrangeMean(b *builder, x *value) *value {
	if x = arrangeSum(b, x); x == nil {
		return nil
	}
	return x.times(1 / float64(len(b.now.Inputs)))
}

// arrangeArg is the place of the largest along an axis, or with a factor of -1 of the
// smallest.
func arrangeArg(factor float64) func(b *builder, x *value) *value {
	return func(b *builder, x *value) *value {
		s, last := x.shape(), b.attrInt("select_last_index", 0) != 0
		axis, ok := b.axis(b.attrInt("axis", 0), len(s))
		if !ok {
			return nil
		}
		y := b.do(op.Across(b.node(x), axis, op.Reduction{Name: b.now.Op, Operator: &op.Operator{Kind: b.now.Op, Attributes: []op.Attribute{{Name: "select_last_index", Value: float64(truth(last))}}}, F: func(v []float64) float64 {
			at := 0
			for i, x := range v {
				if d := factor * (x - v[at]); d > 0 || last && d == 0 {
					at = i
				}
			}
			return float64(at)
		}}))
		if y == nil {
			return nil
		}
		return b.shaped(valueOf(y), reducedShape(s, []int{axis}, b.attrInt("keepdims", 1) != 0))
	}
}
