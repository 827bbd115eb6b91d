// Package graphtest is the test kit for ops and layers: for the ones of this
// module and for your own.
//
// [Gradient] checks the gradient of an op, or of any composition of ops,
// against central differences. [Layer] puts a layer through everything that
// the rest of the module relies on: gradients, shapes, errors, saving and
// loading, repeatability. Both report through testing; [Op.Check] and
// [Case.Check] are the same checks as functions that return an error.
//
//	func TestSwish(t *testing.T) {
//		graphtest.Gradient(t, swish, graphtest.Random("x", 2, 3, 4))
//		graphtest.Layer(t, graphtest.Case{Layer: Swish{}, Input: []int{4}, Output: []int{4}})
//	}
package graphtest

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Func builds what is to be checked from the nodes of its operands: one op, or
// any composition of ops.
type Func func(in ...*gorgonia.Node) (*gorgonia.Node, error)

// Op is something to run and to check: a function and values for its operands.
type Op struct {
	F        Func
	In       []*tensor.Dense // float32 or float64
	Constant []int           // the operands that have no gradient, such as labels
	State    []int           // operands that have no gradient and that a run may change, such as running means
}

// Run computes F once, in the precision of the operands, on a graph of its
// own. The operands are bound as they are, not copied.
func (o Op) Run() (*tensor.Dense, error) {
	m, err := o.compile(nil, false)
	if err != nil {
		return nil, err
	}
	return m.run()
}

// Gradients computes F and the gradients of Σ dy·F, one for each operand, nil
// for those without. A nil dy means random values. A scalar F is differentiated
// itself, without dy.
func (o Op) Gradients(dy *tensor.Dense) (y *tensor.Dense, grads []*tensor.Dense, err error) {
	m, err := o.compile(dy, true)
	if err != nil {
		return nil, nil, err
	}
	if y, err = m.run(); err != nil {
		return nil, nil, err
	}
	grads = make([]*tensor.Dense, len(o.In))
	for i, v := range m.grads {
		if v != nil {
			grads[i] = dense(*v)
		}
	}
	return y, grads, nil
}

// machine is a compiled Op.
type machine struct {
	vm    gorgonia.VM
	y     gorgonia.Value
	dy    []float64
	grads []*gorgonia.Value // by operand
}

// compile builds the graph of an Op, and its gradient too if that is wanted.
// What panics while it is built becomes an error.
func (o Op) compile(dy *tensor.Dense, gradient bool) (m *machine, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graphtest: panic while building: %v", r)
		}
	}()
	g := gorgonia.NewGraph()
	in := make(gorgonia.Nodes, len(o.In))
	for i, x := range o.In {
		in[i] = bind(g, fmt.Sprintf("operand %d", i), x)
	}
	y, err := o.F(in...)
	if err != nil {
		return nil, err
	}
	if y == nil {
		return nil, fmt.Errorf("graphtest: the function returned no node and no error")
	}
	if dy == nil {
		dy = as(in[0].Dtype(), Random("dy", 1, y.Shape()...))
	}
	m = &machine{dy: values(dy)}
	if gradient {
		if err := m.differentiate(o, y, dy, in); err != nil {
			return nil, err
		}
	}
	gorgonia.Read(y, &m.y)
	m.vm = gorgonia.NewTapeMachine(g)
	return m, nil
}

// differentiate adds the gradients of Σ dy·y.
func (m *machine) differentiate(o Op, y *gorgonia.Node, dy *tensor.Dense, in gorgonia.Nodes) error {
	cost := y
	if !y.IsScalar() {
		product, err := gorgonia.HadamardProd(y, bind(y.Graph(), "dy", dy))
		if err != nil {
			return fmt.Errorf("graphtest: cost: %w", err)
		}
		if cost, err = gorgonia.Sum(product); err != nil {
			return fmt.Errorf("graphtest: cost: %w", err)
		}
	}
	var wrt gorgonia.Nodes
	for i, x := range in {
		if o.hasGradient(i) {
			wrt = append(wrt, x)
		}
	}
	nodes, err := gorgonia.Grad(cost, wrt...)
	if err != nil {
		return fmt.Errorf("graphtest: no gradient: %w", err)
	}
	m.grads = make([]*gorgonia.Value, len(in))
	for i := range in {
		if o.hasGradient(i) {
			m.grads[i] = new(gorgonia.Value)
			gorgonia.Read(nodes[0], m.grads[i])
			nodes = nodes[1:]
		}
	}
	return nil
}

func (o Op) hasGradient(i int) bool {
	return !slices.Contains(o.Constant, i) && !slices.Contains(o.State, i)
}

func (m *machine) run() (*tensor.Dense, error) {
	defer m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		return nil, fmt.Errorf("graphtest: run: %w", err)
	}
	return dense(m.y), nil
}

// cost is Σ dy·y after a new run.
func (m *machine) cost() (float64, error) {
	y, err := m.run()
	if err != nil {
		return 0, err
	}
	if y.IsScalar() {
		return values(y)[0], nil
	}
	var sum float64
	for i, v := range values(y) {
		sum += v * m.dy[i]
	}
	return sum, nil
}

func bind(g *gorgonia.ExprGraph, name string, x *tensor.Dense) *gorgonia.Node {
	return gorgonia.NewTensor(g, x.Dtype(), x.Dims(),
		gorgonia.WithShape(x.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(x))
}
