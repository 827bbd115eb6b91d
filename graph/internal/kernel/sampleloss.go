package kernel

import "tapenet/graph/internal/kernel/cpu"

// SampleLoss is the sum over the batch of a function F of each sample's logits and
// target: its operands are the logits (N,Classes) and the targets (N).
//
//	y = Σ_n F(x[n], target[n])
//
// F sets gradient to its derivative for the logits. It computes in float64, whatever T
// is: a row is short. What it returns for a sample depends on that sample alone.
type SampleLoss[T cpu.Float] struct {
	N, Classes  int
	F           func(logits []float64, target float64, gradient []float64) float64
	d           []T       // the gradients of the last Forward
	x, gradient []float64 // one sample's
}

// Forward computes the scalar y[0], and keeps the gradients for Backward.
func (l *SampleLoss[T]) Forward(y []T, in [][]T) {
	if l.d == nil {
		l.d = make([]T, l.N*l.Classes)
		l.x, l.gradient = make([]float64, l.Classes), make([]float64, l.Classes)
	}
	var sum float64
	for n, target := range in[1] {
		for k, v := range in[0][n*l.Classes:][:l.Classes] {
			l.x[k] = float64(v)
		}
		sum += l.F(l.x, float64(target), l.gradient)
		for k, v := range l.gradient {
			l.d[n*l.Classes+k] = T(v)
		}
	}
	y[0] = T(sum)
}

// Backward multiplies the gradients of the last Forward by dy. Targets have none.
func (l *SampleLoss[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] == nil {
		return
	}
	for i, v := range l.d {
		dIn[0][i] = dy[0] * v
	}
}

// Lane is that of [CrossEntropy].
func (l *SampleLoss[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if l.N != of || shared[0] || shared[1] {
		return nil, false
	}
	return &SampleLoss[T]{N: n, Classes: l.Classes, F: l.F}, true
}

// Bytes is the memory that the kernel keeps.
func (l *SampleLoss[T]) Bytes() int {
	return cpu.BytesOf(l.d) + cpu.BytesOf(l.x) + cpu.BytesOf(l.gradient)
}
