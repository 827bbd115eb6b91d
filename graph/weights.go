package graph

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"gorgonia.org/tensor"
)

// Weights are the named tensors of a network: parameters and state. All graphs
// of the network share them. A name is the layer's path and the tensor's name,
// as in "conv2d_1/weight". Not safe for concurrent use while anything trains.
type Weights struct {
	// Step counts the training steps taken. Dropout draws from it.
	Step uint64

	// From has the values of new tensors, in place of the layers' inits. A
	// network with a tensor that is not there, or has another shape, is refused
	// before it takes memory. nil means the inits.
	From map[string]*tensor.Dense

	tensors map[string]*tensor.Dense
	trains  bool // there is a graph for training
	fixed   bool // there is a graph with Options.Fixed
}

// use returns an error unless a graph of that mode may be built on the weights:
// what is fixed is not trained.
func (w *Weights) use(mode Mode, fixed bool) error {
	switch {
	case mode == Train && fixed:
		return errors.New("graph: training with fixed weights, want Options.Fixed unset for a graph in Train mode")
	case mode == Train && w.fixed:
		return errors.New("graph: training of weights that are fixed for another graph, want weights of their own for the graphs with Options.Fixed")
	case fixed && w.trains:
		return errors.New("graph: fixed weights that another graph trains, want weights of their own for the graphs with Options.Fixed")
	}
	return nil
}

// used notes that a graph was built.
func (w *Weights) used(mode Mode, fixed bool) {
	w.trains = w.trains || mode == Train
	w.fixed = w.fixed || fixed
}

// first is where a new tensor has its values from: from values if there are any,
// else from an init with a stream of random numbers.
type first struct {
	values []float32
	init   Init
	random *rand.Rand
}

// tensor returns the tensor of that name, making it if it is new.
func (w *Weights) tensor(name string, shape tensor.Shape, o Options, f first) (*tensor.Dense, error) {
	if t, ok := w.tensors[name]; ok {
		if !slices.Equal(t.Shape(), shape) || t.Dtype() != o.dtype() {
			return nil, fmt.Errorf("%s is %v of %v, but was %v of %v in another graph of the network", name, shape, o.dtype(), t.Shape(), t.Dtype())
		}
		return t, nil
	}
	t, err := w.make(name, shape, o, f)
	if err != nil {
		return nil, err
	}
	if w.tensors == nil {
		w.tensors = map[string]*tensor.Dense{}
	}
	w.tensors[name] = t
	return t, nil
}

// make returns a new tensor with its first values.
func (w *Weights) make(name string, shape tensor.Shape, o Options, f first) (*tensor.Dense, error) {
	if w.From != nil {
		if err := loadable(name, shape, w.From[name]); err != nil {
			return nil, err
		}
		return taken(w.From[name], o), nil
	}
	if f.values != nil {
		return taken(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f.values)), o), nil
	}
	t := newTensor(o.dtype(), shape)
	if o.Float64 {
		f.init(f.random, t.Float64s(), shape)
	} else {
		f.init.draw(f.random, t.Float32s(), shape)
	}
	return t, nil
}

// taken returns a tensor of a network with the values of t: a copy, or where the
// weights are fixed t's own memory if it fits.
func taken(t *tensor.Dense, o Options) *tensor.Dense {
	if o.Fixed && t.Dtype() == o.dtype() && !t.RequiresIterator() {
		return tensor.New(tensor.WithShape(t.Shape()...), tensor.WithBacking(t.Data()))
	}
	y := newTensor(o.dtype(), t.Shape())
	set(y, t)
	return y
}

// Share returns weights of the same memory, whose tensors are others: Gorgonia
// writes to a tensor's header when it binds it to a graph, so that graphs over the
// two may be built and run at the same time. What is fixed stays so.
func (w *Weights) Share() *Weights {
	s := &Weights{Step: w.Step, tensors: map[string]*tensor.Dense{}, trains: w.trains, fixed: w.fixed}
	for name, t := range w.tensors {
		s.tensors[name] = tensor.New(tensor.WithShape(t.Shape().Clone()...), tensor.WithBacking(t.Data()))
	}
	return s
}

// Names are the names of all tensors, sorted.
func (w *Weights) Names() []string { return slices.Sorted(maps.Keys(w.tensors)) }

// Get returns the tensor of that name, or nil. It is the network's own, not a
// copy.
func (w *Weights) Get(name string) *tensor.Dense { return w.tensors[name] }

// Map returns all tensors by name. They are the network's own, not copies.
func (w *Weights) Map() map[string]*tensor.Dense { return maps.Clone(w.tensors) }

// Load copies the values of the given tensors into the network's tensors of the
// same names. Names and shapes must be equal; float32 and float64 are
// converted. On error nothing is changed.
func (w *Weights) Load(from map[string]*tensor.Dense) error {
	for _, name := range w.Names() {
		if err := loadable(name, w.tensors[name].Shape(), from[name]); err != nil {
			return fmt.Errorf("graph: %w", err)
		}
	}
	for name := range from {
		if w.tensors[name] == nil {
			return fmt.Errorf("graph: the network has no tensor %.64q, it has %v", name, w.Names())
		}
	}
	if w.fixed {
		return errors.New("graph: the weights are fixed for a graph with Options.Fixed, want others to load into")
	}
	for name, t := range w.tensors {
		set(t, from[name])
	}
	return nil
}

// loadable returns an error unless t can be the tensor of that name.
func loadable(name string, want tensor.Shape, t *tensor.Dense) error {
	switch {
	case t == nil:
		return fmt.Errorf("tensor %s is missing, want one of %v", name, want)
	case !slices.Equal(t.Shape(), want):
		return fmt.Errorf("tensor %s is %v, the network's is %v", name, t.Shape(), want)
	case t.Dtype() != tensor.Float32 && t.Dtype() != tensor.Float64:
		return fmt.Errorf("tensor %s holds %v, want float32 or float64", name, t.Dtype())
	case t.DataOrder().IsColMajor() && !t.RequiresIterator():
		return fmt.Errorf("tensor %s is stored column by column, want row by row", name)
	}
	return nil
}

// newTensor returns a tensor of zeros.
func newTensor(dtype tensor.Dtype, shape tensor.Shape) *tensor.Dense {
	return tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
}

// set copies the values of one tensor to another, in whose precision they are
// rounded: row by row, even if the first is a view of a larger or a transposed one.
func set(to, from *tensor.Dense) {
	if from.RequiresIterator() {
		from = from.Materialize().(*tensor.Dense)
	}
	if to.Dtype() == tensor.Float64 {
		convert(to.Float64s(), from)
	} else {
		convert(to.Float32s(), from)
	}
}

func convert[T float32 | float64](to []T, from *tensor.Dense) {
	switch from := from.Data().(type) {
	case []T:
		copy(to, from)
	case []float32:
		for i, v := range from {
			to[i] = T(v)
		}
	case []float64:
		for i, v := range from {
			to[i] = T(v)
		}
	}
}
