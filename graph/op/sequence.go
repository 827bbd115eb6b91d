package op

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/program"
)

// Sequence is an op that runs a whole graph of this package's ops as one program,
// see package program: to the TapeMachine it is one instruction. The machine
// allocates several objects for each instruction and each operand, which a sequence
// saves; its ops share memory, and choose how images lie in it.
type Sequence struct {
	node
	nodes    gorgonia.Nodes
	machine  machine
	compiled bool
	err      error
}

// Options say how a sequence runs. The zero value is a training step's.
type Options struct {
	Inference bool                        // it has no gradients
	NoFusion  bool                        // no op does another's work
	NoLayout  bool                        // all images are planes
	Unplaced  bool                        // no op shares another's memory
	Fixed     func(n *gorgonia.Node) bool // whether nobody changes a bound tensor any more; nil means none

	// Lanes are the numbers of samples of the lanes that the batch is cut into, nil for one
	// piece, and Samples says which of the bound tensors hold a batch.
	Lanes   []int
	Samples func(n *gorgonia.Node) bool
}

// Ours reports whether all nodes are ops of this package, or Gorgonia's sums of
// their gradients, or bound tensors, of which there is one at least.
func Ours(nodes gorgonia.Nodes) bool {
	bound := false
	for _, n := range nodes {
		operands := Operands(n)
		switch _, own := n.Op().(ours); {
		case n.Op() == nil:
			bound = true
		case !own && len(operands) > 0 && !isGradientSum(n, operands): // a constant has no operands
			return false
		}
	}
	return bound
}

// NewSequence makes the nodes one op: all of a graph, operands before their
// results. It returns the node of the sequence, whose value is the last node's,
// and its one operand: the first of the nodes that hold a tensor. The others'
// tensors it reads by itself. The sequence is nil if there is an op of another
// package among the nodes.
func NewSequence(nodes gorgonia.Nodes) (s *Sequence, node, operand *gorgonia.Node, err error) {
	if !Ours(nodes) {
		return nil, nil, nil, nil
	}
	last := nodes[len(nodes)-1]
	operand = nodes[slices.IndexFunc(nodes, func(n *gorgonia.Node) bool { return n.Op() == nil })]
	s = &Sequence{nodes: nodes}
	s.node = newNode("Sequence", fmt.Sprintf("of %d", len(nodes)), gorgonia.Nodes{operand}, last.Type(), last.Shape())
	node, err = gorgonia.ApplyOp(s, operand)
	return s, node, operand, err
}

// Compile makes the sequence ready, for the sake of the given nodes and the last
// one: after a run their values are there, the same tensors at every run. A
// sequence that is not compiled keeps all values. An error says which op cannot run in
// lanes; without them there is none.
func (s *Sequence) Compile(results gorgonia.Nodes, o Options) error {
	s.machine = newMachine(s.nodes, o)
	err := s.machine.compile(append(slices.Clone(results), s.nodes[len(s.nodes)-1]), o)
	s.compiled = err == nil
	return err
}

// Do runs the ops one after the other.
func (s *Sequence) Do(...gorgonia.Value) (gorgonia.Value, error) {
	if !s.compiled {
		if s.err = s.Compile(s.nodes, Options{Unplaced: true}); s.err != nil {
			return nil, s.err
		}
	}
	if s.err = s.machine.run(); s.err != nil {
		return nil, s.err
	}
	return s.machine.value(s.nodes[len(s.nodes)-1]), nil
}

// Value is the value of one of the results after a run.
func (s *Sequence) Value(n *gorgonia.Node) gorgonia.Value { return s.machine.value(n) }

// Err is the error of the last run, without what Gorgonia says about it.
func (s *Sequence) Err() error { return s.err }

// ErrStopped is the error of a sequence that Until has ended.
var ErrStopped = program.ErrStopped

// Until makes the next runs of a compiled sequence end before their next op once done is
// closed, with ErrStopped; nil is never.
func (s *Sequence) Until(done <-chan struct{}) { s.machine.until(done) }

// Watch makes the next runs take the time of each op, or no more.
func (s *Sequence) Watch(on bool) { s.machine.watch(on) }

// Timing is how long an op took in a run.
type Timing struct {
	Op      string         // its name and parameters; a fused one's names are joined by +
	Nodes   gorgonia.Nodes // whose work it does, the last first; none for a conversion of layouts
	Time    time.Duration
	MulAdds int // multiply-adds
	Bytes   int // of the values that it reads and writes
}

// Times are the ops in the order in which they ran in the last watched run.
func (s *Sequence) Times() iter.Seq[Timing] { return s.machine.times() }

// Bytes is the memory that a compiled sequence takes: for results, for the other
// values, and for what the ops keep besides. The ops allocate that when they first
// need it, so it grows in the first runs.
func (s *Sequence) Bytes() (results, values, workspaces int) { return s.machine.bytes() }

// Planned is the memory that the ops will keep besides values once they have run. Where
// there are gradients it is not known before.
func (s *Sequence) Planned() (bytes int, known bool) { return s.machine.planned() }

// Program prints what runs, a line an op; package program says how to read it.
func (s *Sequence) Program() string { return s.machine.print() }

// Operands lists what a node is computed from, in order.
func Operands(n *gorgonia.Node) gorgonia.Nodes {
	var nodes gorgonia.Nodes
	for it := n.Graph().From(n.ID()); it.Next(); {
		nodes = append(nodes, it.Node().(*gorgonia.Node))
	}
	return nodes
}

// ForwardOf is the node whose gradient n computes, n itself if it computes none.
func ForwardOf(n *gorgonia.Node) *gorgonia.Node {
	for {
		g, ok := n.Op().(interface{ forwardOperand() int })
		if !ok {
			return n
		}
		n = Operands(n)[g.forwardOperand()]
	}
}

// gorgoniaAdd is what Gorgonia v0.9.18 says of its sum, whose type is not exported:
// elemBinOp.String(), the operator and whether a comparison returns numbers. A test
// builds one.
const gorgoniaAdd = "+ false"

// isGradientSum reports whether a node is Gorgonia's sum, which gorgonia.Grad puts
// where the gradients of a node with several uses meet.
func isGradientSum(n *gorgonia.Node, operands gorgonia.Nodes) bool {
	if len(operands) != 2 || n.Op().String() != gorgoniaAdd {
		return false
	}
	for _, o := range operands {
		if !slices.Equal(o.Shape(), n.Shape()) || o.Dims() == 0 {
			return false
		}
	}
	return n.Dtype() == tensor.Float32 || n.Dtype() == tensor.Float64
}
