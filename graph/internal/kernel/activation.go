package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Activation applies a curve to every element, y[i] = F(x[i]), and its
// derivative in the backward pass, dx[i] = dy[i]·DF(x[i]). It keeps nothing:
// Backward reads x again.
//
// The gradient is the chain rule with a diagonal Jacobian. With the loss L,
//
//	∂L/∂x[i] = Σ_j ∂L/∂y[j] · ∂y[j]/∂x[i] = dy[i]·F'(x[i])
//
// since y[j] depends on x[j] alone. Several curves have a shorter derivative in
// terms of y, such as y·(1-y) for the sigmoid. Backward does not use it: y may have
// been overwritten by then, and near 1 the difference 1-y has lost its digits.
//
// Operand, result and gradients have one size; their shape does not matter. Where a
// curve has assembly, float32 is computed in float32, within the bounds that
// [vector.Curve] states. Other curves, float64 and plain Go call F or DF in float64 for
// every element and round what they return to T. The bits of an element do not depend
// on its place: so it does not matter where the ranges of the goroutines begin.
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

// forwardRange computes the elements [lo,hi) of y. It takes y and x from fields:
// cpu.Parallel then gets the same function at every run, and no closure is allocated.
func (a *Activation[T]) forwardRange(lo, hi int) {
	vector.Activate(a.Curve, a.y[lo:hi], a.x[lo:hi])
}

// Backward computes dIn[0]. But for a curve that only limits, it multiplies: a dy of
// 0 gives NaN where the derivative is infinite, as that of √x at 0 is. Curves that
// limit select instead, see [vector.LimitGrad].
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
