package weights

import (
	"gorgonia.org/tensor"

	"tapenet/graph/internal/hugepage"
)

// pieceSize is the number of bytes that are converted at a time: no tensor is
// copied as a whole.
const pieceSize = 1 << 16

// The package passes numbers around as an any that holds a []float32 or a
// []float64. Only the four functions below depend on which one it is.

// alloc returns a slice of n numbers.
func (d dtype) alloc(n int) any {
	if d.of == tensor.Float64 {
		return hugepage.Make[float64](n)
	}
	return hugepage.Make[float32](n)
}

// part is data[i:j].
func part(data any, i, j int) any {
	if d, ok := data.([]float64); ok {
		return d[i:j]
	}
	return data.([]float32)[i:j]
}

// floats returns a tensor's numbers and how many there are. The slice shares
// the tensor's memory, except for a scalar's, which is a copy.
func floats(t *tensor.Dense) (data any, n int) {
	switch d := t.Data().(type) {
	case float32:
		return []float32{d}, 1
	case float64:
		return []float64{d}, 1
	case []float32:
		return d, len(d)
	case []float64:
		return d, len(d)
	}
	return nil, 0
}

// dense makes a tensor that owns data.
func dense(data any, shape []int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}
