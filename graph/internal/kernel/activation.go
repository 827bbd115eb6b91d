package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Activation applies a curve to every element, y[i] = F(x[i]), and its
// derivative in the backward pass, dx[i] = dy[i]·DF(x[i]). It keeps nothing:
// Backward reads x again.
type Activation[T cpu.Float] struct {
	vector.Curve
	pixels
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewActivation returns the kernel of a curve.
func NewActivation[T cpu.Float](c vector.Curve) *Activation[T] {
	a := &Activation[T]{Curve: c}
	a.forward, a.backward = a.forwardRange, a.backwardRange
	return a
}

// Forward computes y from in[0].
func (a *Activation[T]) Forward(y []T, in [][]T) {
	a.y, a.x = y, in[0]
	if a.out.Last {
		cpu.Parallel(a.lines(), a.do.forward)
		return
	}
	cpu.Parallel(len(y), a.forward)
}

func (a *Activation[T]) forwardRange(lo, hi int) {
	vector.Activate(a.Curve, a.y[lo:hi], a.x[lo:hi])
}

// Backward computes dIn[0].
func (a *Activation[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	switch a.dx, a.dy, a.x = dIn[0], dy, in[0]; {
	case a.dx == nil:
	case a.out.Last:
		cpu.Parallel(a.lines(), a.do.backward)
	default:
		cpu.Parallel(len(dy), a.backward)
	}
}

func (a *Activation[T]) backwardRange(lo, hi int) {
	vector.ActivateGrad(a.Curve, a.dx[lo:hi], a.dy[lo:hi], a.x[lo:hi])
}
