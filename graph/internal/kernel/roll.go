package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
)

// Roll moves the elements of a tensor along some of its dimensions, those that fall
// off the beginning to the end: with shifts s and sizes d,
//
//	y[i,j,…] = x[(i+s₀) mod d₀, (j+s₁) mod d₁, …]
//
// Along the last of them that moves, a row of d elements is two copies, and so is its
// gradient, which goes the other way:
//
//	x    │ 0 … s-1 │ s … d-1 │
//	y    │ s … d-1 │ 0 … s-1 │
//
// Every element of x goes to one place of y: nothing is added up, nothing cleared.
type Roll[T cpu.Float] struct {
	dims []ring // the last one's elements lie side by side
	row  int    // elements of a run along the last one

	to, from          []T
	forward, backward func(lo, hi int)
}

// ring is a dimension, whose first element comes from position shift.
type ring struct{ size, shift int }

// NewRoll returns the kernel; the shifts are within 0 and the dimensions.
//
// Dimensions at the end with a shift of 0 become one with the dimension before, whose
// size and shift then count their elements: (N,H,W,C) with shifts 0, a, 0, 0 has rows
// of H·W·C elements, shifted by a·W·C. The first dimension is one of size 1, so that
// there always is an outer one.
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

// forwardRows sets the rows [lo,hi) of y.
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

// backwardRows moves the rows [lo,hi) of dy. No two go to one row of dx, as origin is a
// permutation: so they can be shared out.
func (r *Roll[T]) backwardRows(lo, hi int) {
	shift := r.dims[len(r.dims)-1].shift
	for i := lo; i < hi; i++ {
		to, from := r.to[r.origin(i)*r.row:][:r.row], r.from[i*r.row:][:r.row]
		n := copy(to[shift:], from)
		copy(to, from[n:])
	}
}

// origin is the row that row i of the result comes from. It takes i apart into
// positions, from the last outer dimension to the first, and puts the shifted ones
// together again with the same sizes.
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
