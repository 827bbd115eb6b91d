package graph

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Scope is where a layer builds its part of a graph. It knows the layer's
// path, which names its parameters ("residual_1/conv2d/weight"), and carries
// the first error: after it every method returns nil and does nothing, so that
// Build methods read without error checks. Not safe for concurrent use.
type Scope struct {
	b     *builder
	path  string
	names map[string]int // how often a name was given out in this scope
	sub   *Scope         // the first scope that the layer being applied asked for: its own
	info  *LayerInfo     // nil until the layer has a node or a parameter
	part  *LayerInfo     // the part that was begun last, nil for none
}

// builder has the state that all scopes of one graph share.
type builder struct {
	opts    Options
	mode    Mode
	graph   *gorgonia.ExprGraph
	weights *Weights
	params  gorgonia.Nodes
	states  []string       // the paths of tensors that a step of training changes beside the parameters
	bound   gorgonia.Nodes // all nodes that hold a tensor: input, parameters, state, targets
	layers  []*LayerInfo
	err     error
	frozen  *Frozen // the one that is being built, nil for none

	names  map[string]bool         // of bound
	listed map[*gorgonia.Node]bool // nodes of ops that a layer has
	paths  map[string]bool         // of layers

	unread map[*gorgonia.Node]tensorOf // tensors of parts, until an op reads them

	cost op.Cost // of listed
}

func newBuilder(o Options, mode Mode) *builder {
	return &builder{
		opts: o, mode: mode, graph: gorgonia.NewGraph(), weights: o.Weights,
		names: map[string]bool{}, listed: map[*gorgonia.Node]bool{}, paths: map[string]bool{},
		unread: map[*gorgonia.Node]tensorOf{},
	}
}

// reserved are the names of the tensors that are no layer's.
var reserved = []string{"input", "target", "sample_weights"}

// Sub returns the scope of a layer inside this one. The first one asked for as
// "conv2d" has that name, the next is "conv2d_1", and so on.
func (s *Scope) Sub(name string) *Scope {
	if s.names == nil {
		s.names = map[string]int{}
	}
	n := s.names[name]
	s.names[name]++
	if n > 0 {
		name += "_" + strconv.Itoa(n)
	}
	sub := &Scope{b: s.b, path: join(s.path, name), part: s.part}
	if s.sub == nil {
		s.sub = sub
	}
	return sub
}

// Apply builds a layer in this scope, unless there was an error before. A
// panic of the layer, or of Gorgonia in it, becomes an error with the layer's
// path, which is the path of the first scope that it asked for.
func (s *Scope) Apply(l Layer, x *gorgonia.Node) (y *gorgonia.Node) {
	if s.b.err != nil {
		return nil
	}
	if l == nil {
		return s.Errorf("layer is nil")
	}
	outer := s.sub
	s.sub = nil
	defer func() {
		if r := recover(); r != nil {
			y = cmp.Or(s.sub, s).Errorf("the layer panicked: %v", r)
		}
		s.sub = outer
	}()
	if y = l.Build(s, x); y == nil && s.b.err == nil {
		return s.Errorf("the layer returned no node and no error")
	}
	return y
}

// Param returns the node of a parameter, a tensor that training changes. Its
// first build in a network fills it with init, drawing from the network's seed
// and the parameter's path; later builds share the tensor.
func (s *Scope) Param(name string, init Init, shape ...int) *gorgonia.Node {
	return s.param(name, first{init: init}, shape)
}

// ParamOf is [Scope.Param] with first values that are there already, row by row,
// as a file has them. They are copied, unless Options.Fixed lets the network have
// them as they are.
func (s *Scope) ParamOf(name string, values []float32, shape ...int) *gorgonia.Node {
	return s.param(name, first{values: values}, shape)
}

// State returns the node of a tensor that belongs to the network, but that no
// gradient changes, such as a running mean.
func (s *Scope) State(name string, init Init, shape ...int) *gorgonia.Node {
	return s.state(name, first{init: init}, shape)
}

// StateOf is [Scope.State] with first values as in [Scope.ParamOf].
func (s *Scope) StateOf(name string, values []float32, shape ...int) *gorgonia.Node {
	return s.state(name, first{values: values}, shape)
}

// Constant returns the node of a tensor that belongs to this graph alone, such as
// a mask that depends on the size of the input: it is not among the network's
// weights, and not saved. values are not copied.
func (s *Scope) Constant(name string, values []float32, shape ...int) *gorgonia.Node {
	path, ok := s.free(name, shape)
	if !ok {
		return nil
	}
	if size := tensor.Shape(shape).TotalSize(); len(values) != size {
		return s.Errorf("%s has %d values, want %d of shape %v", name, len(values), size, tensor.Shape(shape))
	}
	t := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	if s.b.opts.Float64 {
		double := newTensor(tensor.Float64, shape)
		set(double, t)
		t = double
	}
	n := s.b.bind(path, t)
	s.own(n, tensorOf{state: t.Size()})
	return n
}

func (s *Scope) param(name string, f first, shape tensor.Shape) *gorgonia.Node {
	if !s.b.trains(join(s.path, name)) {
		return s.state(name, f, shape)
	}
	n := s.tensor(name, f, shape)
	if n != nil {
		s.b.params = append(s.b.params, n)
		s.own(n, tensorOf{params: n.Shape().TotalSize()})
	}
	return n
}

func (s *Scope) state(name string, f first, shape tensor.Shape) *gorgonia.Node {
	n := s.tensor(name, f, shape)
	if n != nil {
		s.own(n, tensorOf{state: n.Shape().TotalSize()})
		if s.b.frozen == nil {
			s.b.states = append(s.b.states, join(s.path, name))
		}
	}
	return n
}

func (s *Scope) tensor(name string, f first, shape tensor.Shape) *gorgonia.Node {
	path, ok := s.free(name, shape)
	if !ok {
		return nil
	}
	if f.init == nil && f.values == nil {
		return s.Errorf("%s has no init, want one such as graph.Zeros", name)
	}
	if size := shape.TotalSize(); f.values != nil && len(f.values) != size {
		return s.Errorf("%s has %d values, want %d of shape %v", name, len(f.values), size, shape)
	}
	f.random = rand.New(rand.NewPCG(s.b.opts.Seed, hash(path)))
	value, err := s.b.weights.tensor(path, shape, s.b.opts, f)
	if err != nil {
		return s.Errorf("%w", err)
	}
	return s.b.bind(path, value)
}

// free is the path of a new tensor. It reports whether the tensor may have that
// name and shape.
func (s *Scope) free(name string, shape tensor.Shape) (path string, ok bool) {
	if s.b.err != nil {
		return "", false
	}
	for _, d := range shape {
		if d < 1 {
			s.Errorf("%s has shape %v, want positive dimensions", name, shape)
			return "", false
		}
	}
	path = join(s.path, name)
	if s.b.names[path] {
		s.Errorf("%s is defined twice", name)
		return "", false
	}
	if slices.Contains(reserved, path) {
		s.Errorf("the name %s is taken, want one in a scope of its own, from Sub", name)
		return "", false
	}
	return path, true
}

// Op applies a Gorgonia op, one of package op, of Gorgonia or of your own.
func (s *Scope) Op(o gorgonia.Op, in ...*gorgonia.Node) *gorgonia.Node {
	return s.do(func() (*gorgonia.Node, error) { return gorgonia.ApplyOp(o, in...) })
}

// Unary applies a function such as gorgonia.Exp, unless there was an error
// before. A panic of the function becomes an error.
func (s *Scope) Unary(f func(*gorgonia.Node) (*gorgonia.Node, error), x *gorgonia.Node) *gorgonia.Node {
	return s.do(func() (*gorgonia.Node, error) { return f(x) })
}

// Binary applies a function such as gorgonia.Mul, as Unary does.
func (s *Scope) Binary(f func(a, b *gorgonia.Node) (*gorgonia.Node, error), a, b *gorgonia.Node) *gorgonia.Node {
	return s.do(func() (*gorgonia.Node, error) { return f(a, b) })
}

// Node adds what a function of package op or of Gorgonia has returned:
//
//	y := s.Node(op.Conv2d(x, weight, bias, op.Conv{}))
//
// An error becomes the scope's. The function is called even after an earlier
// error, with a nil node where there would have been one: the functions of
// package op return an error for it; functions of Gorgonia may panic, which Apply
// recovers. Either way the earlier error is the one that is reported.
func (s *Scope) Node(n *gorgonia.Node, err error) *gorgonia.Node {
	switch {
	case s.b.err != nil:
		return nil
	case err != nil:
		return s.Errorf("%w", err)
	case n == nil:
		return s.Errorf("a function returned no node and no error")
	}
	s.add(n)
	return n
}

// do calls f, which calls Gorgonia, unless there was an error before, and
// makes its error or panic the scope's.
func (s *Scope) do(f func() (*gorgonia.Node, error)) (n *gorgonia.Node) {
	if s.b.err != nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			n = s.Errorf("%v", r)
		}
	}()
	return s.Node(f())
}

// add counts a node as one of the layer's, the last of them so far.
func (s *Scope) add(y *gorgonia.Node) {
	known := y.Op() == nil || s.b.listed[y] // a function may return its operand, or a node that an equal call has made
	if known && s.part != nil {
		return
	}
	info := s.record()
	info.Output = y.Shape()
	if known {
		return
	}
	s.b.listed[y] = true
	if len(s.b.unread) > 0 {
		for _, operand := range op.Operands(y) {
			if t, ok := s.b.unread[operand]; ok {
				info.own(operand, t)
				delete(s.b.unread, operand)
			}
		}
	}
	info.Ops = append(info.Ops, y.Op().String())
	if m, ok := y.Op().(interface{ MulAdds() int }); ok {
		info.MulAdds += m.MulAdds()
	}
	info.nodes = append(info.nodes, y)
	s.b.cost = s.b.cost.Plus(op.CostOf(y))
}

// Errorf makes an error, prefixed with the layer's path, the scope's, unless
// there is one already. It returns nil, for a Build method to return.
func (s *Scope) Errorf(format string, args ...any) *gorgonia.Node {
	if s.b.err != nil {
		return nil
	}
	s.b.err = fmt.Errorf("graph: "+format, args...)
	if s.path != "" {
		s.b.err = fmt.Errorf("graph: %s: %w", s.path, fmt.Errorf(format, args...))
	}
	return nil
}

// Cost is what the nodes that were added so far ask of a forward run, those of the whole
// graph.
func (s *Scope) Cost() op.Cost { return s.b.cost }

// Err is the first error of the whole graph.
func (s *Scope) Err() error { return s.b.err }

// Training reports whether the graph is for training, and the layer not [Frozen]:
// whether dropout drops and normalisation uses the batch's own statistics.
func (s *Scope) Training() bool { return s.b.mode == Train && s.b.frozen == nil }

// Rand is the layer's stream of random numbers: one for each step of training,
// fixed by the network's seed and the layer's path.
func (s *Scope) Rand() op.Random {
	return op.Random{Seed: s.b.opts.Seed ^ hash(s.path), Step: &s.b.weights.Step}
}

// record is the description of the layer, or of the part that was begun last. It is
// listed from now on.
func (s *Scope) record() *LayerInfo {
	if s.part != nil {
		if !s.part.listed {
			s.part.Path = unique(s.part.Path, s.b.paths)
			s.b.list(s.part)
		}
		return s.part
	}
	if s.info == nil {
		s.info = &LayerInfo{Path: s.path}
		s.b.list(s.info)
	}
	return s.info
}

// list adds a layer to the list.
func (b *builder) list(l *LayerInfo) {
	l.listed, b.paths[l.Path] = true, true
	b.layers = append(b.layers, l)
}

// bind adds a node that holds a tensor. It is read, and may be written, in
// place at every run.
func (b *builder) bind(name string, value *tensor.Dense) *gorgonia.Node {
	n := gorgonia.NewTensor(b.graph, value.Dtype(), value.Dims(),
		gorgonia.WithShape(value.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(value))
	b.bound = append(b.bound, n)
	b.names[name] = true
	return n
}

// build runs f, turning a panic, such as a loss's, into the graph's error.
func (b *builder) build(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if err = b.err; err == nil {
				err = fmt.Errorf("graph: build panicked: %v", r)
			}
		}
	}()
	return f()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

func hash(path string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(path))
	return h.Sum64()
}
