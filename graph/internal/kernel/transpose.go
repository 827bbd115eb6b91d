package kernel

import "tapenet/graph/internal/kernel/cpu"

// Transpose turns N matrices of Rows×Cols: y[n,j,i] = x[n,i,j].
//
// Its own inverse: Backward is Forward with rows and columns exchanged. A matrix is one
// piece of work. Rows of the matrix are read in order, and written as columns.
type Transpose[T cpu.Float] struct {
	N, Rows, Cols int

	from, to   []T
	rows, cols int // of the matrices in from
	turn       func(lo, hi int)
}

// Forward computes y (N,Cols,Rows) from in[0] (N,Rows,Cols).
func (t *Transpose[T]) Forward(y []T, in [][]T) { t.run(y, in[0], t.Rows, t.Cols) }

// Backward turns dy back.
func (t *Transpose[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] != nil {
		t.run(dIn[0], dy, t.Cols, t.Rows)
	}
}

// run turns the matrices in from, which are rows×cols, into to.
func (t *Transpose[T]) run(to, from []T, rows, cols int) {
	if t.turn == nil {
		t.turn = t.matrices
	}
	t.to, t.from, t.rows, t.cols = to, from, rows, cols
	cpu.Parallel(t.N, t.turn)
}

// matrices turns the matrices [lo,hi).
func (t *Transpose[T]) matrices(lo, hi int) {
	for n := lo; n < hi; n++ {
		from, to := t.from[n*t.rows*t.cols:], t.to[n*t.rows*t.cols:]
		for i := range t.rows {
			for j, v := range from[i*t.cols:][:t.cols] {
				to[j*t.rows+i] = v
			}
		}
	}
}
