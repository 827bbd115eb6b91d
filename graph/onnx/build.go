package onnx

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// What a small file may ask for: elements of a value for each sample, entries of
// the index table of a rearrangement and of those of all in a graph, elements of all constants that
// are computed from others, and pairs of matrices for each sample.
const (
	maxSample  = 1 << 26
	maxIndex   = 1 << 24
	maxIndices = 1 << 26
	maxFolded  = 1 << 23

	maxProducts = 1 << 18
)

// builder adds a model's nodes to a graph. The first error stays in the scope;
// after it methods return nil.
type builder struct {
	*Model
	s       *graph.Scope
	batch   int // of this graph
	budget  int // index entries left
	folded  int // elements of computed constants
	reading int // elements of constants that were read
	before  op.Cost
	tensors map[*tensorProto]constant // see decoded
	values  map[string]*value
	now     *nodeProto
	owning  bool // values are those of a graph of the file's own batch, see foldOwn

	numbers  map[float64]*gorgonia.Node // constants that no value of the file is
	taken    map[string]bool            // names that were given out
	numbered map[string]int             // how many were that begin so
}

// rule adds an operator to the graph, in one of three ways. A nil function means that
// the operator has no such way.
type rule struct {
	inputs int  // the fewest
	all    bool // all outputs are computed; otherwise the first alone

	// fold computes an operator of constants, such as shapes and masks; ok is false
	// if an operand is none.
	fold func(b *builder) (c constant, ok bool)

	// arrange makes a view of the first operand, or an op that need not have it in
	// order; nil for one that wants a node.
	arrange func(b *builder, x *value) *value

	// build adds ops to the first operand's node.
	build func(b *builder, x *gorgonia.Node) *gorgonia.Node
}

// add adds one node, and reports whether it could. A panic becomes the node's error: a
// rule may index what a hostile file has not.
func (b *builder) add(n *nodeProto) (ok bool) {
	b.now = n
	defer func() {
		if r := recover(); r != nil {
			b.fail("its attributes and operands fit no rule: %v", r)
			ok = false
		}
	}()
	if n.Op == "If" && n.Domain != ownDomain {
		return b.branch(n)
	}
	b.s.Part(cmp.Or(slices.Concat([]string{n.Name}, n.Outputs, []string{n.Op})...), n.Op)
	r, out := n.rule(), (*value)(nil)
	if !b.reads() {
		return false
	}
	if r.fold != nil {
		if c, ok := r.fold(b); ok {
			out = &value{constant: c}
			b.foldOwn(out, r.fold)
		}
	}
	switch {
	case b.s.Err() != nil:
		return false
	case out != nil || len(n.Inputs) == 0:
	case r.arrange != nil:
		if x := b.held(b.value(0)); x != nil {
			out = r.arrange(b, x)
		}
	case r.build != nil:
		if x := b.operand(0); x != nil {
			out = valueOf(r.build(b, x))
		}
	}
	if out == nil {
		b.fail("operands of another kind than those supported")
		return false
	}
	if out = b.typed(out, b.resultKind()); out == nil {
		return false
	}
	if out.name == "" {
		out.name = n.Outputs[0]
	}
	if !b.follow(out) {
		return false
	}
	b.values[n.Outputs[0]] = out
	return b.s.Err() == nil && (out.node == nil || b.fits(out.shape()))
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
	if y = b.s.Node(y, nil); y == nil || !b.fits(y.Shape()) || !b.affordable() {
		return nil
	}
	return y
}

// fits reports whether a value of a shape is within bounds.
func (b *builder) fits(shape []int) bool {
	limit, size := maxSample*b.batch, 1
	if !b.shallow(shape, 3*maxDims) { // rules take dimensions apart

		return false
	}
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
func (b *builder) operand(i int) *gorgonia.Node { return b.node(b.value(i)) }

// constantNode makes a constant a node: a weight of the file becomes a parameter,
// or state if no gradient is to change it. Any other belongs to the graph alone.
func (b *builder) constantNode(v *value) *gorgonia.Node {
	c, shape := v.constant, atLeastOne(v.constant.shape)
	if c.size() == 0 {
		return b.fail("%.64q holds nothing, want values", v.name)
	}
	switch {
	case c.ints != nil:
		return b.wholeNode(v.name, c)
	case !v.initializer:
		return b.s.Constant(v.name, c.floats, shape...)
	case b.state[v.name] || v.fixed:
		return b.s.StateOf(v.name, c.floats, shape...)
	}
	return b.s.ParamOf(v.name, c.floats, shape...)
}

// wholeNode makes integers a node, which holds them as floats.
func (b *builder) wholeNode(name string, c constant) *gorgonia.Node {
	floats := make([]float32, len(c.ints))
	for i, v := range c.ints {
		if floats[i] = float32(v); int64(floats[i]) != v {
			return b.fail("%.64q has an integer %d, want none that float32 does not hold", name, v)
		}
	}
	if _, ok := b.room(c.shape); !ok {
		return nil
	}
	return b.s.Constant(b.unused(name+"/values"), floats, atLeastOne(c.shape)...)
}

// number makes a node of a number.
func (b *builder) number(v float64) *gorgonia.Node {
	n := b.numbers[v]
	if n == nil && b.s.Err() == nil {
		n = b.s.Constant(b.unused("number"), []float32{float32(v)}, 1)
		b.numbers[v] = n
	}
	return n
}

// unused is a name that no value of the file has, and nothing else.
func (b *builder) unused(name string) string {
	unused := name
	if b.numbered == nil {
		b.numbered = map[string]int{}
	}
	for b.values[unused] != nil || b.taken[unused] {
		b.numbered[name]++
		unused = fmt.Sprintf("%s_%d", name, b.numbered[name])
	}
	b.taken[unused] = true
	return unused
}

// floats are the values of input i, if it is a constant.
func (b *builder) floats(i int) (v []float32, ok bool) {
	if x := b.value(i); x != nil {
		v = x.constant.floats
	}
	return v, len(v) > 0
}

// ints are the values of input i, if it is an integer constant.
func (b *builder) ints(i int) (v []int, ok bool) {
	x := b.value(i)
	if x == nil || x.constant.ints == nil {
		return nil, false
	}
	return x.constant.clamped(), true
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

// axes returns the axes that attribute axes or input i names: each below dims, none
// negative, none twice.
func (b *builder) axes(i, dims int) (axes []int, ok bool) {
	if axes, ok = b.ints(i); !ok && b.has(i) {
		b.fail("axes that are computed, want constants")
		return nil, false
	} else if !ok {
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

// axisOrEnd is like axis, and takes the number of dimensions too.
func (b *builder) axisOrEnd(a, dims int) (axis int, ok bool) {
	if a == dims {
		return a, true
	}
	return b.axis(a, dims)
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
	if !b.indexed(size) {
		return nil
	}
	if x.Shape().TotalSize()/blocks > math.MaxInt32 {
		return b.fail("a rearrangement of %v, want at most %d elements of a sample", x.Shape(), math.MaxInt32)
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

// indexed counts the entries of an index table against the budget for all tables.
// It reports false, and there is an error, if the budget is spent.
func (b *builder) indexed(size int) bool {
	if size > maxIndex {
		b.fail("a rearrangement of %d elements, want at most %d", size, maxIndex)
		return false
	}
	if b.budget -= size; b.budget < 0 {
		b.fail("rearrangements of more than %d elements", maxIndices)
	}
	return b.budget >= 0
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
