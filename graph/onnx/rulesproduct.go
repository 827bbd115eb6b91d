package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// rows is a node whose last dimension is a value's, with the other dimensions in
// whatever order they lie in memory. back gives a result that has a row for each
// row of it, of any length, the value's order.
func (b *builder) rows(x *value) (n *gorgonia.Node, back func(y *gorgonia.Node) *value) {
	if x == nil {
		return nil, nil
	}
	if x.scaled() || !x.rowwise() {
		if x = b.copied(x); x.node == nil {
			return nil, nil
		}
		if !x.rowwise() {
			x = valueOf(b.reshape(x.node, x.shape()...))
		}
	}
	if x == nil {
		return nil, nil
	}
	k := x.shape()[len(x.shape())-1]
	prefix, size := slices.Clone(x.node.Shape()), 1
	for size < k {
		size *= prefix[len(prefix)-1]
		prefix = prefix[:len(prefix)-1]
	}
	if len(prefix) == 0 {
		prefix = []int{1}
	}
	back = func(y *gorgonia.Node) *value {
		if y == nil {
			return nil
		}
		to := y.Shape()[y.Dims()-1]
		dims := make([][]run, len(x.view.dims))
		for i, d := range x.view.dims {
			for _, r := range d {
				dims[i] = append(dims[i], run{r.size, r.step / k * to})
			}
		}
		dims[len(dims)-1] = []run{{to, 1}}
		return &value{node: y, view: view{dims: dims}}
	}
	return b.reshape(x.node, append(prefix, k)...), back
}

// rowwise reports whether the rows of a value are rows of its node, in any order
// of its other dimensions, none of which is cut.
func (v *value) rowwise() bool {
	if len(v.view.dims) == 0 {
		return false
	}
	sorted, ok := v.view.factors(v.node.Shape())
	last := joined(v.view.dims[len(v.view.dims)-1])
	k := sizeOf(last)
	if !ok || k > 1 && !slices.Equal(last, []run{{k, 1}}) {
		return false
	}
	borders, step := map[int]bool{}, 1 // steps of the node's dimensions
	for _, d := range slices.Backward(v.node.Shape()) {
		borders[step] = true
		step *= d
	}
	for _, r := range sorted {
		if !borders[r.step] {
			return false
		}
	}
	return borders[k] || k == step
}

// arrangeMatMul is the product with a matrix, or of matrices in pairs. A third
// input, which no file has, is a bias that a pattern has found.
func arrangeMatMul(b *builder, x *value) *value {
	return b.matMul(x, b.held(b.value(1)), b.operand(2))
}

// matMul is the product. A vector is a row as the first operand, and a column as the
// second; the product is without its dimension.
func (b *builder) matMul(x, w *value, bias *gorgonia.Node) *value {
	if x == nil || w == nil || len(x.shape()) == 0 || len(w.shape()) == 0 {
		b.fail("a scalar or no operand, want (…,M,K) and (…,K,N)")
		return nil
	}
	if n := w.shape(); len(n) == 1 {
		y := b.matMul(x, b.shaped(w, []int{n[0], 1}), bias)
		if y == nil {
			return nil
		}
		return b.shaped(y, y.shape()[:len(y.shape())-1])
	}
	if n := x.shape(); len(n) == 1 {
		y := b.matMul(b.shaped(x, []int{1, n[0]}), w, bias)
		if y == nil {
			return nil
		}
		s := y.shape()
		return b.shaped(y, slices.Delete(slices.Clone(s), len(s)-2, len(s)-1))
	}
	if len(w.shape()) > 2 {
		return b.pairs(x, w)
	}
	return b.matrixProduct(x, w, bias)
}

// matrixProduct is x·w + bias.
func (b *builder) matrixProduct(x, w *value, bias *gorgonia.Node) *value {
	n, back := b.rows(x)
	if n == nil {
		return nil
	}
	return back(b.do(op.Mul(n, b.node(w), bias)))
}

// pairs multiplies matrices in pairs, the outer dimensions broadcast.
func (b *builder) pairs(x, y *value) *value {
	sx, sy := x.shape(), y.shape()
	outer, ok := b.broadcasted(sx[:len(sx)-2], sy[:len(sy)-2])
	if !ok || !b.fits(slices.Concat(outer, sx[len(sx)-2:])) || !b.fits(slices.Concat(outer, sy[len(sy)-2:])) {
		return nil
	}
	x, y = b.matrices(x, outer), b.matrices(y, outer)
	if x == nil || y == nil {
		return nil
	}
	p, dims, ok := paired(x, y, len(outer))
	if !ok {
		if x, y = b.ordered(x), b.ordered(y); x == nil || y == nil {
			return nil
		}
		p, dims, _ = paired(x, y, len(outer))
	}
	if n := product(outer); n > maxProducts*b.batch {
		b.fail("%d pairs of matrices, want at most %d a sample", n, maxProducts)
		return nil
	}
	p.Scale = x.times(1).scale * y.times(1).scale
	n := b.do(op.BatchMul(x.node, y.node, p))
	if n == nil {
		return nil
	}
	z := &value{node: n, view: resultOf(p, n.Shape(), dims)}
	if p.Scale == 0 { // which the op takes for 1
		return z.times(0)
	}
	return z
}

// matrices is a value with the given outer dimensions, whose matrices have rows or
// columns side by side.
func (b *builder) matrices(x *value, outer []int) *value {
	for range 2 {
		s := x.shape()
		v := x.view.expanded(slices.Concat(outer, s[len(s)-2:]))
		n := len(v.dims)
		m, ok := view{dims: v.dims[n-2:]}.unary()
		if ok && (m.Steps[1] == 1 && (m.Steps[0] >= m.Shape[1] || m.Shape[0] == 1) || m.Steps[0] == 1 && (m.Steps[1] >= m.Shape[0] || m.Shape[1] == 1)) {
			return b.viewed(x, v)
		}
		if x = b.ordered(x); x == nil {
			return nil
		}
	}
	return nil
}

// ordered is a value whose elements lie in order.
func (b *builder) ordered(x *value) *value {
	if x = b.copied(x); x.node == nil {
		return nil
	}
	return x
}

// paired says how package op reads matrices of two values, and into which runs
// each outer dimension falls. ok is false if the two fall into different ones.
func paired(x, y *value, outer int) (p op.Products, dims [][]run, ok bool) {
	p.A.From, p.B.From = x.view.from, y.view.from
	for i := range outer {
		a := samples(joined(x.view.dims[i]), x.node.Shape())
		c := samples(joined(y.view.dims[i]), y.node.Shape())
		var runs []run
		for len(a) > 0 {
			if len(c) == 0 {
				return p, nil, false
			}
			last, other := &a[len(a)-1], &c[len(c)-1]
			size := min(last.size, other.size)
			if last.size%size != 0 || other.size%size != 0 {
				return p, nil, false
			}
			runs = slices.Insert(runs, 0, run{size, 0})
			p.A.Shape, p.A.Steps = append(p.A.Shape, size), append(p.A.Steps, last.step)
			p.B.Shape, p.B.Steps = append(p.B.Shape, size), append(p.B.Steps, other.step)
			a, c = shortened(a, size), shortened(c, size)
		}
		if i == 0 && len(runs) == 0 { // one sample: the batch stays a dimension
			runs = []run{{1, 0}}
			p.A.Shape, p.A.Steps = append(p.A.Shape, 1), append(p.A.Steps, 0)
			p.B.Shape, p.B.Steps = append(p.B.Shape, 1), append(p.B.Steps, 0)
		}
		first := len(p.A.Shape) - len(runs) // they came from the inner one outwards
		for _, s := range [][]int{p.A.Shape, p.A.Steps, p.B.Shape, p.B.Steps} {
			slices.Reverse(s[first:])
		}
		dims = append(dims, runs)
	}
	for i, v := range []*value{x, y} {
		of := []*op.View{&p.A, &p.B}[i]
		m, _ := view{dims: v.view.dims[outer:]}.unary()
		of.Shape, of.Steps = append(of.Shape, m.Shape...), append(of.Steps, m.Steps...)
	}
	p.Axes = orderLike(p.B)
	return p, dims, true
}

// shortened takes so many off the last run.
func shortened(runs []run, size int) []run {
	last := runs[len(runs)-1]
	rest := slices.Clone(runs[:len(runs)-1])
	if last.size > size {
		rest = append(rest, run{last.size / size, last.step * size})
	}
	return rest
}

// orderLike returns an order of dimensions for a result that lies in memory as the
// second operand v does, with its rows where v has the dimension that is summed. For
// attention the second operand is the values, so the heads of a position lie side by
// side. It is nil if columns are not innermost in v.
func orderLike(v op.View) []int {
	n := len(v.Shape)
	if v.Steps[n-1] != 1 && v.Shape[n-1] > 1 {
		return nil
	}
	axes := make([]int, 0, n)
	for i := range n - 1 {
		if v.Steps[i] == 0 && v.Shape[i] > 1 {
			return nil
		}
		at := len(axes)
		for at > 0 && v.Shape[i] > 1 && v.Steps[axes[at-1]] < v.Steps[i] && v.Shape[axes[at-1]] > 1 {
			at--
		}
		axes = slices.Insert(axes, at, i)
	}
	return append(axes, n-1)
}

// resultOf is the view of a product's result: the outer dimensions fall into runs.
func resultOf(p op.Products, memory []int, dims [][]run) view {
	axes := p.Axes
	if axes == nil {
		for i := range memory {
			axes = append(axes, i)
		}
	}
	steps := make([]int, len(memory))
	step := 1
	for i, a := range slices.Backward(axes) {
		steps[a] = step
		step *= memory[i]
	}
	var v view
	at := 0
	for _, runs := range dims {
		for i := range runs {
			runs[i].step = steps[at]
			at++
		}
		v.dims = append(v.dims, joined(runs))
	}
	m, n := p.A.Shape[at], p.B.Shape[at+1]
	v.dims = append(v.dims, joined([]run{{m, steps[at]}}), joined([]run{{n, 1}}))
	return v
}

// arrangeGemm is alpha·op(A)·op(B) + beta·C.
func arrangeGemm(b *builder, x *value) *value {
	w := b.held(b.value(1))
	if w == nil || len(x.shape()) != 2 || len(w.shape()) != 2 {
		b.fail("want two matrices")
		return nil
	}
	turned := []int{1, 0}
	if b.attrInt("transA", 0) != 0 {
		x = b.viewed(x, x.view.permuted(turned))
	}
	if b.attrInt("transB", 0) != 0 {
		w = b.viewed(w, w.view.permuted(turned))
	}
	alpha, beta, bias := b.attrFloat("alpha", 1), b.attrFloat("beta", 1), b.held(b.value(2))
	if alpha == 1 && beta == 1 && bias != nil && slices.Equal(bias.shape(), w.shape()[1:]) {
		return b.matrixProduct(x, w, b.node(bias))
	}
	y := b.matrixProduct(x, w, nil)
	if y == nil {
		return nil
	}
	if alpha != 1 {
		y = y.times(alpha)
	}
	if bias == nil || beta == 0 {
		return y
	}
	if beta != 1 {
		bias = bias.times(beta)
	}
	return b.sum(y, bias)
}

// arrangeSoftMax and arrangeLogSoftMax: before version 13 all dimensions from the
// axis on are one.
func arrangeSoftMax(b *builder, x *value) *value { return b.softMax(x, op.SoftMax) }

func arrangeLogSoftMax(b *builder, x *value) *value { return b.softMax(x, op.LogSoftMax) }

func (b *builder) softMax(x *value, f func(*gorgonia.Node) (*gorgonia.Node, error)) *value {
	s, otherwise := x.shape(), -1
	if b.opset < 13 {
		otherwise = 1
	}
	axis, ok := b.axis(b.attrInt("axis", otherwise), len(s))
	if !ok {
		return nil
	}
	if b.opset < 13 {
		y := b.byRows(b.shaped(x, []int{product(s[:axis]), product(s[axis:])}), f)
		if y == nil {
			return nil
		}
		return b.shaped(y, s)
	}
	perm := exchanged(len(s), axis)
	y := b.byRows(b.viewed(x, x.view.permuted(perm)), f)
	if y == nil {
		return nil
	}
	return b.viewed(y, y.view.permuted(perm))
}

// byRows applies a function to each row.
func (b *builder) byRows(x *value, f func(*gorgonia.Node) (*gorgonia.Node, error)) *value {
	if x == nil {
		return nil
	}
	n, back := b.rows(x)
	if n == nil {
		return nil
	}
	return back(b.do(f(n)))
}
