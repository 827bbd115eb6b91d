package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// LayerNorm normalises each row of Size elements (Ba et al. 2016):
//
//	y = γ·x̂ + β,  x̂ = (x-μ)/√(σ²+ε)
//
// where μ and σ² are the row's mean and biased variance. Its operands are x
// (N,Size), γ and β (Size).
//
// A row depends on itself alone. If it holds a NaN or an infinity, all of it becomes NaN,
// and no other row. A row of equal elements becomes β but for rounding, as
// ε is above 0.
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
	shareRows(l.N, l.Size, l.forward)
}

// forwardRows computes the rows [lo,hi).
func (l *LayerNorm[T]) forwardRows(lo, hi int) {
	vector.NormRows(l.rows(l.y, lo, hi), l.rows(l.in[0], lo, hi), l.in[1], l.in[2], l.mean[lo:hi], l.scale[lo:hi], l.Epsilon)
}

// Backward computes the gradients of x, γ and β, skipping those that are nil.
// With g = γ·dy and means over a row,
//
//	dx = (g - mean(g) - x̂·mean(g·x̂))/√(σ²+ε),  dγ = Σ dy·x̂,  dβ = Σ dy
//
// since μ and σ² move with each element of the row: with s = 1/√(σ²+ε) and n = Size
//
//	∂x̂[i]/∂x[j] = s·(δ[i,j] - 1/n - x̂[i]·x̂[j]/n)
//
// It computes x̂ again, from x and two numbers a row, rather than keep it. dγ and dβ
// are sums down the columns: each call takes some columns through all rows, so that no
// two add to the same element.
func (l *LayerNorm[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	l.dIn, l.dy, l.in = dIn, dy, in
	if dIn[0] != nil {
		shareRows(l.N, l.Size, l.backward)
	}
	if dIn[1] != nil || dIn[2] != nil {
		shareRows(l.Size, l.N, l.params)
	}
}

// backwardRows computes the rows [lo,hi) of dx.
func (l *LayerNorm[T]) backwardRows(lo, hi int) {
	vector.NormRowsGrad(l.rows(l.dIn[0], lo, hi), l.rows(l.dy, lo, hi), l.rows(l.in[0], lo, hi), l.in[1], l.mean[lo:hi], l.scale[lo:hi])
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
		x, dy := l.rows(l.in[0], n, n+1)[lo:hi], l.rows(l.dy, n, n+1)[lo:hi]
		if dGamma != nil {
			vector.AddNormed(dGamma, dy, x, l.mean[n], l.scale[n])
		}
		if dBeta != nil {
			vector.Add(dBeta, dy)
		}
	}
}

// rows returns the rows [lo,hi) of x.
func (l *LayerNorm[T]) rows(x []T, lo, hi int) []T { return x[lo*l.Size : hi*l.Size] }

// Bytes is the memory that the kernel keeps.
func (l *LayerNorm[T]) Bytes() int { return cpu.BytesOf(l.mean, l.scale) }
