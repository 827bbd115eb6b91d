// Package program says how a network runs: as a sequence of steps, each a kernel
// with its operands, whose values lie in one piece of memory. It knows neither
// Gorgonia nor tensors; package op translates graphs into programs.
//
//	Bind, Add, Gradient, View    the steps, as the graph has them
//	     │
//	   fuse    kernels take over what the op behind them does
//	   lay     each value gets a layout: planes, or channels last; in training each gradient too
//	   cut     steps know the lanes of a batch, which have sums of their own
//	   addUp   in training, a backward step adds its gradient to another one, or writes it over one
//	   pack    kernels are told which operands never change
//	   place   each value gets its memory
//	     │
//	   Run     step by step
//
// Each pass is a file, and String prints what it has made of the program.
package program

import (
	"slices"
	"time"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// What holds from pass to pass:
//
//	a value is written by one step, before all steps that read it
//	a view has no memory of its own: it is a part of its root's memory, from at on
//	a step with a nil Kernel is gone, and the pass that made it so drops it
//	a pass changes where values lie and which steps there are, not what results hold:
//	    they differ by rounding at most, where another kernel computes them

// Program is a sequence of steps. Not safe for concurrent use.
//
// Who owns memory: the program owns the arena and the results, from the first run on;
// kernels own their workspaces, and the caller what is bound. Results are handed out as
// they are, not copied: the next run overwrites them.
type Program[T cpu.Float] struct {
	steps   []*Step[T]
	arena   []T
	placed  []*life[T] // values with a place in the arena
	kept    []*life[T] // values with memory of their own
	results []*Value[T]
	size    int // of the arena, in elements
	shared  *conv.Shared[T]
	ready   bool // there is the memory
	hoisted bool // what never changes has been computed
	watch   bool
	done    <-chan struct{} // ends a run, see Until
	lanes   treeMemory[T]   // of kernels that run lane by lane
}

// Value is what a step computes, or a tensor that is bound.
type Value[T cpu.Float] struct {
	Name   string
	Shape  []int
	Layout pixel.Layout // of four dimensions; the zero value for others

	// Bound returns the elements of a bound tensor, in the order of Shape; nil for
	// values of steps. It is asked at each run.
	Bound func() []T
	Fixed bool // nobody changes the bound tensor any more

	// Samples says of a bound tensor that it holds a batch: as many elements for each
	// sample, one sample behind the other. It counts for programs in lanes.
	Samples bool

	// data has size() elements, or, for a view of pixels, all up to the end of the root. It
	// is nil for bound tensors and their views: see elements.
	data   []T
	planes *Value[T] // a result that lies channels last: its elements as planes
	view   *Value[T] // whose memory it shares, nil for memory of its own
	at     int       // its first element there
	raw    bool      // it is that memory in another order of dimensions, not planes
	result bool      // somebody reads it after a run
}

// Step is one kernel in a program: forward, or backward.
type Step[T cpu.Float] struct {
	Name   string // of the op and its parameters, for people
	Kernel Kernel[T]
	In     []*Value[T]
	Out    *Value[T] // nil for a backward step

	// Of a backward step: the gradient of the forward step's result, those of its
	// operands, nil where nobody wants one, and whether the kernel reads the
	// operands too.
	Dy       *Value[T]
	DIn      []*Value[T]
	Operands bool
	Sums     []*Value[T] // gradients to which those are added that lie in their memory

	// Marks are what the owner has to know of it: first its own, then those of the
	// steps whose work it does too.
	Marks []any

	lanes    int   // that its kernel runs; 0 for a batch in one piece
	placed   bool  // its kernel was told layouts
	once     bool  // it runs in the first run only: its result never changes
	elidable bool  // a Turn that is not needed if both layouts are found to be equal
	in, dIn  [][]T // memory of a run
	time     time.Duration
}

// Bind adds a tensor from outside.
func (p *Program[T]) Bind(name string, shape []int, fixed bool, elements func() []T) *Value[T] {
	v := newValue[T](name, shape)
	v.Fixed, v.Bound = fixed, elements
	return v
}

// Add adds a forward step and returns its result.
func (p *Program[T]) Add(name string, mark any, k Kernel[T], shape []int, in ...*Value[T]) *Value[T] {
	// Passes write to In: the step needs a slice of its own.
	s := &Step[T]{Name: name, Kernel: k, In: slices.Clone(in), Out: newValue[T](name, shape), Marks: []any{mark}}
	p.steps = append(p.steps, s)
	return s.Out
}

// Gradient adds the backward step of a kernel that was added with the operands in,
// and returns the gradients of those that are wanted, nil for the others. operands
// says whether the kernel reads the operands again.
//
// k is the kernel value of the forward step, as Backward uses what Forward has left in it.
// By that value passes find which backward step belongs to which forward step.
func (p *Program[T]) Gradient(name string, mark any, k Kernel[T], in []*Value[T], dy *Value[T], wanted []bool, operands bool) []*Value[T] {
	s := &Step[T]{Name: name, Kernel: k, In: slices.Clone(in), Dy: dy, DIn: make([]*Value[T], len(in)), Operands: operands, Marks: []any{mark}}
	for i, w := range wanted {
		if w {
			s.DIn[i] = newValue[T](name, in[i].Shape)
		}
	}
	p.steps = append(p.steps, s)
	return s.DIn
}

// View returns v in another shape of the same size, in v's memory.
//
// A view in another shape shows planes: where v lies channels last, lay makes it a view
// of what turns v round.
func (p *Program[T]) View(v *Value[T], shape []int) *Value[T] {
	view := newValue[T]("Reshape", shape)
	view.view = v
	return view
}

func newValue[T cpu.Float](name string, shape []int) *Value[T] {
	v := &Value[T]{Name: name, Shape: slices.Clone(shape)}
	if len(shape) == 4 {
		v.Layout = pixel.Planes(shape[0], shape[1], shape[2], shape[3])
	}
	return v
}

// size is the number of elements that v takes in memory.
func (v *Value[T]) size() int {
	if v.Layout.Last {
		return v.Layout.Size()
	}
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// root is the value whose memory v lies in, and where it begins there.
//
//	operand ─ at 16 ─▶ Concat ─ at 8 ─▶ wider Concat      root: the wider one, from 24 on
//
// The parts of the way add up: at counts elements of the root's memory, whatever the
// shape of the view.
func (v *Value[T]) root() (root *Value[T], at int) {
	for ; v.view != nil; v = v.view {
		at += v.at
	}
	return v, at
}

// Data are the elements of v after a run, if it is a result.
func (v *Value[T]) Data() []T {
	switch {
	case v.Bound != nil:
		return v.Bound()
	case v.planes != nil:
		return v.planes.Data()
	}
	return v.data
}

// values are what a step reads and writes.
//
// Whoever counts readers or life counts these: what a backward step has in In without
// Operands may have lost its memory to others when the step runs.
func (s *Step[T]) reads() []*Value[T] {
	if s.Dy == nil {
		return s.In
	}
	all := append([]*Value[T]{s.Dy}, s.Sums...)
	if s.Operands {
		all = append(all, s.In...)
	}
	return all
}

func (s *Step[T]) writes() []*Value[T] {
	if s.Dy == nil {
		return []*Value[T]{s.Out}
	}
	return slices.DeleteFunc(slices.Clone(s.DIn), func(v *Value[T]) bool { return v == nil })
}

// Bytes is the memory of the values that the step reads and writes.
func (s *Step[T]) Bytes() (n int) {
	for _, v := range slices.Concat(s.reads(), s.writes()) {
		n += v.size()
	}
	return cpu.SizeOf[T](n)
}

// Options say which passes run. The zero value is the program of a training step.
type Options struct {
	Inference bool // no Backward follows a Forward, and normalisations are constant
	NoFusion  bool // no kernel takes over another's work, nor a sum
	NoLayout  bool // all values are planes
	Unplaced  bool // no value shares another's memory

	// Lanes are the numbers of samples of the lanes into which the batch of a training
	// step is cut, see cut; nil for one piece, and else two or more.
	Lanes []int
}

// Compile makes the program ready to run, for the sake of the given results: after
// a run they are there, as planes, each time in the same memory.
//
// An error says which step has no way to run in Options.Lanes; without them there is none.
//
// It is called once. The order of passes follows from what they need:
//
//	fuse    before lay: what a kernel wants of its operands depends on what it ends
//	lay     before the others: it exchanges kernels, and adds and drops steps
//	cut     behind lay: a lane's kernel is told layouts; before the others, which it adds to
//	addUp   behind lay: whether two gradients lie alike is known then
//	replace behind addUp: which of them have memory of their own
//	forget  behind lay: it tells the kernels that are left
//	pack    before place: what runs once must have memory that nobody else gets
//	place   when all views are known: they share the life of their root
//	connect when no step's operands change any more
func (p *Program[T]) Compile(results []*Value[T], o Options) error {
	p.results = results
	for _, r := range results {
		r.result = true
	}
	if o.Inference && !o.NoFusion {
		p.fuse(!o.NoLayout)
	}
	if !o.NoLayout {
		p.lay(!o.Inference)
	}
	if o.Lanes != nil {
		if err := p.cut(o.Lanes); err != nil {
			return err
		}
	}
	if !o.NoFusion {
		p.addUp()
		p.replace()
	}
	p.forget()
	p.pack()
	p.share()
	p.place(o.Unplaced)
	p.connect()
	return nil
}
