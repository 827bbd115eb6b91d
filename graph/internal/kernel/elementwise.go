package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// ReLU is max(x,0), the activation that networks spend their time in: no
// function call per element, as Activation has in plain Go.
//
//	y[i] = x[i] > 0 ? x[i] : 0      dx[i] = x[i] > 0 ? dy[i] : 0
//
// At 0 there is no derivative; 0 is taken, as PyTorch and TensorFlow do. Both loops
// select and do not multiply:
//
//	x      -∞   -0   +0   +∞   NaN
//	y       0   +0   +0   +∞   NaN
//	dx      0    0    0   dy   dy      whatever dy is, infinite or NaN too
//
// A NaN goes on to the loss, so that a broken network is seen. Bits are the same on all
// tiers and in all layouts, as nothing is rounded.
type ReLU[T cpu.Float] struct {
	pixels
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewReLU returns the kernel.
func NewReLU[T cpu.Float]() *ReLU[T] {
	r := &ReLU[T]{}
	r.forward, r.backward = r.forwardRange, r.backwardRange
	return r
}

// Forward computes y from in[0]. NaN stays NaN.
func (r *ReLU[T]) Forward(y []T, in [][]T) {
	r.y, r.x = y, in[0]
	if r.out.Last {
		cpu.Parallel(r.lines(), r.do.forward)
		return
	}
	cpu.Parallel(len(y), r.forward)
}

func (r *ReLU[T]) forwardRange(lo, hi int) {
	vector.ReLU(r.y[lo:hi], r.x[lo:hi])
}

// Backward computes dIn[0]: dy where x > 0 or NaN, else 0. It reads x, not y: the sign
// of y would do, but y may have been overwritten.
func (r *ReLU[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	switch r.dx, r.dy, r.x = dIn[0], dy, in[0]; {
	case r.dx == nil:
	case r.out.Last:
		cpu.Parallel(r.lines(), r.do.backward)
	default:
		cpu.Parallel(len(dy), r.backward)
	}
}

func (r *ReLU[T]) backwardRange(lo, hi int) {
	vector.ReLUGrad(r.dx[lo:hi], r.dy[lo:hi], r.x[lo:hi])
}

// Copy repeats its operand: what is left of a reshape when the shape is gone.
// It copies because Gorgonia may overwrite an operand that shares its memory.
type Copy[T cpu.Float] struct{}

// Forward computes y = in[0].
func (Copy[T]) Forward(y []T, in [][]T) { copy(y, in[0]) }

// Backward computes dIn[0] = dy. If dIn[0] is nil, copy writes nothing.
func (Copy[T]) Backward(dIn [][]T, dy []T, _ [][]T) { copy(dIn[0], dy) }
