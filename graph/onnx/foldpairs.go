package onnx

import (
	"cmp"
	"math"

	"gorgonia.org/tensor"
)

// pairwise computes an operator of two constants, element by element: of integers
// and of floats, or whatever they are.
type pairwise struct {
	ints   func(x, y int64) int64
	floats func(x, y float64) float64
	truth  func(order int) bool // a comparison, given cmp.Compare
}

// pairs are the operators of two numbers that are computed of constants.
var pairs = map[string]pairwise{
	"Add":            {ints: func(x, y int64) int64 { return x + y }, floats: func(x, y float64) float64 { return x + y }},
	"Sub":            {ints: func(x, y int64) int64 { return x - y }, floats: func(x, y float64) float64 { return x - y }},
	"Mul":            {ints: func(x, y int64) int64 { return x * y }, floats: func(x, y float64) float64 { return x * y }},
	"Div":            {ints: divided, floats: func(x, y float64) float64 { return x / y }},
	"Mod":            {ints: modulo, floats: math.Mod},
	"Pow":            {floats: math.Pow},
	"Equal":          {truth: func(order int) bool { return order == 0 }},
	"Less":           {truth: func(order int) bool { return order < 0 }},
	"Greater":        {truth: func(order int) bool { return order > 0 }},
	"LessOrEqual":    {truth: func(order int) bool { return order <= 0 }},
	"GreaterOrEqual": {truth: func(order int) bool { return order >= 0 }},
	"And":            {ints: func(x, y int64) int64 { return x & y }},
	"Or":             {ints: func(x, y int64) int64 { return x | y }},
	"Xor":            {ints: func(x, y int64) int64 { return x ^ y }},
	"Max":            {ints: func(x, y int64) int64 { return max(x, y) }, floats: math.Max},
	"Min":            {ints: func(x, y int64) int64 { return min(x, y) }, floats: math.Min},
}

// divided is the quotient, cut towards zero; 0 for a division by zero, which fold
// has refused.
func divided(x, y int64) int64 {
	if y == 0 {
		return 0
	}
	return x / y
}

// modulo has the sign of y.
func modulo(x, y int64) int64 {
	if y == 0 {
		return 0
	}
	if m := x % y; m != 0 && (m < 0) != (y < 0) {
		return m + y
	}
	return x % y
}

// foldPair computes one of pairs, broadcast.
func foldPair(b *builder) (c constant, ok bool) {
	all, ok := b.allKnown()
	if !ok {
		return c, false
	}
	c = all[0]
	for _, y := range all[1:] {
		if b.opset < 7 && b.attribute("axis") != nil && b.attrInt("axis", 0) != len(c.shape)-len(y.shape) {
			return c, false // they line up elsewhere
		}
		if c, ok = b.pair(c, y); !ok {
			break
		}
	}
	return c, true
}

// pair computes an operator of two constants. ok is false after an error.
func (b *builder) pair(x, y constant) (c constant, ok bool) {
	shape, ok := b.broadcasted(x.shape, y.shape)
	if !ok {
		return c, false
	}
	size, ok := b.room(shape)
	if !ok {
		return c, false
	}
	p := pairs[b.now.Op]
	whole := x.ints != nil && y.ints != nil
	switch {
	case whole && b.now.Op == "Mod" && b.attrInt("fmod", 0) != 0:
		p.ints = func(x, y int64) int64 { return x - y*divided(x, y) }
	case whole && (b.now.Op == "Div" || b.now.Op == "Mod") && hasZero(y.ints):
		b.fail("a division by zero")
		return c, false
	}
	power := b.now.Op == "Pow" && x.ints != nil // of integers, the exponent of whatever kind
	if c.shape = shape; p.truth != nil || whole || power {
		c.ints = make([]int64, size)
	} else {
		c.floats = make([]float32, size)
	}
	if c.elem = x.elem; p.truth != nil {
		c.elem = typeBool
	}
	broadcastEach(shape, x.shape, y.shape, func(i, j, k int) {
		switch {
		case p.truth != nil && whole:
			c.ints[i] = truth(p.truth(cmp.Compare(x.ints[j], y.ints[k])))
		case p.truth != nil:
			c.ints[i] = truth(p.truth(cmp.Compare(x.number(j), y.number(k))))
		case power:
			c.ints[i] = wrapped(int64(math.Pow(x.number(j), y.number(k))), c.elem)
		case whole:
			c.ints[i] = wrapped(p.ints(x.ints[j], y.ints[k]), c.elem)
		default:
			c.floats[i] = float32(p.floats(x.number(j), y.number(k)))
		}
	})
	return c, true
}

func hasZero(v []int64) bool {
	for _, x := range v {
		if x == 0 {
			return true
		}
	}
	return false
}

// broadcastEach visits each element i of a shape. Two other shapes, x and y, are
// broadcast to it: j and k are the elements of x and of y that lie at i.
func broadcastEach(shape, x, y []int, visit func(i, j, k int)) {
	to, fromX, fromY := make([]int, len(shape)), make([]int, len(x)), make([]int, len(y))
	placeX, placeY := repeating(x, len(shape)), repeating(y, len(shape))
	for i := range product(shape) {
		placeX(to, fromX)
		placeY(to, fromY)
		visit(i, offset(x, fromX), offset(y, fromY))
		next(to, shape)
	}
}

// broadcasted is the shape of two operands together, as NumPy has it.
func (b *builder) broadcasted(x, y []int) (shape []int, ok bool) {
	shape = make([]int, max(len(x), len(y)))
	for i := range shape {
		dx, dy := fromEnd(x, len(shape)-1-i), fromEnd(y, len(shape)-1-i)
		if dx != dy && dx != 1 && dy != 1 {
			b.fail("operands of %v and %v do not go together", tensor.Shape(x), tensor.Shape(y))
			return nil, false
		}
		if shape[i] = dx; dx == 1 {
			shape[i] = dy
		}
	}
	return shape, true
}

// foldWhere picks elements of one or of another constant.
func foldWhere(b *builder) (c constant, ok bool) {
	all, ok := b.allKnown()
	if !ok || len(all) != 3 {
		return c, false
	}
	condition, x, y := all[0], all[1], all[2]
	if condition.ints == nil || (x.ints == nil) != (y.ints == nil) {
		b.fail("a condition that is not truth, or integers and floats")
		return c, true
	}
	shape, ok := b.broadcasted(x.shape, y.shape)
	if !ok {
		return c, true
	}
	if shape, ok = b.broadcasted(condition.shape, shape); !ok {
		return c, true
	}
	size, ok := b.room(shape)
	if !ok {
		return c, true
	}
	c.elem = x.elem
	if c.shape = shape; x.ints != nil {
		c.ints = make([]int64, size)
	} else {
		c.floats = make([]float32, size)
	}
	holds := make([]bool, size)
	broadcastEach(shape, condition.shape, nil, func(i, j, _ int) { holds[i] = condition.ints[j] != 0 })
	broadcastEach(shape, x.shape, y.shape, func(i, j, k int) {
		if holds[i] {
			c.set(i, x, j)
		} else {
			c.set(i, y, k)
		}
	})
	return c, true
}

func foldNot(b *builder) (c constant, ok bool) {
	if c, ok = b.known(0); !ok || c.ints == nil {
		return c, false
	}
	if _, ok := b.room(c.shape); !ok {
		return c, true
	}
	ints := make([]int64, len(c.ints))
	for i, v := range c.ints {
		ints[i] = truth(v == 0)
	}
	return constant{shape: c.shape, ints: ints, elem: typeBool}, true
}

func truth(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// number is element i.
func (c constant) number(i int) float64 {
	if c.ints != nil {
		return float64(c.ints[i])
	}
	return float64(c.floats[i])
}

// size is the number of elements.
func (c constant) size() int { return len(c.ints) + len(c.floats) }
