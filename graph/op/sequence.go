package op

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// Sequence is an op that runs a whole graph of this package's ops, in order.
// To the TapeMachine it is one instruction: the machine allocates several
// objects for each instruction and each operand, which a sequence saves, and
// its ops hand their values on directly. They can share memory too, see
// [Sequence.Plan].
type Sequence struct {
	node
	instructions []instruction
	plan         plan
	values       []gorgonia.Value // of all nodes
	slots        map[*gorgonia.Node]int
	watch        bool // take the time of each instruction
	err          error
}

type instruction struct {
	of       *gorgonia.Node
	op       step
	from     []int // slots
	to       int
	operands []gorgonia.Value
	time     time.Duration // that the last run took, if it was watched
}

// step is what a sequence consists of: the part of this package's ops that runs.
type step interface {
	Do(...gorgonia.Value) (gorgonia.Value, error)
	access() access
}

// NewSequence makes the nodes one op: all of a graph, operands before their
// results. It returns the node of the sequence, whose value is the last node's,
// and its one operand: the first of the nodes that hold a tensor. The others'
// tensors it reads by itself. The sequence is nil if there is an op of another
// package among the nodes.
func NewSequence(nodes gorgonia.Nodes) (s *Sequence, node, operand *gorgonia.Node, err error) {
	s = &Sequence{slots: map[*gorgonia.Node]int{}, values: make([]gorgonia.Value, len(nodes))}
	for i, n := range nodes {
		s.slots[n] = i
		s.values[i] = n.Value()
		if operands := Operands(n); len(operands) > 0 && !s.add(n, operands) {
			return nil, nil, nil, nil
		}
		if operand == nil && n.Op() == nil {
			operand = n
		}
	}
	if operand == nil {
		return nil, nil, nil, nil
	}
	last := nodes[len(nodes)-1]
	s.node = newNode("Sequence", fmt.Sprintf("of %d", len(s.instructions)), gorgonia.Nodes{operand}, last.Type(), last.Shape())
	node, err = gorgonia.ApplyOp(s, operand)
	return s, node, operand, err
}

// add appends the op of a node, and reports whether it could.
func (s *Sequence) add(n *gorgonia.Node, operands gorgonia.Nodes) bool {
	o, ours := n.Op().(step)
	if !ours {
		if o = gradientSum(n, operands); o == nil {
			return false
		}
	}
	switch p, gradient := o.(interface {
		of() *gorgonia.Node
		want()
	}); {
	case gradient && p.of().Op() == nil:
		p.want() // what is handed out, and may be written to, has memory of its own
	case operands[0].Op() != nil && operands[0].Dims() > 0 && n.Dims() > 0: // never of the user's own tensors, nor of a scalar
		o = inPlace(o, n.Shape())
	}
	from := make([]int, len(operands))
	for i, operand := range operands {
		from[i] = s.slots[operand]
	}
	s.instructions = append(s.instructions, instruction{n, o, from, s.slots[n], make([]gorgonia.Value, len(from)), 0})
	return true
}

// gradientSum returns an op of this package in place of Gorgonia's Add, which
// gorgonia.Grad puts where the gradients of a node with several uses meet, and
// which allocates its result. It returns nil for any other node.
func gradientSum(n *gorgonia.Node, operands gorgonia.Nodes) step {
	if len(operands) != 2 || n.Op().String() != "+ false" {
		return nil
	}
	for _, o := range operands {
		if !slices.Equal(o.Shape(), n.Shape()) || o.Dims() == 0 {
			return nil
		}
	}
	s := spec{name: "Add", shape: n.Shape()}
	if n.Dtype() == tensor.Float64 {
		return newForward(s, function[float64](kernel.NewAdd[float64]()), operands)
	}
	return newForward(s, function[float32](kernel.NewAdd[float32]()), operands)
}

// inPlace replaces by a view what only hands its operand on: Reshape, and the
// nodes that pick the gradients of Reshape and Add, but for those of tensors. As
// no op of a sequence writes to its operands, it may share their memory.
func inPlace(o step, shape tensor.Shape) step {
	if r, ok := o.(interface{ handsOn() bool }); !ok || !r.handsOn() {
		return o
	}
	if gradient, ok := o.(interface{ wantNone() }); ok {
		gradient.wantNone() // it still hands on the gradient, of which there is a view
		return o
	}
	return &view{shape: shape}
}

func (f *forward[T]) handsOn() bool  { return f.run.name == "Reshape" }
func (b *backward[T]) handsOn() bool { return b.run.name == "Reshape" || b.run.name == "Add" }
func (p *pick[T]) handsOn() bool     { return p.run.name == "Reshape" || p.run.name == "Add" }

// view gives its operand another shape.
type view struct {
	shape tensor.Shape
	of    *tensor.Dense
	value *tensor.Dense
}

// Do returns a tensor that shares the operand's memory, the same at every run.
func (v *view) Do(operands ...gorgonia.Value) (gorgonia.Value, error) {
	of, ok := operands[0].(*tensor.Dense)
	if !ok {
		return nil, fmt.Errorf("Reshape: got a %T, want a dense tensor", operands[0])
	}
	if v.value == nil || v.of != of {
		v.of, v.value = of, tensor.New(tensor.WithShape(v.shape...), tensor.WithBacking(of.Data()))
	}
	return v.value, nil
}

// access is that of a run: it reads nothing.
func (v *view) access() access { return access{} }

// Operands lists what a node is computed from, in order.
func Operands(n *gorgonia.Node) gorgonia.Nodes {
	var nodes gorgonia.Nodes
	for it := n.Graph().From(n.ID()); it.Next(); {
		nodes = append(nodes, it.Node().(*gorgonia.Node))
	}
	return nodes
}

// Do runs the ops one after the other.
func (s *Sequence) Do(...gorgonia.Value) (gorgonia.Value, error) {
	if s.err = s.plan.provide(); s.err != nil {
		return nil, s.err
	}
	for k := range s.instructions {
		i := &s.instructions[k]
		for j, slot := range i.from {
			i.operands[j] = s.values[slot]
		}
		var began time.Time
		if s.watch {
			began = time.Now()
		}
		if s.values[i.to], s.err = i.op.Do(i.operands...); s.err != nil {
			return nil, s.err
		}
		if s.watch {
			i.time = time.Since(began)
		}
	}
	return s.values[len(s.values)-1], nil
}

// Watch makes the next runs take the time of each op, or no more.
func (s *Sequence) Watch(on bool) { s.watch = on }

// Times are the nodes in the order in which they ran, each with the time that
// it took in the last watched run.
func (s *Sequence) Times() iter.Seq2[*gorgonia.Node, time.Duration] {
	return func(yield func(*gorgonia.Node, time.Duration) bool) {
		for _, i := range s.instructions {
			if !yield(i.of, i.time) {
				return
			}
		}
	}
}

// ForwardOf is the node whose gradient n computes, n itself if it computes none.
func ForwardOf(n *gorgonia.Node) *gorgonia.Node {
	for {
		g, ok := n.Op().(interface{ ofOperand() int })
		if !ok {
			return n
		}
		n = Operands(n)[g.ofOperand()]
	}
}

// Value is the value of one of the nodes after a run: of one that the plan keeps,
// if there is a plan.
func (s *Sequence) Value(n *gorgonia.Node) gorgonia.Value { return s.values[s.slots[n]] }

// Err is the error of the last run, without what Gorgonia says about it.
func (s *Sequence) Err() error { return s.err }
