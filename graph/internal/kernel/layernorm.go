package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// LayerNorm normalises each row of Size elements (Ba et al. 2016):
//
//	y = γ·x̂ + β,  x̂ = (x-μ)/√(σ²+ε)
//
// where μ and σ² are the row's mean and biased variance. Its operands are x
// (N,Size), γ and β (Size).
type LayerNorm[T cpu.Float] struct {
	N, Size int
	Epsilon float64

	y, dy                     []T
	in, dIn                   [][]T
	mean, scale               []T // of the last Forward's rows: μ and 1/√(σ²+ε)
	forward, backward, params func(lo, hi int)
}

// Forward computes y and keeps each row's μ and 1/√(σ²+ε) for Backward.
func (l *LayerNorm[T]) Forward(y []T, in [][]T) {
	if l.mean == nil {
		l.mean, l.scale = make([]T, l.N), make([]T, l.N)
		l.forward, l.backward, l.params = l.forwardRows, l.backwardRows, l.columns
	}
	l.y, l.in = y, in
	cpu.Parallel(l.N, l.forward)
}

// forwardRows computes rows [lo,hi): the mean first, then the distances from
// it, so that the variance keeps its digits.
func (l *LayerNorm[T]) forwardRows(lo, hi int) {
	gamma, beta := l.in[1], l.in[2]
	for n := lo; n < hi; n++ {
		x, y := l.row(l.in[0], n), l.row(l.y, n)
		mean := vector.Sum(x) / T(l.Size)
		scale := T(1 / math.Sqrt(float64(squares(x, mean))/float64(l.Size)+l.Epsilon))
		for i, x := range x {
			y[i] = gamma[i]*((x-mean)*scale) + beta[i]
		}
		l.mean[n], l.scale[n] = mean, scale
	}
}

// Backward computes the gradients of x, γ and β, skipping those that are nil.
// With g = γ·dy and means over a row,
//
//	dx = (g - mean(g) - x̂·mean(g·x̂))/√(σ²+ε),  dγ = Σ dy·x̂,  dβ = Σ dy
func (l *LayerNorm[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	l.dIn, l.dy, l.in = dIn, dy, in
	if dIn[0] != nil {
		cpu.Parallel(l.N, l.backward)
	}
	if dIn[1] != nil || dIn[2] != nil {
		cpu.Parallel(l.Size, l.params)
	}
}

// backwardRows computes the rows [lo,hi) of dx. g = γ·dy is written to dx
// first.
func (l *LayerNorm[T]) backwardRows(lo, hi int) {
	gamma := l.in[1]
	for n := lo; n < hi; n++ {
		x, dy, dx := l.row(l.in[0], n), l.row(l.dy, n), l.row(l.dIn[0], n)
		mean, scale := l.mean[n], l.scale[n]
		for i, d := range dy {
			dx[i] = gamma[i] * d
		}
		meanG, meanGX := vector.Sum(dx)/T(l.Size), centredDot(dx, x, mean)*scale/T(l.Size)
		for i, g := range dx { // x̂ is (x-mean)·scale
			dx[i] = scale * (g - meanG - (x[i]-mean)*scale*meanGX)
		}
	}
}

// columns computes the elements [lo,hi) of the gradients of γ and β: sums over
// the rows in their order, whatever the number of processors.
func (l *LayerNorm[T]) columns(lo, hi int) {
	dGamma, dBeta := l.dIn[1], l.dIn[2]
	if dGamma != nil {
		dGamma = dGamma[lo:hi]
		clear(dGamma)
	}
	if dBeta != nil {
		dBeta = dBeta[lo:hi]
		clear(dBeta)
	}
	for n := range l.N {
		x, dy := l.row(l.in[0], n)[lo:hi], l.row(l.dy, n)[lo:hi]
		mean, scale := l.mean[n], l.scale[n]
		for i := range dGamma {
			dGamma[i] += dy[i] * ((x[i] - mean) * scale)
		}
		for i := range dBeta {
			dBeta[i] += dy[i]
		}
	}
}

// Bytes is the memory that the kernel keeps.
func (l *LayerNorm[T]) Bytes() int { return cpu.BytesOf(l.mean, l.scale) }

// row returns row n of x.
func (l *LayerNorm[T]) row(x []T, n int) []T { return x[n*l.Size:][:l.Size] }

// squares is Σ (x[i]-mean)², in four interleaved sums as [vector.Sum] has them.
func squares[T cpu.Float](x []T, mean T) T {
	var s [4]T
	for i, v := range x {
		d := v - mean
		s[i&3] += d * d
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// centredDot is Σ d[i]·(x[i]-mean), in four interleaved sums too.
func centredDot[T cpu.Float](d, x []T, mean T) T {
	var s [4]T
	for i, v := range x {
		s[i&3] += d[i] * (v - mean)
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
