package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// LogSoftMax is the logarithm of SoftMax over rows of Classes elements:
//
//	y[k] = x[k] - m - log Σ_j exp(x[j]-m), m being the largest x
//
// It is finite where the logarithm of a probability would be -Inf. It keeps
// nothing for Backward.
//
// An x of -Inf gives -Inf, and the others what they would be without it. A row with NaN
// or +Inf, or of -Inf alone, becomes NaN.
type LogSoftMax[T cpu.Float] struct{ Classes int }

// Forward computes y from in[0].
func (l *LogSoftMax[T]) Forward(y []T, in [][]T) {
	for i := 0; i < len(y); i += l.Classes {
		x, y := in[0][i:][:l.Classes], y[i:][:l.Classes]
		top := x[0]
		for _, v := range x {
			top = max(top, v)
		}
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(float64(v - top))
		}
		// The largest x adds exp(0) = 1: the sum is 1 or more, its logarithm not negative.
		log := math.Log(sum)
		for k, v := range x {
			y[k] = T(float64(v-top) - log)
		}
	}
}

// Backward computes dx[k] = dy[k] - SoftMax(x)[k]·Σ_j dy[j], since
//
//	∂y[j]/∂x[k] = δ[j,k] - SoftMax(x)[k]   and   SoftMax(x)[k] = exp(y[k])
//
// It computes y once more, in dx, which therefore must not be dy or x.
func (l *LogSoftMax[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if dIn[0] == nil {
		return
	}
	l.Forward(dIn[0], in)
	for i := 0; i < len(dy); i += l.Classes {
		dx, dy := dIn[0][i:][:l.Classes], dy[i:][:l.Classes]
		sum := 0.0
		for _, v := range dy {
			sum += float64(v)
		}
		for k, log := range dx {
			dx[k] = T(float64(dy[k]) - math.Exp(float64(log))*sum)
		}
	}
}
