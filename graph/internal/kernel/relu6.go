package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// ReLU6 is min(max(x,0),6).
type ReLU6[T cpu.Float] struct {
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewReLU6 returns the kernel.
func NewReLU6[T cpu.Float]() *ReLU6[T] {
	r := &ReLU6[T]{}
	r.forward, r.backward = r.forwardRange, r.backwardRange
	return r
}

// Forward computes y from in[0]. NaN stays NaN.
func (r *ReLU6[T]) Forward(y []T, in [][]T) {
	r.y, r.x = y, in[0]
	cpu.Parallel(len(y), r.forward)
}

func (r *ReLU6[T]) forwardRange(lo, hi int) {
	vector.Limit(r.y[lo:hi], r.x[lo:hi], 0, 6)
}

// Backward computes dIn[0]: 0 where x <= 0 or x >= 6, else dy.
func (r *ReLU6[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if r.dx, r.dy, r.x = dIn[0], dy, in[0]; r.dx != nil {
		cpu.Parallel(len(dy), r.backward)
	}
}

func (r *ReLU6[T]) backwardRange(lo, hi int) {
	vector.LimitGrad(r.dx[lo:hi], r.dy[lo:hi], r.x[lo:hi], 0, 6)
}
