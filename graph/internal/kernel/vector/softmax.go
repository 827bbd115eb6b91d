package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// SoftMax turns every row of cols scores into probabilities,
//
//	y[k] = exp(x[k]-m) / Σ_j exp(x[j]-m), m being the largest x of the row.
//
// y and x hold the same whole rows. y may be x. m keeps the exponentials from
// overflowing: the largest is exp(0) = 1. If a score is NaN or +Inf, or all are -Inf,
// the row becomes NaN. The bits of a row depend on its own elements and their number,
// on nothing around it.
//
// The assembly's exponentials are float32, and so are their sums, sixteen
// interleaved ones: it agrees with the plain loop within (cols/16+10)·6e-8 of
// each probability; those below 1e-35 may be 0.
func SoftMax[T cpu.Float](y, x []T, cols int) {
	x = x[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		vectors.softMax.active()(y, x, cols)
		return
	}
	for ; len(y) > 0; y, x = y[cols:], x[cols:] {
		LogSumExp(y[:cols], x[:cols])
	}
}

// LogSumExp sets p to the probabilities of one row, with exponentials and their sum
// in float64, and returns log Σ_j exp(x[j]). A cross-entropy of class k is that less
// x[k]: it needs no logarithm of a probability, which may be 0. It has no assembly:
// the losses that are computed with it have the same bits on every tier, and a row
// has no more elements than classes. p may be x.
func LogSumExp[T cpu.Float](p, x []T) float64 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	var total float64
	for k, v := range x {
		e := math.Exp(float64(v - top))
		p[k] = T(e)
		total += e
	}
	inverse := T(1 / total)
	for k := range p {
		p[k] *= inverse
	}
	return float64(top) + math.Log(total)
}

// SoftMaxGrad computes the gradient dx of the scores from the gradient dy of the
// probabilities p,
//
//	dx[k] = p[k]·(dy[k] - Σ_j dy[j]·p[j])
//
// row by row. dx may be dy or p. The assembly's sum is sixteen interleaved ones
// with fused products.
func SoftMaxGrad[T cpu.Float](dx, dy, p []T, cols int) {
	dy, p = dy[:len(dx)], p[:len(dx)]
	if dx, ok := cpu.Float32s(dx); ok {
		dy, _ := cpu.Float32s(dy)
		p, _ := cpu.Float32s(p)
		vectors.softMaxGrad.active()(dx, dy, p, cols)
		return
	}
	for ; len(dx) > 0; dx, dy, p = dx[cols:], dy[cols:], p[cols:] {
		var dot T
		for j, pj := range p[:cols] {
			dot += dy[j] * pj
		}
		for k, pk := range p[:cols] {
			dx[k] = pk * (dy[k] - dot)
		}
	}
}
