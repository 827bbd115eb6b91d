package kernel

import "math"

// BatchNorm normalises each channel over the batch (Ioffe and Szegedy 2015):
//
//	y = γ·(x-μ)/√(σ²+ε) + β
//
// Its operands are x (N,C,Pixels), γ, β, the running mean and the running
// variance, each (C). In training, μ and σ² are the batch's own, and Forward
// moves the running ones towards them, in place:
//
//	running = Momentum·running + (1-Momentum)·batch
//
// with the unbiased variance, as PyTorch does. Otherwise μ and σ² are the
// running ones.
type BatchNorm[T Float] struct {
	N, C, Pixels      int
	Epsilon, Momentum float64
	Training          bool

	y, dy             []T
	in, dIn           [][]T
	mean, scale       []T // of the last Forward: μ and 1/√(σ²+ε)
	forward, backward func(lo, hi int)
}

// Forward computes y and, in training, moves the running statistics.
func (b *BatchNorm[T]) Forward(y []T, in [][]T) {
	if b.mean == nil {
		b.mean, b.scale = make([]T, b.C), make([]T, b.C)
		b.forward, b.backward = b.forwardChannels, b.backwardChannels
	}
	b.y, b.in = y, in
	Parallel(b.C, b.forward)
}

func (b *BatchNorm[T]) forwardChannels(lo, hi int) {
	gamma, beta := b.in[1], b.in[2]
	for c := lo; c < hi; c++ {
		mean, variance := b.statistics(c)
		b.mean[c] = T(mean)
		b.scale[c] = T(1 / math.Sqrt(variance+b.Epsilon))
		a := gamma[c] * b.scale[c]
		for n := range b.N {
			y := b.plane(b.y, n, c)
			for i, x := range b.plane(b.in[0], n, c) {
				y[i] = a*(x-b.mean[c]) + beta[c]
			}
		}
	}
}

// statistics returns the mean and the (biased) variance to normalise channel c
// with, and in training moves the running ones.
func (b *BatchNorm[T]) statistics(c int) (mean, variance float64) {
	runningMean, runningVar := &b.in[3][c], &b.in[4][c]
	if !b.Training {
		return float64(*runningMean), float64(*runningVar)
	}
	count := float64(b.N * b.Pixels)
	for n := range b.N {
		mean += float64(sum(b.plane(b.in[0], n, c)))
	}
	mean /= count
	for n := range b.N {
		for _, x := range b.plane(b.in[0], n, c) {
			d := float64(x) - mean
			variance += d * d
		}
	}
	unbiased := variance / max(count-1, 1)
	*runningMean = T(b.Momentum*float64(*runningMean) + (1-b.Momentum)*mean)
	*runningVar = T(b.Momentum*float64(*runningVar) + (1-b.Momentum)*unbiased)
	return mean, variance / count
}

// Backward computes the gradients of x, γ and β, skipping those that are nil.
// With x̂ = (x-μ)/√(σ²+ε) and means over the batch, in training
//
//	dx = γ/√(σ²+ε) · (dy - mean(dy) - x̂·mean(dy·x̂))
//
// and otherwise only the first term, as μ and σ² are constants.
func (b *BatchNorm[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	b.dIn, b.dy, b.in = dIn, dy, in
	Parallel(b.C, b.backward)
}

func (b *BatchNorm[T]) backwardChannels(lo, hi int) {
	for c := lo; c < hi; c++ {
		var dBeta, dGamma float64
		for n := range b.N {
			dy := b.plane(b.dy, n, c)
			for i, x := range b.plane(b.in[0], n, c) {
				dBeta += float64(dy[i])
				dGamma += float64(dy[i] * (x - b.mean[c]) * b.scale[c])
			}
		}
		if d := b.dIn[1]; d != nil {
			d[c] = T(dGamma)
		}
		if d := b.dIn[2]; d != nil {
			d[c] = T(dBeta)
		}
		if b.dIn[0] != nil {
			b.inputGradient(c, dBeta, dGamma)
		}
	}
}

func (b *BatchNorm[T]) inputGradient(c int, dBeta, dGamma float64) {
	var meanDy, meanDyX T
	if b.Training {
		count := float64(b.N * b.Pixels)
		meanDy, meanDyX = T(dBeta/count), T(dGamma/count)
	}
	a := b.in[1][c] * b.scale[c]
	for n := range b.N {
		dx, dy := b.plane(b.dIn[0], n, c), b.plane(b.dy, n, c)
		for i, x := range b.plane(b.in[0], n, c) {
			dx[i] = a * (dy[i] - meanDy - (x-b.mean[c])*b.scale[c]*meanDyX)
		}
	}
}

func (b *BatchNorm[T]) plane(x []T, n, c int) []T { return x[(n*b.C+c)*b.Pixels:][:b.Pixels] }
