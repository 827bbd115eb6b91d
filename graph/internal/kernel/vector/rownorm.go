package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// This file normalises the rows of a matrix, each by itself, as a LayerNorm does.
// A row's sums are sixteen interleaved ones, element i being in sum i%16, on every
// tier and in both precisions; every operation is rounded. So all tiers give the
// same bits, and the bits of a row depend on its own elements and their number
// alone.

// NormRows does so for whole rows of as many elements as gamma and beta have. mean
// and scale get μ and 1/√(σ²+epsilon) of every row, if they are not nil.
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

// normRow is one row. The mean comes first and then the deviations from it, so that
// the variance keeps its digits. Conversions to T round a product before the sum
// around it, as the assembly does.
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

// NormRowsGrad computes the gradient of x from that of y, given what NormRows
// returned. With g = gamma·dy, x̂ = (x-μ)·scale and means over a row,
//
//	dx = scale·(g - mean(g) - x̂·mean(g·x̂))
//
// dx may be dy or x.
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

// normRowGrad is one row.
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

// AddNormed computes sum[i] += dy[i]·((x[i]-mean)·scale): what one row adds to the
// gradient of gamma.
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

// partials are the interleaved sums of a row, the lanes of the assembly.
type partials[T cpu.Float] [16]T

// total adds them up as a tree: those 8 apart, then 4, 2 and 1.
func (p *partials[T]) total() T {
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			p[i] += p[i+half]
		}
	}
	return p[0]
}
