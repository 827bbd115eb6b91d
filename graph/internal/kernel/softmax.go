package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// SoftMax turns each row of Classes scores into probabilities:
//
//	y[k] = exp(x[k]) / Σ_j exp(x[j])
//
// The row's maximum is subtracted first, so that no exponential overflows.
type SoftMax[T cpu.Float] struct {
	Classes int

	forwardOnly       bool
	y, x, dy, dx      []T
	p                 []T // a copy of the last output, which Gorgonia may overwrite
	forward, backward func(lo, hi int)
}

// ForwardOnly says whether no Backward follows a Forward, so that the
// probabilities need not be kept.
func (s *SoftMax[T]) ForwardOnly(on bool) { s.forwardOnly = on }

// Forward computes y from in[0], and keeps it for Backward.
func (s *SoftMax[T]) Forward(y []T, in [][]T) {
	if s.forward == nil {
		s.forward, s.backward = s.forwardRows, s.backwardRows
	}
	if s.y, s.x = y, in[0]; !s.forwardOnly {
		s.p = cpu.Sized(s.p, len(y))
	}
	shareRows(len(y)/s.Classes, s.Classes, s.forward)
}

// forwardRows computes the rows [lo,hi).
func (s *SoftMax[T]) forwardRows(lo, hi int) {
	lo, hi = lo*s.Classes, hi*s.Classes
	vector.SoftMax(s.y[lo:hi], s.x[lo:hi], s.Classes)
	if !s.forwardOnly {
		copy(s.p[lo:hi], s.y[lo:hi])
	}
}

// Backward computes dx[k] = y[k]·(dy[k] - Σ_j dy[j]·y[j]).
//
// The reason is ∂y[j]/∂x[k] = y[j]·(δ[j,k] - y[k]). y is the copy that Forward has
// kept, so with ForwardOnly there is no Backward. A row with NaN or +Inf, or of -Inf
// alone, is NaN in y and in dx.
func (s *SoftMax[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if s.dx, s.dy = dIn[0], dy; s.dx != nil {
		shareRows(len(dy)/s.Classes, s.Classes, s.backward)
	}
}

// backwardRows computes the rows [lo,hi) of dx.
func (s *SoftMax[T]) backwardRows(lo, hi int) {
	lo, hi = lo*s.Classes, hi*s.Classes
	vector.SoftMaxGrad(s.dx[lo:hi], s.dy[lo:hi], s.p[lo:hi], s.Classes)
}

// Bytes is the memory that the kernel keeps.
func (s *SoftMax[T]) Bytes() int { return cpu.BytesOf(s.p) }

// shareRows calls f for all rows of a matrix: on several processors if there are so
// many elements that it pays. Rows do not depend on each other.
func shareRows(rows, cols int, f func(lo, hi int)) {
	if rows*cols < fewElements {
		f(0, rows)
	} else {
		cpu.Parallel(rows, f)
	}
}

// fewElements take less time, some microseconds, than handing half of them over.
const fewElements = 1 << 14
