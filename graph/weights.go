package graph

import (
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
}

// tensor returns the tensor of that name, making it if it is new.
func (w *Weights) tensor(name string, shape tensor.Shape, dtype tensor.Dtype, init Init, r *rand.Rand) (*tensor.Dense, error) {
	if t, ok := w.tensors[name]; ok {
		if !slices.Equal(t.Shape(), shape) || t.Dtype() != dtype {
			return nil, fmt.Errorf("%s is %v of %v, but was %v of %v in another graph of the network", name, shape, dtype, t.Shape(), t.Dtype())
		}
		return t, nil
	}
	values, err := w.initial(name, shape, init, r)
	if err != nil {
		return nil, err
	}
	t := newTensor(dtype, shape)
	if err := set(t, values); err != nil {
		return nil, err
	}
	if w.tensors == nil {
		w.tensors = map[string]*tensor.Dense{}
	}
	w.tensors[name] = t
	return t, nil
}

// initial returns the first values of a new tensor.
func (w *Weights) initial(name string, shape tensor.Shape, init Init, r *rand.Rand) ([]float64, error) {
	if w.From != nil {
		if err := loadable(name, shape, w.From[name]); err != nil {
			return nil, err
		}
		return floats(w.From[name]), nil
	}
	values := make([]float64, shape.TotalSize())
	init(r, values, shape)
	return values, nil
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
	for name, t := range w.tensors {
		if err := set(t, floats(from[name])); err != nil {
			return err
		}
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

// set copies values into t, in t's precision.
func set(t *tensor.Dense, values []float64) error {
	if t.Dtype() == tensor.Float64 {
		copy(t.Float64s(), values)
		return nil
	}
	if t.Dtype() != tensor.Float32 {
		return fmt.Errorf("tensor of %v, want float32 or float64", t.Dtype())
	}
	dst := t.Float32s()
	for i, v := range values {
		dst[i] = float32(v)
	}
	return nil
}

// floats returns a copy of t's values in float64, row by row even if t is a
// view of a larger or a transposed tensor.
func floats(t *tensor.Dense) []float64 {
	if t.RequiresIterator() {
		t = t.Materialize().(*tensor.Dense)
	}
	if t.Dtype() == tensor.Float64 {
		return slices.Clone(t.Float64s())
	}
	values := make([]float64, 0, t.Size())
	for _, v := range t.Float32s() {
		values = append(values, float64(v))
	}
	return values
}
