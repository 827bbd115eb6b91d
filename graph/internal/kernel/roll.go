package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
)

// Roll moves the elements of a tensor along some of its dimensions, those that fall
// off its end to its beginning: with shifts s and sizes d,
//
//	y[i,j,…] = x[(i+s₀) mod d₀, (j+s₁) mod d₁, …]
type Roll[T cpu.Float] struct {
	dims []ring // the last one's elements lie side by side
	row  int    // elements of a run along the last one

	to, from          []T
	forward, backward func(lo, hi int)
}

// ring is a dimension, whose first element comes from position shift.
type ring struct{ size, shift int }

// NewRoll returns the kernel; the shifts are within 0 and the dimensions.
func NewRoll[T cpu.Float](shape, shifts []int) *Roll[T] {
	r := &Roll[T]{dims: []ring{{1, 0}}}
	r.forward, r.backward = r.forwardRows, r.backwardRows
	for i, d := range shape {
		r.dims = append(r.dims, ring{d, shifts[i]})
	}
	for n := len(r.dims); n > 2 && r.dims[n-1].shift == 0; n-- { // these lie still
		r.dims[n-2] = ring{r.dims[n-2].size * r.dims[n-1].size, r.dims[n-2].shift * r.dims[n-1].size}
		r.dims = r.dims[:n-1]
	}
	r.row = r.dims[len(r.dims)-1].size
	return r
}

// Forward computes y from in[0].
func (r *Roll[T]) Forward(y []T, in [][]T) {
	r.to, r.from = y, in[0]
	cpu.Parallel(len(y)/r.row, r.forward)
}

func (r *Roll[T]) forwardRows(lo, hi int) {
	shift := r.dims[len(r.dims)-1].shift
	for i := lo; i < hi; i++ {
		to, from := r.to[i*r.row:][:r.row], r.from[r.origin(i)*r.row:][:r.row]
		n := copy(to, from[shift:])
		copy(to[n:], from)
	}
}

// Backward moves the gradient back.
func (r *Roll[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if r.to, r.from = dIn[0], dy; r.to != nil {
		cpu.Parallel(len(dy)/r.row, r.backward)
	}
}

func (r *Roll[T]) backwardRows(lo, hi int) {
	shift := r.dims[len(r.dims)-1].shift
	for i := lo; i < hi; i++ {
		to, from := r.to[r.origin(i)*r.row:][:r.row], r.from[i*r.row:][:r.row]
		n := copy(to[shift:], from)
		copy(to, from[n:])
	}
}

// origin is the row that row i of the result comes from.
func (r *Roll[T]) origin(i int) int {
	outer := r.dims[:len(r.dims)-1]
	row, step := 0, 1
	for k := len(outer) - 1; k >= 0; k-- {
		d := outer[k]
		row += (i%d.size + d.shift) % d.size * step
		i, step = i/d.size, step*d.size
	}
	return row
}
