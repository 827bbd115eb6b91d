package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// This file normalises the rows of a matrix, each by itself, as a LayerNorm does:
//
//	x (rows,cols)   ├─ row 0 ─┤ → μ₀, 1/√(σ₀²+ε)      gamma (cols)
//	                ├─ row 1 ─┤ → μ₁, 1/√(σ₁²+ε)      beta  (cols)
//	                    …
//
// A row is summed in sixteen interleaved sums: element i goes to sum i%16. Plain Go
// does the same as two vectors of AVX2 and one of AVX-512, in both precisions, and
// every operation is rounded. So all tiers give the same bits, and the bits of a row
// depend on its own elements and their number alone, not on the rows around it.

// NormRows computes
//
//	y = gamma·(x-μ)/√(σ²+epsilon) + beta
//
// for whole rows of as many elements as gamma and beta have, μ and σ² being the mean
// and the biased variance of a row of x. y may be x. mean and scale get μ and
// 1/√(σ²+epsilon) of every row, for [NormRowsGrad], if they are not nil; both are or
// neither is.
func NormRows[T cpu.Float](y, x, gamma, beta, mean, scale []T, epsilon float64) {
	x, beta = x[:len(y)], beta[:len(gamma)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		gamma, _ := cpu.Float32s(gamma)
		beta, _ := cpu.Float32s(beta)
		mean, _ := cpu.Float32s(mean)
		scale, _ := cpu.Float32s(scale)
		vectors.normRows.active()(y, x, gamma, beta, mean, scale, epsilon)
		return
	}
	cols := len(gamma)
	for r := 0; r*cols < len(y); r++ {
		m, s := normRow(y[r*cols:][:cols], x[r*cols:][:cols], gamma, beta, epsilon)
		if mean != nil {
			mean[r], scale[r] = m, s
		}
	}
}

// normRow normalises one row, in three passes: the mean, the sum of the squared
// deviations from it, the result. Two sums in one pass, of x and x², would lose the
// digits of a variance that is small beside the mean. Conversions to T round a
// product before the sum around it, as the assembly does.
func normRow[T cpu.Float](y, x, gamma, beta []T, epsilon float64) (mean, scale T) {
	var sum, squares partials[T]
	for i, v := range x {
		sum[i&15] += v
	}
	mean = sum.total() / T(len(x))
	for i, v := range x {
		d := v - mean
		squares[i&15] += T(d * d)
	}
	scale = T(1 / math.Sqrt(float64(squares.total())/float64(len(x))+epsilon))
	for i, v := range x {
		y[i] = T(gamma[i]*T((v-mean)*scale)) + beta[i]
	}
	return mean, scale
}

// NormRowsGrad computes the gradient of x from the gradient of y, given the mean and
// the scale of each row that NormRows returned. With g = gamma·dy, x̂ = (x-μ)·scale
// and means over a row,
//
//	dx = scale·(g - mean(g) - x̂·mean(g·x̂))
//
// dx may be dy or x. mean and scale have one element a row. kernel.LayerNorm has the
// derivation; the gradients of gamma and beta come from [AddNormed] and [Add].
func NormRowsGrad[T cpu.Float](dx, dy, x, gamma, mean, scale []T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	if dx, ok := cpu.Float32s(dx); ok {
		dy, _ := cpu.Float32s(dy)
		x, _ := cpu.Float32s(x)
		gamma, _ := cpu.Float32s(gamma)
		mean, _ := cpu.Float32s(mean)
		scale, _ := cpu.Float32s(scale)
		vectors.normRowsGrad.active()(dx, dy, x, gamma, mean, scale)
		return
	}
	cols := len(gamma)
	for r := 0; r*cols < len(dx); r++ {
		at := r * cols
		normRowGrad(dx[at:][:cols], dy[at:][:cols], x[at:][:cols], gamma, mean[r], scale[r])
	}
}

// normRowGrad computes one row, in two passes: the two sums, then the result. scale is
// constant along the row, so that Σ g·x̂ is scale·Σ g·(x-mean).
func normRowGrad[T cpu.Float](dx, dy, x, gamma []T, mean, scale T) {
	var sumG, sumGX partials[T]
	for i, d := range dy {
		g := T(gamma[i] * d)
		sumG[i&15] += g
		sumGX[i&15] += T(g * (x[i] - mean))
	}
	g, gx := sumG.total()/T(len(x)), T(sumGX.total()*scale)/T(len(x))
	for i, d := range dy {
		dx[i] = scale * (T(gamma[i]*d) - g - T(T((x[i]-mean)*scale)*gx))
	}
}

// AddNormed computes sum[i] += dy[i]·((x[i]-mean)·scale), one row's share of the
// gradient of gamma, dy·x̂. The caller goes through the rows in order for some columns
// at a time: threads get different columns, and no two add to one element.
func AddNormed[T cpu.Float](sum, dy, x []T, mean, scale T) {
	dy, x = dy[:len(sum)], x[:len(sum)]
	if sum, ok := cpu.Float32s(sum); ok {
		dy, _ := cpu.Float32s(dy)
		x, _ := cpu.Float32s(x)
		vectors.addNormed.active()(sum, dy, x, float32(mean), float32(scale))
		return
	}
	for i, d := range dy {
		sum[i] += T(d * T((x[i]-mean)*scale))
	}
}

// partials are the sixteen interleaved sums of a row, the lanes of the assembly.
type partials[T cpu.Float] [16]T

// total adds the sixteen up as a tree, in the order in which the assembly folds its
// vectors in half:
//
//	p0+p8, p1+p9, … p7+p15    eight sums
//	p0+p4, … p3+p7            four
//	p0+p2, p1+p3; p0+p1       two, and one
func (p *partials[T]) total() T {
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			p[i] += p[i+half]
		}
	}
	return p[0]
}
