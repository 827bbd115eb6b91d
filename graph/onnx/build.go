package onnx

import (
	"fmt"
	"math"
	"path"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// What a small file may ask for: elements of a value for each sample, and
// entries of the index tables of all rearrangements in a graph.
const (
	maxSample  = 1 << 24
	maxIndices = 1 << 26
)

// builder adds a model's nodes to a graph. The first error stays in the scope;
// after it methods return nil.
type builder struct {
	*Model
	s      *graph.Scope
	batch  int // of this graph
	budget int // index entries left
	values map[string]*value
	now    *nodeProto
}

// value is an operand: a node, or a constant until it is needed as a node.
type value struct {
	node        *gorgonia.Node
	constant    constant
	name        string
	initializer bool // a weight of the file
}

// rule adds an operator to the graph, given its first operand.
type rule struct {
	inputs int // the fewest
	build  func(b *builder, x *gorgonia.Node) *gorgonia.Node

	// fold computes an operator of integer constants, such as shapes; ok is false
	// if its operands are none. nil for an operator of float values alone.
	fold func(b *builder) (c constant, ok bool)
}

// add adds one node, and reports whether it could.
func (b *builder) add(n *nodeProto) bool {
	b.now = n
	r, out := importRules[n.Op], &value{name: n.Outputs[0]}
	if r.fold != nil {
		if c, ok := r.fold(b); ok {
			out.constant = c
			b.values[n.Outputs[0]] = out
			return b.s.Err() == nil
		}
	}
	if x := b.operand(0); x != nil && r.build != nil {
		out.node = r.build(b, x)
	}
	if out.node == nil {
		b.fail("operands of another kind than those supported")
		return false
	}
	b.values[n.Outputs[0]] = out
	return b.s.Err() == nil
}

// fail is the error of the node that is being added.
func (b *builder) fail(format string, args ...any) *gorgonia.Node {
	return b.s.Errorf("onnx: %s (%.64s): %w", b.now.title(), b.now.Op, fmt.Errorf(format, args...))
}

// do takes the two results of a function of package op: it records the node and
// checks its size, or makes err the error of the file's node. After an earlier
// error, when operands are nil and err says so, it returns nil.
func (b *builder) do(y *gorgonia.Node, err error) *gorgonia.Node {
	if err != nil {
		return b.fail("%w", err)
	}
	if y = b.s.Node(y, nil); y == nil || !b.fits(y.Shape()) {
		return nil
	}
	return y
}

// fits reports whether a value of a shape is within bounds.
func (b *builder) fits(shape []int) bool {
	limit, size := maxSample*b.batch, 1
	for _, d := range shape {
		if d < 1 || d > limit/size {
			b.fail("a value of shape %v, want positive dimensions and at most %d elements a sample", tensor.Shape(shape), maxSample)
			return false
		}
		size *= d
	}
	return true
}

// has reports whether input i is there.
func (b *builder) has(i int) bool { return i < len(b.now.Inputs) && b.now.Inputs[i] != "" }

// operand is input i as a node.
func (b *builder) operand(i int) *gorgonia.Node {
	if !b.has(i) {
		return nil
	}
	return b.node(b.values[b.now.Inputs[i]])
}

// node makes a value a node: an initializer of the file becomes a parameter, or
// state if no gradient is to change it, as are all other constants.
func (b *builder) node(v *value) *gorgonia.Node {
	if v.node != nil || b.s.Err() != nil {
		return v.node
	}
	c := v.constant
	if c.ints != nil || len(c.floats) == 0 {
		return b.fail("%.64q holds integers or nothing, want float values", v.name)
	}
	if v.initializer && !b.state[v.name] {
		v.node = b.s.Param(v.name, initial(c.floats), atLeastOne(c.shape)...)
	} else {
		v.node = b.s.State(v.name, initial(c.floats), atLeastOne(c.shape)...)
	}
	return v.node
}

// number makes a node of a number that the file has as an attribute.
func (b *builder) number(name string, v float64) *gorgonia.Node {
	return b.node(&value{constant: constant{floats: []float32{float32(v)}}, name: path.Join(b.now.Outputs[0], name)})
}

// floats are the values of input i, if it is a constant.
func (b *builder) floats(i int) (v []float32, ok bool) {
	if !b.has(i) {
		return nil, false
	}
	c := b.values[b.now.Inputs[i]].constant
	return c.floats, len(c.floats) > 0
}

// ints are the values of input i, if it is an integer constant.
func (b *builder) ints(i int) (v []int, ok bool) {
	if !b.has(i) {
		return nil, false
	}
	c := b.values[b.now.Inputs[i]].constant
	return c.clamped(), c.ints != nil
}

// attribute finds one by name.
func (b *builder) attribute(name string) *attributeProto {
	for i := range b.now.Attributes {
		if a := &b.now.Attributes[i]; a.Name == name {
			return a
		}
	}
	return nil
}

func (b *builder) attrInts(name string) []int {
	if a := b.attribute(name); a != nil {
		return constant{ints: a.Ints}.clamped()
	}
	return nil
}

func (b *builder) attrInt(name string, otherwise int) int {
	if a := b.attribute(name); a != nil {
		return constant{ints: []int64{a.Int}}.clamped()[0]
	}
	return otherwise
}

func (b *builder) attrFloat(name string, otherwise float64) float64 {
	if a := b.attribute(name); a != nil {
		return float64(a.Float)
	}
	return otherwise
}

func (b *builder) attrText(name string) string {
	if a := b.attribute(name); a != nil {
		return a.String
	}
	return ""
}

// axes are those of attribute or input i, none negative, each within dims and
// there once.
func (b *builder) axes(i, dims int) (axes []int, ok bool) {
	if axes, ok = b.ints(i); !ok {
		axes = b.attrInts("axes")
	}
	axes = slices.Clone(axes)
	for i, a := range axes {
		if axes[i], ok = b.axis(a, dims); !ok {
			return nil, false
		}
	}
	slices.Sort(axes)
	if len(slices.Compact(slices.Clone(axes))) != len(axes) {
		b.fail("axes %v, want each once", axes)
		return nil, false
	}
	return axes, true
}

// axis counts a negative one from the end.
func (b *builder) axis(a, dims int) (axis int, ok bool) {
	if a < -dims || a >= dims {
		b.fail("axis %d of %d dimensions", a, dims)
		return 0, false
	}
	return (a + dims) % max(dims, 1), true
}

// reshape gives x another shape of the same size.
func (b *builder) reshape(x *gorgonia.Node, shape ...int) *gorgonia.Node {
	if x == nil || slices.Equal(x.Shape(), shape) {
		return x
	}
	return b.do(op.Reshape(x, atLeastOne(shape)...))
}

// gather rearranges x into a result of the given shape: place sets, for each
// position to in the result, the position from in x, or returns false for fill.
// With samples it works on each entry of the first dimension alike, and positions
// are without that.
func (b *builder) gather(x *gorgonia.Node, samples bool, fill float64, shape []int, place func(to, from []int) bool) *gorgonia.Node {
	if x == nil || !b.fits(shape) {
		return nil
	}
	in, out, blocks := []int(x.Shape()), shape, 1
	if samples {
		in, out, blocks = in[1:], out[1:], in[0]
	}
	size := 1
	for _, d := range out {
		size *= d
	}
	if b.budget -= size; b.budget < 0 || x.Shape().TotalSize()/blocks > math.MaxInt32 {
		return b.fail("rearrangements of more than %d elements", maxIndices)
	}
	index := make([]int32, size)
	to, from := make([]int, len(out)), make([]int, len(in))
	for i := range index {
		index[i] = -1
		if place(to, from) {
			index[i] = int32(offset(in, from))
		}
		next(to, out)
	}
	return b.do(op.Gather(x, op.Picks{Blocks: blocks, Index: index, Fill: fill}, shape...))
}

// offset is where a position is in memory.
func offset(shape, at []int) int {
	k := 0
	for i, d := range shape {
		k = k*d + at[i]
	}
	return k
}

// next advances a position, the last dimension first.
func next(at, shape []int) {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < shape[i] {
			return
		}
		at[i] = 0
	}
}
