package op

import (
	"iter"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/program"
)

// The bridge from Gorgonia's nodes to a program: node by node, a tensor becomes a
// bound value, an op a step, its gradient a backward step. What picks a gradient is
// no step: it stands for a value of the backward step.

// machine is the program of a sequence, in one precision.
type machine interface {
	compile(results gorgonia.Nodes, o Options) error
	run() error
	value(n *gorgonia.Node) gorgonia.Value
	until(done <-chan struct{})
	watch(on bool)
	times() iter.Seq[Timing]
	bytes() (results, values, workspaces int)
	planned() (bytes int, known bool)
	print() string
}

// ours is an op of this package.
type ours interface{ ours() }

func (n *node) ours() {}

// newMachine translates nodes, operands before their results.
func newMachine(nodes gorgonia.Nodes, o Options) machine {
	if nodes[len(nodes)-1].Dtype() == tensor.Float64 {
		return newTranslation[float64](nodes, o)
	}
	return newTranslation[float32](nodes, o)
}

// translation is a program and what stands for the nodes in it.
type translation[T cpu.Float] struct {
	program.Program[T]
	values map[*gorgonia.Node]*program.Value[T]
	grads  map[*run[T]][]*program.Value[T] // by op: of its operands
	wanted map[*run[T]][]bool
	out    map[*gorgonia.Node]*result[T] // what Gorgonia gets to see
}

func newTranslation[T cpu.Float](nodes gorgonia.Nodes, o Options) *translation[T] {
	t := &translation[T]{
		values: map[*gorgonia.Node]*program.Value[T]{},
		grads:  map[*run[T]][]*program.Value[T]{},
		wanted: map[*run[T]][]bool{},
		out:    map[*gorgonia.Node]*result[T]{},
	}
	for _, n := range nodes {
		if p, ok := n.Op().(*pick[T]); ok {
			t.want(p)
		}
	}
	for _, n := range nodes {
		t.add(n, o)
	}
	return t
}

// want notes that somebody picks a gradient.
func (t *translation[T]) want(p *pick[T]) {
	if t.wanted[p.run] == nil {
		t.wanted[p.run] = make([]bool, len(p.in))
	}
	t.wanted[p.run][p.operand] = !p.handsOn() || p.from.Op() == nil
}

// add translates one node.
func (t *translation[T]) add(n *gorgonia.Node, o Options) {
	operands := Operands(n)
	in := make([]*program.Value[T], len(operands))
	for i, operand := range operands {
		in[i] = t.values[operand]
	}
	if len(operands) == 0 {
		v := t.Bind(n.Name(), n.Shape(), o.Fixed != nil && o.Fixed(n), elementsOf[T](n))
		v.Samples = o.Samples != nil && o.Samples(n)
		t.values[n] = v
		return
	}
	switch op := n.Op().(type) {
	case *forward[T]:
		if op.handsOn() && operands[0].Op() != nil && operands[0].Dims() > 0 && n.Dims() > 0 {
			t.values[n] = t.View(in[0], n.Shape())
			return
		}
		t.values[n] = t.Add(op.String(), n, op.fn, n.Shape(), in...)
	case *backward[T]:
		dy := in[len(in)-1]
		if t.values[n] = dy; slices.Contains(t.wanted[op.run], true) {
			t.grads[op.run] = t.Gradient(op.String(), n, op.fn, in[:len(op.in)], dy, t.wanted[op.run], !op.dyOnly)
		}
	case *pick[T]:
		if g := t.grads[op.run]; g != nil && g[op.operand] != nil {
			t.values[n] = g[op.operand]
		} else {
			t.values[n] = t.View(in[0], n.Shape()) // the gradient is handed on
		}
	default: // a sum of gradients
		t.values[n] = t.Add(string(KindAdd), n, kernel.NewAdd[T](len(in)), n.Shape(), in...)
	}
}

// elementsOf returns what reads a bound tensor's elements at each run.
func elementsOf[T cpu.Float](n *gorgonia.Node) func() []T {
	var data []T
	return func() []T {
		if err := loadOne(&data, n.Value()); err != nil {
			panic(err)
		}
		return data
	}
}

func (t *translation[T]) compile(results gorgonia.Nodes, o Options) error {
	var values []*program.Value[T]
	for _, n := range results {
		if len(Operands(n)) > 0 {
			values = append(values, t.values[n])
			t.out[n] = &result[T]{shape: n.Shape()}
		}
	}
	return t.Compile(values, program.Options{
		Inference: o.Inference, NoFusion: o.NoFusion, NoLayout: o.NoLayout, Unplaced: o.Unplaced, Lanes: o.Lanes,
	})
}

func (t *translation[T]) run() error { return t.Run() }

func (t *translation[T]) until(done <-chan struct{}) { t.Until(done) }

// value is a result as a tensor, or a number, in the program's memory.
func (t *translation[T]) value(n *gorgonia.Node) gorgonia.Value {
	r := t.out[n]
	if r == nil {
		return n.Value()
	}
	if r.data == nil {
		r.use(t.values[n].Data())
	}
	return r.value()
}

func (t *translation[T]) watch(on bool)                            { t.Watch(on) }
func (t *translation[T]) print() string                            { return t.String() }
func (t *translation[T]) bytes() (results, values, workspaces int) { return t.Bytes() }

func (t *translation[T]) planned() (bytes int, known bool) { return t.Planned() }

func (t *translation[T]) times() iter.Seq[Timing] {
	return func(yield func(Timing) bool) {
		for s, time := range t.Times() {
			timing := Timing{Op: s.Name, Time: time, Bytes: s.Bytes()}
			for _, m := range s.Marks {
				n := m.(*gorgonia.Node)
				timing.Nodes = append(timing.Nodes, n)
				timing.MulAdds += mulAdds(n, s)
			}
			if !yield(timing) {
				return
			}
		}
	}
}

// mulAdds is the number of multiply-adds of a node: for the gradients as many for
// each of the image and the filters, or the two matrices.
func mulAdds[T cpu.Float](n *gorgonia.Node, s *program.Step[T]) (sum int) {
	switch op := n.Op().(type) {
	case *forward[T]:
		return op.mulAdds
	case *backward[T]:
		for _, wanted := range s.DIn[:min(2, len(s.DIn))] {
			if wanted != nil {
				sum += op.mulAdds
			}
		}
	}
	return sum
}
