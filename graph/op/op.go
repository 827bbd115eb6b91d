// Package op holds the operations that networks are made of, as Gorgonia ops:
// nodes of an ordinary expression graph, differentiated by gorgonia.Grad and
// run by Gorgonia's TapeMachine, side by side with Gorgonia's own.
//
// Each function of this package adds one operation to the graph of its
// operands, checks their shapes, and returns its node:
//
//	y, err := op.Conv2d(x, w, nil, op.Conv{}) // (N,F,H-KH+1,W-KW+1)
//
// Layout is NCHW. Operands are float32 or float64, all alike. An op keeps its
// output and its workspace and returns the same tensor at every run: after the
// first it allocates nothing. So its graph must not be run by two machines at
// once. In a [Sequence] ops share memory, each value having its own for as long as
// it is needed. Gradients are first-order: the gradient of a gradient is refused.
//
// The package is also the worked example for an op of your own. What an op
// computes is a [function]: Forward and Backward over plain slices. What makes
// it an op is the wrapper in this file: Forward becomes one node, Backward
// another, and behind it one small node for each gradient that was asked for.
package op

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel/cpu"
)

// function is what an op computes. Operands and results are the elements of
// contiguous tensors, whose sizes the op has checked.
type function[T cpu.Float] interface {
	// Forward sets y, whose old content is arbitrary, from the operands.
	Forward(y []T, in [][]T)
	// Backward sets dIn[i] to the gradient of operand i, given the gradient dy
	// of y, for every dIn[i] that is not nil. Forward has run on the same
	// operands just before; its y may have been overwritten since.
	Backward(dIn [][]T, dy []T, in [][]T)
}

// spec describes an op: everything but what it computes.
type spec struct {
	kind     Kind
	detail   string       // the parameters, for people
	shape    tensor.Shape // of the output; empty for a scalar
	constant []int        // the operands that have no gradient
	dyOnly   bool         // Backward does not look at the operands
	mulAdds  int          // multiply-adds of one forward pass
	pooled   int          // pixels of all windows of a pooling
	params   any          // what the accessor of Description returns; nil if there is none
}

// gradName is the name of the nodes that compute an op's gradient.
func (s spec) gradName() string { return string(s.kind) + "Grad" }

// apply adds an op to the graph of its operands, in their precision.
func apply(s spec, f32 function[float32], f64 function[float64], in ...*gorgonia.Node) (*gorgonia.Node, error) {
	if in[0].Dtype() == tensor.Float64 {
		return gorgonia.ApplyOp(newForward(s, f64, in), in...)
	}
	return gorgonia.ApplyOp(newForward(s, f32, in), in...)
}

// operands lists an op's operands, without the bias if it is nil.
func operands(x, w, bias *gorgonia.Node) []*gorgonia.Node {
	if bias == nil {
		return []*gorgonia.Node{x, w}
	}
	return []*gorgonia.Node{x, w, bias}
}

// check returns an error unless the operands are float32 or float64, all alike.
func check(kind Kind, in ...*gorgonia.Node) error {
	for i, n := range in {
		if n == nil {
			return fmt.Errorf("%s: operand %d is nil, want a node", kind, i)
		}
	}
	want := in[0].Dtype()
	if want != tensor.Float32 && want != tensor.Float64 {
		return fmt.Errorf("%s: operand of %v, want float32 or float64", kind, want)
	}
	for _, n := range in {
		if n.Dtype() != want {
			return fmt.Errorf("%s: operands of %v and %v, want one precision", kind, want, n.Dtype())
		}
	}
	return nil
}

// run is one op in one graph: what its forward and its gradient nodes share.
type run[T cpu.Float] struct {
	spec
	fn     function[T]
	in     [][]T
	y      result[T]
	dIn    []result[T]
	grads  [][]T  // dIn's elements, nil where not wanted
	wanted []bool // by operand: whether its gradient is computed
}

// forward is the op's own node.
type forward[T cpu.Float] struct {
	node
	*run[T]
}

func newForward[T cpu.Float](s spec, fn function[T], in []*gorgonia.Node) *forward[T] {
	r := &run[T]{
		spec: s, fn: fn,
		in:     make([][]T, len(in)),
		y:      result[T]{shape: s.shape},
		dIn:    make([]result[T], len(in)),
		grads:  make([][]T, len(in)),
		wanted: make([]bool, len(in)),
	}
	for i, n := range in {
		r.dIn[i].shape = n.Shape()
		r.wanted[i] = true
	}
	for _, i := range s.constant {
		r.wanted[i] = false
	}
	return &forward[T]{newNode(string(s.kind), s.detail, in, typeOf(s.shape, in[0].Dtype()), s.shape), r}
}

// MulAdds is the number of multiply-adds of one forward run.
func (f *forward[T]) MulAdds() int { return f.mulAdds }

// handsOn reports whether the op returns its operand unchanged: then a program has
// a view in its place. The gradients of Add are its own, handed on.
func (f *forward[T]) handsOn() bool { return f.kind == KindReshape }
func (p *pick[T]) handsOn() bool    { return p.kind == KindReshape || p.kind == KindAdd }

// Do runs the op. A panic becomes an error, as it would end the process on
// the TapeMachine's goroutine.
func (f *forward[T]) Do(operands ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer func() { err = recovered(recover(), f.name, err) }()
	if err := load(f.in, operands); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	f.fn.Forward(f.y.elements(), f.in)
	return f.y.value(), nil
}

// DiffWRT says which operands have a gradient.
func (f *forward[T]) DiffWRT(inputs int) []bool {
	d := slices.Repeat([]bool{true}, inputs)
	for _, i := range f.constant {
		d[i] = false
	}
	return d
}

// SymDiff adds the op's gradient to the graph: one node that computes all of
// it, and one for each operand that picks its part. The first takes the output
// as an operand only in order to run after the op itself.
func (f *forward[T]) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	operands := append(append(gorgonia.Nodes{}, inputs...), output, grad)
	all, err := gorgonia.ApplyOp(newBackward(f.run, operands), operands...)
	if err != nil {
		return nil, err
	}
	grads := make(gorgonia.Nodes, len(inputs))
	for i, differentiable := range f.DiffWRT(len(inputs)) {
		if !differentiable {
			continue
		}
		if grads[i], err = gorgonia.ApplyOp(newPick(f.run, i, all, inputs[i]), all); err != nil {
			return nil, err
		}
	}
	return grads, nil
}

// backward computes an op's gradients. Its own value is the output's gradient,
// passed on.
type backward[T cpu.Float] struct {
	node
	*run[T]
	dy [][]T
}

func newBackward[T cpu.Float](r *run[T], operands gorgonia.Nodes) *backward[T] {
	grad := operands[len(operands)-1]
	return &backward[T]{newNode(r.gradName(), r.detail, operands, grad.Type(), grad.Shape()), r, make([][]T, 1)}
}

// Do computes the gradients that are wanted.
func (b *backward[T]) Do(operands ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer func() { err = recovered(recover(), b.name, err) }()
	grad := operands[len(b.in)+1:]
	if err := load(b.in, operands[:len(b.in)]); err != nil {
		return nil, fmt.Errorf("%s: %w", b.name, err)
	}
	if err := load(b.dy, grad); err != nil {
		return nil, fmt.Errorf("%s: %w", b.name, err)
	}
	for i, wanted := range b.wanted {
		if b.grads[i] = nil; wanted {
			b.grads[i] = b.dIn[i].elements()
		}
	}
	b.fn.Backward(b.grads, b.dy[0], b.in)
	return grad[0], nil
}

func (b *backward[T]) wantNone() {
	clear(b.wanted)
	b.forwardOnly(false)
}

// forwardOnly tells the op whether no Backward follows its Forward.
func (r *run[T]) forwardOnly(on bool) {
	if k, ok := r.fn.(interface{ ForwardOnly(bool) }); ok {
		k.ForwardOnly(on)
	}
}

// forwardOperand is the index of the operand that is the forward op's output.
// ForwardOf follows it.
func (b *backward[T]) forwardOperand() int { return len(b.in) }

// pick returns the gradient of one operand, which backward has computed.
type pick[T cpu.Float] struct {
	node
	*run[T]
	operand int
	from    *gorgonia.Node // the operand itself
}

func newPick[T cpu.Float](r *run[T], operand int, all, of *gorgonia.Node) *pick[T] {
	n := newNode(r.gradName(), fmt.Sprintf("of operand %d", operand), gorgonia.Nodes{all}, of.Type(), of.Shape())
	return &pick[T]{n, r, operand, of}
}

// Do returns the gradient.
func (p *pick[T]) Do(...gorgonia.Value) (gorgonia.Value, error) {
	return p.dIn[p.operand].value(), nil
}

func (p *pick[T]) want() { p.wanted[p.operand] = true }

func (p *pick[T]) forwardOperand() int { return 0 }

// Want restricts the ops among the nodes to what is needed when exactly these
// nodes run: gradients that no node picks are not computed, and ops without a
// gradient keep nothing for it. Without it every gradient is computed, the one of
// the network's input too.
func Want(nodes gorgonia.Nodes) {
	for _, n := range nodes {
		if f, ok := n.Op().(described); ok {
			f.forwardOnly(true)
		}
	}
	for _, n := range nodes {
		if b, ok := n.Op().(interface{ wantNone() }); ok {
			b.wantNone()
		}
	}
	for _, n := range nodes {
		if p, ok := n.Op().(interface{ want() }); ok {
			p.want()
		}
	}
}

// node is the part of gorgonia.Op that is the same for all ops of this
// package. They are made for given operands: types and shapes are fixed.
type node struct {
	id     uint64
	name   string
	detail string
	types  []hm.Type      // of the operands and of the output
	shapes []tensor.Shape // of the operands
	out    tensor.Shape
}

// ids numbers all ops, so that no two are equal: Gorgonia merges equal nodes,
// and two ops must never share their memory.
var ids atomic.Uint64

func newNode(name, detail string, in gorgonia.Nodes, out hm.Type, shape tensor.Shape) node {
	n := node{id: ids.Add(1), name: name, detail: detail, out: shape}
	for _, operand := range in {
		n.types = append(n.types, operand.Type())
		n.shapes = append(n.shapes, operand.Shape())
	}
	n.types = append(n.types, out)
	return n
}

// typeOf is Gorgonia's type of a value of the given shape.
func typeOf(shape tensor.Shape, of tensor.Dtype) hm.Type {
	if len(shape) == 0 {
		return of
	}
	return gorgonia.TensorType{Dims: len(shape), Of: of}
}

// Arity is the number of operands.
func (n *node) Arity() int { return len(n.shapes) }

// Type is the op's function type, a new one each time: Gorgonia recycles it.
func (n *node) Type() hm.Type { return hm.NewFnType(n.types...) }

// InferShape returns the output's shape, or an error for operands of other
// shapes than the op was made for.
func (n *node) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	got, err := gorgonia.DimSizersToShapes(ds)
	if err != nil {
		return nil, err
	}
	for i, want := range n.shapes {
		if !slices.Equal(got[i], want) {
			return nil, fmt.Errorf("%s: operand %d has shape %v, the op was made for %v", n.name, i, got[i], want)
		}
	}
	return n.out.Clone(), nil
}

// ReturnsPtr, CallsExtern and OverwritesInput tell the TapeMachine to call Do
// and to leave the memory to the op.
func (n *node) ReturnsPtr() bool     { return false }
func (n *node) CallsExtern() bool    { return false }
func (n *node) OverwritesInput() int { return -1 }

// DiffWRT and SymDiff refuse to differentiate a gradient, by an error:
// gorgonia.Grad would panic at an op that has no such methods.
func (n *node) DiffWRT(inputs int) []bool { return slices.Repeat([]bool{true}, inputs) }
func (n *node) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("%s: cannot be differentiated, gradients are first-order", n.name)
}

// WriteHash writes what tells this op from any other.
func (n *node) WriteHash(h hash.Hash) { fmt.Fprintf(h, "tapenet/%s/%d", n.name, n.id) }

// Hashcode is the hash of WriteHash.
func (n *node) Hashcode() uint32 {
	h := fnv.New32a()
	n.WriteHash(h)
	return h.Sum32()
}

// String is the op's name and parameters, as drawings show it.
func (n *node) String() string {
	if n.detail == "" {
		return n.name
	}
	return n.name + " " + n.detail
}
