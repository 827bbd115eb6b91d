package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// blend is a sum or a product of two operands: of one shape, and of one that
// repeats.
type blend struct {
	same, repeat func(x, y *gorgonia.Node) (*gorgonia.Node, error)
}

var (
	adding      = blend{func(x, y *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(x, y) }, op.Shift}
	multiplying = blend{op.Hadamard, op.Scale}
)

func (b *builder) sum(x, y *value) *value { return b.blended(x, y, adding) }

// product multiplies. A constant factor waits for whoever needs the product, as
// other products take it along.
func (b *builder) product(x, y *value) *value {
	for range 2 {
		if f, ok := y.factor(); ok && x != nil && len(y.shape()) <= len(x.shape()) {
			if x = b.held(x); x == nil {
				return nil
			}
			return x.times(f)
		}
		x, y = y, x
	}
	return b.blended(x, y, multiplying)
}

// factor is the number that a constant of one element is, 1-dimensional at most.
func (v *value) factor() (f float64, ok bool) {
	if v == nil || !v.known() || v.constant.ints != nil || len(v.constant.floats) != 1 || len(v.constant.shape) > 1 {
		return 0, false
	}
	return float64(v.constant.floats[0]), true
}

// times is a value and a factor that nobody has multiplied with yet; nil for no value.
func (v *value) times(f float64) *value {
	if v == nil {
		return nil
	}
	if v.waits {
		f *= v.scale
	}
	return &value{node: v.node, view: v.view, waits: true, scale: f}
}

// scaled reports whether a factor is waiting.
func (v *value) scaled() bool { return v.waits && v.scale != 1 }

// blended combines two operands, broadcast as NumPy does.
func (b *builder) blended(x, y *value, f blend) *value {
	if x, y = b.held(x), b.held(y); x == nil || y == nil {
		return nil
	}
	to, ok := b.broadcasted(x.shape(), y.shape())
	if !ok || !b.fits(to) {
		return nil
	}
	if product(x.shape()) < product(y.shape()) {
		x, y = y, x
	}
	if product(x.shape()) == product(to) {
		x = b.shaped(x, to)
	} else {
		x = b.viewed(x, x.view.expanded(to))
	}
	if x == nil {
		return nil
	}
	switch {
	case slices.Equal(to, y.shape()):
		return b.alike(x, y, f)
	case !x.scaled():
		if z := b.repeated(x, y, f); z != nil {
			return z
		}
	}
	return b.shaped(valueOf(b.do(f.repeat(b.node(x), b.node(y)))), to)
}

// alike combines operands of one shape: as they lie in memory, if both lie alike.
func (b *builder) alike(x, y *value, f blend) *value {
	if x.node.Shape().TotalSize() == y.node.Shape().TotalSize() && !x.scaled() && !y.scaled() &&
		x.view.equal(y.view) && x.view.rearranged(x.node.Shape()) {
		z := b.do(f.same(x.node, b.reshape(y.node, x.node.Shape()...)))
		return b.like(x, z)
	}
	return b.shaped(valueOf(b.do(f.same(b.node(x), b.node(y)))), x.shape())
}

// like is a node that has what belongs to each element of a value's node: it is
// viewed in the same way.
func (b *builder) like(x *value, n *gorgonia.Node) *value {
	if n == nil {
		return nil
	}
	return &value{node: n, view: x.view}
}

// repeated combines a value as it lies in memory with one that repeats. It returns
// nil if the latter would have to be rearranged.
func (b *builder) repeated(x, y *value, f blend) *value {
	sorted, ok := x.view.factors(x.node.Shape())
	if !ok {
		return nil
	}
	ys := y.shape()
	with, last := slices.Repeat([]int{1}, len(sorted)), -1
	for i, d := range ys {
		if d == 1 {
			continue
		}
		for _, r := range samples(joined(x.view.dims[len(x.view.dims)-len(ys)+i]), x.node.Shape()) {
			at := slices.Index(sorted, r)
			if at <= last {
				return nil
			}
			with[at], last = r.size, at
		}
	}
	var shape []int
	for _, r := range sorted {
		shape = append(shape, r.size)
	}
	if n := x.node.Shape(); len(n) >= len(ys) && x.view.equal(plainView(n)) {
		shape, with = n, ys // as they are
	} else if n[0] == 1 { // one sample: the batch stays a dimension
		shape, with = slices.Insert(shape, 0, 1), slices.Insert(with, 0, 1)
	}
	return b.like(x, b.do(f.repeat(b.reshape(x.node, shape...), b.reshape(b.node(y), with...))))
}

// fromEnd is a dimension counted from the last, 1 before the first.
func fromEnd(s []int, i int) int {
	if i >= len(s) {
		return 1
	}
	return s[len(s)-1-i]
}

// each applies a function of each element by itself, to a value as it lies in
// memory.
func (b *builder) each(x *value, f func(x *gorgonia.Node) *gorgonia.Node) *value {
	if x.scaled() || !x.view.rearranged(x.node.Shape()) {
		x = b.copied(x)
	}
	if x.node == nil {
		return nil
	}
	return b.like(x, f(x.node))
}

// second is the second operand. Before version 7 an attribute says which axis
// of the first its own first one is.
func (b *builder) second(x *value) *value {
	axis := -1
	if a := b.attribute("axis"); a != nil && b.opset < 7 {
		var ok bool
		if axis, ok = b.axis(b.attrInt("axis", 0), len(x.shape())); !ok {
			return nil
		}
	}
	return b.alignedAt(axis, x)
}

// alignedAt returns the second operand. Before opset 7 it is padded with
// dimensions of 1 so that it lines up with x from the given axis on.
func (b *builder) alignedAt(axis int, x *value) *value {
	y := b.value(1)
	if b.opset >= 7 || axis < 0 || y == nil {
		return y
	}
	if y = b.held(y); y == nil {
		return nil
	}
	to := slices.Clone(y.shape())
	for len(to)+axis < len(x.shape()) {
		to = append(to, 1)
	}
	return b.shaped(y, to)
}

func arrangeAdd(b *builder, x *value) *value { return b.sum(x, b.second(x)) }

func arrangeSub(b *builder, x *value) *value {
	y := b.second(x)
	if y != nil && y.known() {
		y = b.computed(y, func(v float64) float64 { return -v })
	} else if y = b.held(y); y != nil {
		y = y.times(-1)
	}
	return b.sum(x, y)
}

func arrangeMul(b *builder, x *value) *value { return b.product(x, b.second(x)) }

func arrangeDiv(b *builder, x *value) *value {
	whole := integral(b.value(0).kind())
	y := b.second(x)
	switch {
	case whole:
		return b.combined(op.Reduction{Name: "Div", Operator: own("Quotient"), F: func(v []float64) float64 { return math.Trunc(v[0] / v[1]) }}, x, y)
	case y == nil || !y.known() || !y.constant.invertible():
		return b.combined(quotient, x, y)
	}
	return b.product(x, b.computed(y, func(v float64) float64 { return 1 / v }))
}

// invertible reports whether all numbers have an inverse that float32 holds in full
// precision, as subnormal ones have not.
func (c constant) invertible() bool {
	for i := range c.size() {
		if v := math.Abs(c.number(i)); !(v > 1e-37 && v < 1e37) {
			return false
		}
	}
	return true
}

// computed is a constant of floats that is made of another, for an operand of the
// node that is being added.
func (b *builder) computed(x *value, f func(v float64) float64) *value {
	if !b.roomFor(x) {
		return nil
	}
	c := constant{shape: x.constant.shape, floats: make([]float32, x.constant.size())}
	for i := range c.floats {
		c.floats[i] = float32(f(x.constant.number(i)))
	}
	return &value{constant: c, name: b.unused(b.now.Outputs[0] + "/operand")}
}

func arrangeSum(b *builder, x *value) *value {
	for i := 1; i < len(b.now.Inputs) && x != nil; i++ {
		x = b.sum(x, b.value(i))
	}
	return x
}
