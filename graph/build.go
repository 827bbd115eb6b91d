package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Mode is what a graph is for.
type Mode int

const (
	// Train computes the loss and the gradients of all parameters; layers such
	// as Dropout and BatchNorm behave as in training.
	Train Mode = iota
	// Eval computes the loss and the prediction, without gradients; layers
	// behave as in inference.
	Eval
	// Infer computes the prediction alone.
	Infer
)

// String is the mode's name.
func (m Mode) String() string {
	if m < Train || m > Infer {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return [...]string{"train", "eval", "infer"}[m]
}

// Options are the settings of a network's graphs. The zero value is float32,
// cross-entropy, seed 0, and weights of its own.
type Options struct {
	Seed    uint64   // of the parameters' initial values and of everything random in the layers
	Float64 bool     // double precision, for gradient checks; false means float32
	Loss    Loss     // nil means CrossEntropy{}
	Weights *Weights // shared with other graphs; nil means new ones

	// NoFusion runs every op by itself. Otherwise some run together with those
	// before them, with the same results up to rounding; Summary shows which.
	NoFusion bool

	// InputGradient asks for the gradient of the loss for the input as well, in
	// Train and in Eval: what saliency and adversarial examples are made of.
	InputGradient bool

	// Watch is the path of a layer, as Summary shows it, whose output Watched gives
	// after a run. "" is none.
	Watch string

	// Features asks for what the network's last product reads, the features of an
	// image by which it is classified; Model.Features gives them after a run.
	Features bool

	// ClassActivation asks, in Eval, for what [Model.GradCAM] makes class activation maps
	// of: the last images inside the network, and the gradient of the loss for them. A
	// network without any is ErrNoPlaces.
	ClassActivation bool

	// Fixed says that nobody changes the weights any more: nothing is copied, and ops
	// prepare them once.
	Fixed bool

	// MaxMemory is the most bytes that the graph may need, see [Model.Need]; 0 means no
	// bound. One that needs more is a [*MemoryError], before it takes them.
	MaxMemory int

	lanes *[]int // samples of the lanes of a batch, see Network.Lanes; nil for one piece

	unplanned bool // for tests: no op shares another's memory
	noLayout  bool // for tests: all images are planes
}

func (o Options) dtype() tensor.Dtype {
	if o.Float64 {
		return tensor.Float64
	}
	return tensor.Float32
}

// Model is one compiled graph: a network in one mode, for one batch size. Set
// the values of Input (and of Target), call Run, and read the results. Its
// tensors are the same at every run. Not safe for concurrent use, and while
// one model trains none that shares its weights may run.
type Model struct {
	Mode          Mode
	Input         *tensor.Dense // (N,…)
	Target        *tensor.Dense // as Loss.Target has it: class indices (N) for CrossEntropy; nil in Infer
	SampleWeights *tensor.Dense // (N), 1 unless set otherwise; nil in Infer

	b          *builder
	params     []Param
	input      *gorgonia.Node
	output     *gorgonia.Node
	prediction *gorgonia.Node                    // nil in Train
	watched    *gorgonia.Node                    // nil unless Options.Watch
	features   *gorgonia.Node                    // nil unless Options.Features
	cost       *gorgonia.Node                    // nil in Infer
	inputGrad  *gorgonia.Node                    // nil unless Options.InputGradient
	images     *gorgonia.Node                    // nil unless Options.ClassActivation, in Eval
	imagesGrad *gorgonia.Node                    // likewise
	sequence   *op.Sequence                      // nil if the machine runs the nodes one by one
	copies     map[*gorgonia.Node]*gorgonia.Node // of the results, if it does
	machine    gorgonia.VM
}

// Param is a parameter of a model.
type Param struct {
	Name  string
	Value *tensor.Dense // shared with the network's other models
	model *Model
	grad  *gorgonia.Node
}

// Grad is the gradient of the loss for the parameter, after a run in Train
// mode. The next run overwrites it.
func (p Param) Grad() *tensor.Dense { return p.model.dense(p.grad) }

// Build builds a network with the default options; see [Options.Build].
func Build(l Layer, mode Mode, shape ...int) (*Model, error) {
	return Options{}.Build(l, mode, shape...)
}

// Build makes the graph of a network for one mode and one shape of the input,
// whose first dimension is the batch size, as in (32,1,28,28). It adds the
// loss and the gradients that the mode needs, leaves out what nobody asked
// for, and compiles the rest for Gorgonia's TapeMachine.
func (o Options) Build(l Layer, mode Mode, shape ...int) (*Model, error) {
	if len(shape) == 0 {
		return nil, errors.New("graph: the input has no shape, want (N,…)")
	}
	if err := o.affordInput(shape); err != nil {
		return nil, err
	}
	if mode < Train || mode > Infer {
		return nil, fmt.Errorf("graph: no mode %v", mode)
	}
	if o.Loss == nil {
		o.Loss = CrossEntropy{}
	}
	if o.Weights == nil {
		o.Weights = &Weights{}
	}
	if err := o.Weights.use(mode, o.Fixed); err != nil {
		return nil, err
	}
	m := &Model{Mode: mode, b: newBuilder(o, mode)}
	if err := m.b.build(func() error { return m.build(l, shape) }); err != nil {
		return nil, err
	}
	if o.MaxMemory > 0 {
		if err := o.afford(shape, m.Need()); err != nil {
			return nil, err
		}
	}
	o.Weights.used(mode, o.Fixed)
	return m, nil
}

func (m *Model) build(l Layer, shape tensor.Shape) error {
	m.Input = newTensor(m.b.opts.dtype(), shape)
	m.input = m.b.bind("input", m.Input)
	root := &Scope{b: m.b}
	m.output = root.Apply(l, m.input)
	layers := m.b.layers
	if root.Err() == nil && m.b.opts.Watch != "" {
		if m.watched = m.b.outputOf(m.b.opts.Watch); m.watched == nil {
			return fmt.Errorf("graph: no output of layer %.64q to watch, want one of %s", m.b.opts.Watch, m.paths())
		}
	}
	if root.Err() == nil && m.b.opts.Features {
		var err error
		if m.features, err = featuresOf(m.output); err != nil {
			return err
		}
	}
	if root.Err() == nil && m.Mode == Eval && m.b.opts.ClassActivation {
		if m.images = lastImages(m.output); m.images == nil {
			return fmt.Errorf("graph: %w", ErrNoPlaces)
		}
	}
	if err := m.end(root); err != nil {
		return err
	}
	m.b.layers = layers // without the loss
	if err := m.fuseNodes(m.wrt()); err != nil {
		return err
	}
	grads, err := m.differentiate(m.wrt())
	if err != nil {
		return err
	}
	for i, n := range m.b.params {
		p := Param{Name: n.Name(), Value: m.b.weights.Get(n.Name()), model: m}
		if m.Mode == Train {
			p.grad = grads[i]
		}
		m.params = append(m.params, p)
	}
	if m.b.opts.InputGradient && m.Mode != Infer {
		m.inputGrad = grads[slices.Index(m.wrt(), m.input)]
	}
	if m.images != nil {
		m.imagesGrad = grads[len(grads)-1]
	}
	return m.compile(grads)
}

// end adds the prediction and the loss, as the mode has them.
func (m *Model) end(root *Scope) error {
	if root.Err() == nil && m.output.Dims() == 0 {
		root.Errorf("the output is a scalar, want (N,…)")
	}
	if root.Err() != nil {
		return root.Err()
	}
	loss, dtype := m.b.opts.Loss, m.b.opts.dtype()
	if m.Mode != Train {
		m.prediction = loss.Predict(root.Sub("prediction"), m.output)
	}
	if m.Mode != Infer {
		m.Target = newTensor(dtype, loss.Target(m.output.Shape()))
		m.SampleWeights = tensor.Ones(dtype, m.Input.Shape()[0])
		target, weights := m.b.bind("target", m.Target), m.b.bind("sample_weights", m.SampleWeights)
		m.cost = loss.Cost(root.Sub("loss"), m.output, target, weights)
		if m.cost == nil {
			root.Errorf("the loss returned no cost and no error")
		}
	}
	if root.Err() == nil && m.cost != nil && !m.cost.IsScalar() {
		root.Errorf("the loss has shape %v, want a scalar", m.cost.Shape())
	}
	return root.Err()
}

// wrt lists the nodes that gradients are asked for.
func (m *Model) wrt() gorgonia.Nodes {
	var wrt gorgonia.Nodes
	if m.Mode == Train {
		wrt = append(wrt, m.b.params...)
	}
	if m.Mode != Infer && m.b.opts.InputGradient {
		wrt = append(wrt, m.input)
	}
	if m.images != nil {
		wrt = append(wrt, m.images)
	}
	return wrt
}

func (m *Model) differentiate(wrt gorgonia.Nodes) (gorgonia.Nodes, error) {
	if len(wrt) == 0 {
		return nil, nil
	}
	used := m.b.graph.ExactSubgraphRoots(m.cost).AllNodes()
	for _, n := range wrt {
		if !used.Contains(n) {
			return nil, fmt.Errorf("graph: the loss does not depend on %s", n.Name())
		}
	}
	hashOnes()
	grads, err := m.grad(wrt)
	if err != nil {
		return nil, fmt.Errorf("graph: no gradient: %w", err)
	}
	return grads, nil
}

// hashOnes lets Gorgonia hash its nodes for the number 1, from which all gradients
// begin. They are one for all graphs, and are hashed when they are first used: two
// goroutines must not do it at a time.
var hashOnes = sync.OnceFunc(func() {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		x := gorgonia.NewScalar(gorgonia.NewGraph(), dtype)
		if y, err := gorgonia.Neg(x); err == nil {
			_, _ = gorgonia.Grad(y, x) // for what it does to the constants alone
		}
	}
})

// results are what a forward run is for: the output, and the prediction, the
// loss, the layer's output to watch, the features and the last images, as the mode and
// the options have them.
func (m *Model) results() gorgonia.Nodes {
	results := gorgonia.Nodes{m.output}
	for _, n := range []*gorgonia.Node{m.prediction, m.cost, m.watched, m.features, m.images} {
		if n != nil && !results.Contains(n) {
			results = append(results, n)
		}
	}
	return results
}

// compile prunes the graph to the results and makes the machine that runs it:
// as one instruction if all ops are ours, node by node otherwise.
func (m *Model) compile(grads gorgonia.Nodes) error {
	results := append(m.results(), grads...)
	live, err := gorgonia.Sort(m.b.graph.ExactSubgraphRoots(results...))
	if err != nil {
		return fmt.Errorf("graph: compile: %w", err)
	}
	slices.Reverse(live) // operands first
	sequence, node, operand, err := op.NewSequence(live)
	if err != nil {
		return fmt.Errorf("graph: compile: %w", err)
	}
	var inputs gorgonia.Nodes
	if sequence == nil && m.b.opts.lanes != nil {
		return fmt.Errorf("%w: it has ops of other packages", ErrLanes)
	}
	if sequence != nil {
		if err := sequence.Compile(results, m.options(len(grads) == 0)); err != nil {
			return fmt.Errorf("%w: %w", ErrLanes, err)
		}
		m.sequence, inputs, results = sequence, gorgonia.Nodes{operand}, gorgonia.Nodes{node}
		m.showFusions()
	} else {
		op.Want(live)
		inputs = slices.DeleteFunc(slices.Clone(m.b.bound), func(n *gorgonia.Node) bool { return !live.Contains(n) })
		if results, err = m.copyResults(results); err != nil {
			return fmt.Errorf("graph: compile: %w", err)
		}
	}
	program, locations, err := gorgonia.CompileFunction(m.b.graph, inputs, results)
	if err != nil {
		return fmt.Errorf("graph: compile: %w", err)
	}
	m.machine = gorgonia.NewTapeMachine(m.b.graph, gorgonia.WithPrecompiled(program, locations))
	return nil
}

// options are how the sequence runs.
func (m *Model) options(inference bool) op.Options {
	o := op.Options{
		Inference: inference, NoFusion: m.b.opts.NoFusion,
		NoLayout: m.b.opts.NoFusion || m.b.opts.noLayout, Unplaced: m.b.opts.unplanned,
	}
	if lanes := m.b.opts.lanes; lanes != nil {
		o.Lanes = *lanes
		o.Samples = func(n *gorgonia.Node) bool { return slices.Contains(reserved, n.Name()) }
	}
	if m.b.opts.Fixed {
		o.Fixed = func(n *gorgonia.Node) bool { return !slices.Contains(reserved, n.Name()) }
	}
	return o
}

// copyResults adds a copy of each result, as Gorgonia's ops may overwrite the result
// itself when the machine runs them, and returns the copies.
func (m *Model) copyResults(results gorgonia.Nodes) (copies gorgonia.Nodes, err error) {
	m.copies = map[*gorgonia.Node]*gorgonia.Node{}
	for _, n := range results {
		if n.Op() != nil && m.copies[n] == nil {
			if m.copies[n], err = op.Reshape(n, n.Shape()...); err != nil {
				return nil, err
			}
			copies = append(copies, m.copies[n])
		}
	}
	return copies, nil
}

// Run computes the results from the current values of Input, Target and the
// weights. In Train mode it counts a step of the weights, but changes no
// parameter: that is the optimizer's work.
func (m *Model) Run() error {
	if err := m.execute(); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	if m.Mode == Train {
		m.b.weights.Step++
	}
	return nil
}

// RunContext is Run that ends between two ops when ctx is cancelled, with its error. The
// results are then of no use, the step is not counted, and state such as BatchNorm's running
// statistics may have changed: who goes on brings it back. A graph with an op of another
// package runs to its end.
func (m *Model) RunContext(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.sequence != nil {
		m.sequence.Until(ctx.Done())
		defer m.sequence.Until(nil)
	}
	err := m.Run()
	if errors.Is(err, op.ErrStopped) {
		return ctx.Err()
	}
	return err
}

// execute runs the graph on the machine, unless it is not for training and a single
// instruction: the machine hands every run to another thread and back, which
// takes longer than a small network does for one image, and allocates.
func (m *Model) execute() error {
	if m.sequence != nil && m.Mode != Train {
		_, err := m.sequence.Do()
		return err
	}
	defer m.machine.Reset()
	err := m.machine.RunAll()
	if err != nil && m.sequence != nil && m.sequence.Err() != nil {
		return m.sequence.Err()
	}
	return err
}
