package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// value is an operand: a node, or a view of one, or a constant until it is needed
// as a node.
type value struct {
	node  *gorgonia.Node
	view  view           // of the node
	made  *gorgonia.Node // the view as a node of its own, once an op needed that
	waits bool           // nobody has multiplied with scale yet
	scale float64        // a factor, if it waits

	elem int64 // the type of a node's elements; 0 for floats

	samples int // 1 more than the dimension with the samples of the batch; 0 for none, see follow

	flat *value // see copied; nil until that was asked for

	part *part // what it was cut from, if along one dimension
	roll *roll // what it was rolled from

	constant    constant
	own         *constant // what it is at the file's own batch; nil if the same
	name        string
	initializer bool // a weight of the file
	fixed       bool // one that no gradient changes
	counted     bool // see roomFor
}

// part is a value cut along one dimension.
type part struct {
	of   *value
	axis int
	cut
}

// roll is a value moved along its dimensions, see op.Roll.
type roll struct {
	of     *value
	shifts []int
}

// valueOf is the value of a node, nil for none.
func valueOf(n *gorgonia.Node) *value {
	if n == nil {
		return nil
	}
	return &value{node: n, view: plainView(n.Shape())}
}

// shape is the shape of a value.
func (v *value) shape() []int {
	if v.node == nil {
		return v.constant.shape
	}
	return v.view.shape()
}

// known reports whether a value is a constant that can be computed with: any but
// the file's weights, which training may change.
func (v *value) known() bool {
	return v.constant.ints != nil || v.constant.floats != nil && !v.initializer
}

// value is input i, nil if there is none.
func (b *builder) value(i int) *value {
	if !b.has(i) {
		return nil
	}
	v := b.values[b.now.Inputs[i]]
	if b.owning {
		return b.ofOwn(v)
	}
	return v
}

// held makes a value one that has a node: a constant becomes one.
func (b *builder) held(v *value) *value {
	if v == nil || v.node != nil {
		return v
	}
	if v.own != nil {
		if b.holdCounted(v) == nil {
			return nil
		}
		return v
	}
	n := b.constantNode(v)
	if n == nil {
		return nil
	}
	v.elem = v.kind()
	v.node, v.view, v.made = n, plainView(v.constant.shape), n
	return v
}

// node makes a value a node of its own.
func (b *builder) node(v *value) *gorgonia.Node {
	if v = b.held(v); v == nil || b.s.Err() != nil {
		return nil
	}
	if v.made == nil {
		w := b.copied(v)
		v.made = b.reshape(w.node, v.shape()...)
	}
	return v.made
}

// copied is the value in the order of its elements: a node, as it is but for its
// shape. The node has the batch as its first dimension where it can. After an error
// it has no node.
func (b *builder) copied(v *value) *value {
	if v.flat != nil {
		return v.flat
	}
	n := v.node
	if !v.view.plain(n.Shape().TotalSize()) {
		n = b.arranged(v)
	}
	if n != nil && v.scaled() {
		n = b.do(op.Scale(n, b.number(v.scale)))
	}
	if n == nil {
		return &value{}
	}
	v.flat = valueOf(n)
	v.flat.view, _ = v.flat.view.reshaped(v.shape())
	return v.flat
}

// arranged is an op that computes a view: the simplest that does.
func (b *builder) arranged(v *value) *gorgonia.Node {
	if !b.fits(v.shape()) {
		return nil
	}
	if axes, ok := v.view.axesOf(v.node.Shape()); ok {
		return b.permuted(v.node, axes)
	}
	if v.repeats() {
		return b.do(op.Expand(v.node, v.shape()...))
	}
	if channels, ok := v.view.channels(v.node.Shape()); ok && b.indexed(len(channels)) {
		return b.do(op.PickChannels(v.node, channels...))
	}
	if shape, axes, ok := v.factored(); ok {
		return b.permuted(b.reshape(v.node, shape...), axes)
	}
	o := op.View{From: v.view.from}
	for _, d := range v.batchFirst() {
		o.Shape, o.Steps = append(o.Shape, d.size), append(o.Steps, d.step)
	}
	return b.do(op.Strided(v.node, o))
}

// permuted adds a transposition.
func (b *builder) permuted(x *gorgonia.Node, axes []int) *gorgonia.Node {
	switch {
	case x == nil || slices.IsSorted(axes):
		return x
	case slices.Equal(axes, []int{0, 2, 1}):
		return b.do(op.Transpose(x))
	}
	return b.do(op.Permute(x, axes...))
}

// axesOf is which dimension of a tensor each of the view is, if the view does
// nothing but to permute them.
func (v view) axesOf(shape []int) (axes []int, ok bool) {
	if len(shape) != len(v.dims) || v.from != 0 {
		return nil, false
	}
	of, taken := plainView(shape), make([]bool, len(shape))
	for _, d := range v.dims {
		d = joined(d)
		a := slices.IndexFunc(of.dims, func(runs []run) bool { return slices.Equal(runs, d) })
		for a >= 0 && a < len(shape) && (taken[a] || !slices.Equal(of.dims[a], d)) {
			a++ // of several dimensions of 1, the next
		}
		if a < 0 || a == len(shape) {
			return nil, false
		}
		axes, taken[a] = append(axes, a), true
	}
	return axes, true
}

// factored is a shape of the value's node that it is a permutation of, with the
// order of its dimensions.
func (v *value) factored() (shape, axes []int, ok bool) {
	sorted, ok := v.view.factors(v.node.Shape())
	if !ok {
		return nil, nil, false
	}
	for _, r := range sorted {
		shape = append(shape, r.size)
	}
	for _, d := range v.view.dims {
		for _, r := range samples(joined(d), v.node.Shape()) {
			axes = append(axes, slices.Index(sorted, r))
		}
	}
	if v.node.Shape()[0] == 1 { // one sample: the batch stays a dimension
		shape = slices.Insert(shape, 0, 1)
		for i := range axes {
			axes[i]++
		}
		axes = slices.Insert(axes, 0, 0)
	}
	return shape, axes, true
}

// maxChannels is the most channels that are listed one by one.
const maxChannels = 1 << 16

// channels lists which channels of a tensor (N,C,…) a view has, if it has all of
// them of each sample, in order.
func (v view) channels(shape tensor.Shape) (channels []int, ok bool) {
	if len(shape) < 3 {
		return nil, false
	}
	size, sample := shape[2:].TotalSize(), shape[1:].TotalSize()
	rest := v.runs()
	if n := shape[0]; n > 1 {
		if len(rest) == 0 || rest[0] != (run{n, sample}) {
			return nil, false
		}
		rest = rest[1:]
	}
	if last := len(rest) - 1; size > 1 {
		if last < 0 || rest[last].step != 1 || rest[last].size%size != 0 {
			return nil, false
		}
		rest[last] = run{rest[last].size / size, size}
	}
	if v.from%size != 0 || sizeOf(rest) > maxChannels || slices.ContainsFunc(rest, func(r run) bool { return r.step%size != 0 }) {
		return nil, false
	}
	places := []int{v.from}
	for _, r := range rest {
		outer := places
		places = nil
		for _, p := range outer {
			for i := range r.size {
				places = append(places, p+i*r.step)
			}
		}
	}
	for _, p := range places {
		if p >= sample {
			return nil, false
		}
		channels = append(channels, p/size)
	}
	return channels, true
}

// repeats reports whether a value does nothing but to repeat its node along
// dimensions of 1.
func (v *value) repeats() bool {
	shape := v.shape()
	from := v.node.Shape()
	if len(from) > len(shape) {
		return false
	}
	for i, d := range from {
		if to := shape[len(shape)-len(from)+i]; d != to && d != 1 {
			return false
		}
	}
	return plainView(from).expanded(shape).equal(v.view)
}

// batchFirst are the runs of a value, with the batch as the first one where the
// value has it there.
func (v *value) batchFirst() []run {
	runs := samples(v.view.runs(), v.node.Shape())
	if v.node.Shape()[0] == 1 || len(runs) == 0 {
		runs = slices.Insert(runs, 0, run{1, 0})
	}
	return runs
}
