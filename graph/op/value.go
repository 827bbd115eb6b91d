package op

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel/cpu"
)

// result is the memory of one value that an op returns: where its program has
// placed it, or else allocated at its first use, and the same from then on.
type result[T cpu.Float] struct {
	shape  tensor.Shape
	data   []T
	dense  *tensor.Dense
	scalar gorgonia.Value // *gorgonia.F32 or *gorgonia.F64, where shape is empty
}

// elements is where the op writes the value.
func (r *result[T]) elements() []T {
	if r.data == nil {
		r.use(make([]T, r.shape.TotalSize()))
	}
	return r.data
}

// use makes data the memory.
func (r *result[T]) use(data []T) {
	r.data = data
	if len(r.shape) > 0 {
		r.dense = tensor.New(tensor.WithShape(r.shape...), tensor.WithBacking(r.data))
	}
}

// value is what Gorgonia gets to see of it.
func (r *result[T]) value() gorgonia.Value {
	if len(r.shape) > 0 {
		return r.dense
	}
	switch v := any(r.elements()[0]).(type) {
	case float32:
		if r.scalar == nil {
			r.scalar = new(gorgonia.F32)
		}
		*r.scalar.(*gorgonia.F32) = gorgonia.F32(v)
	case float64:
		if r.scalar == nil {
			r.scalar = new(gorgonia.F64)
		}
		*r.scalar.(*gorgonia.F64) = gorgonia.F64(v)
	}
	return r.scalar
}

// load sets each dst[i] to the elements of values[i].
func load[T cpu.Float](dst [][]T, values []gorgonia.Value) error {
	for i, v := range values {
		if err := loadOne(&dst[i], v); err != nil {
			return fmt.Errorf("operand %d: %w", i, err)
		}
	}
	return nil
}

func loadOne[T cpu.Float](dst *[]T, v gorgonia.Value) error {
	switch v := v.(type) {
	case *tensor.Dense:
		return loadDense(dst, v)
	case *gorgonia.F32:
		*dst = append((*dst)[:0], T(*v))
	case *gorgonia.F64:
		*dst = append((*dst)[:0], T(*v))
	default:
		return fmt.Errorf("got a %T, want a dense tensor or a float", v)
	}
	return nil
}

func loadDense[T cpu.Float](dst *[]T, d *tensor.Dense) error {
	if d.DataOrder().IsColMajor() {
		return errors.New("got a column-major tensor, want row-major")
	}
	if d.RequiresIterator() { // a view that is not contiguous
		d = d.Materialize().(*tensor.Dense)
	}
	switch dst := any(dst).(type) {
	case *[]float32:
		if d.Dtype() != tensor.Float32 {
			return fmt.Errorf("got %v, want float32", d.Dtype())
		}
		*dst = d.Float32s()
	case *[]float64:
		if d.Dtype() != tensor.Float64 {
			return fmt.Errorf("got %v, want float64", d.Dtype())
		}
		*dst = d.Float64s()
	}
	return nil
}

// recovered turns what recover returned into an error that names the op.
func recovered(r any, name string, err error) error {
	if r == nil {
		return err
	}
	return fmt.Errorf("%s: %v", name, r)
}
