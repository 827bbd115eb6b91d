package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/vector"
)

// BatchNorm normalises each channel over the batch (Ioffe and Szegedy 2015):
//
//	y = γ·(x-μ)/√(σ²+ε) + β
//
// or, with ReLU, the larger of that and 0. Its operands are x (N,C,Pixels), γ,
// β, the running mean and the running variance, each (C). In training, μ and σ²
// are the batch's own, and Forward moves the running ones towards them, in
// place:
//
//	running = Momentum·running + (1-Momentum)·batch
//
// with the unbiased variance, as PyTorch does. Otherwise μ and σ² are the
// running ones.
//
// x and y lie as (N,C,Pixels): plane n of channel c, its pixels, begins at
// (n·C+c)·Pixels. In training a NaN or an infinity in a channel makes the channel NaN
// in the whole batch, and its running statistics are not finite from then on.
type BatchNorm[T cpu.Float] struct {
	N, C, Pixels      int
	Epsilon, Momentum float64
	Training          bool
	ReLU              bool

	result, dy        []T // what the loops write, y or dx, and what Backward reads
	in, dIn           [][]T
	mean, scale       []T    // of the last Forward: μ and 1/√(σ²+ε)
	columns           [2][]T // for images of one pixel, see gather
	forward, backward func(lo, hi int)
	scatter           func(lo, hi int)
}

// Forward computes y and, in training, moves the running statistics.
func (b *BatchNorm[T]) Forward(y []T, in [][]T) {
	if b.mean == nil {
		b.mean, b.scale = make([]T, b.C), make([]T, b.C)
		if b.Pixels == 1 {
			b.columns = [2][]T{make([]T, b.N*b.C), make([]T, b.N*b.C)}
		}
		b.forward, b.backward, b.scatter = b.forwardChannels, b.backwardChannels, b.scatterImages
	}
	b.result, b.in = y, in
	cpu.Parallel(b.C, b.forward)
	b.finish()
}

// forwardChannels normalises the channels [lo,hi). A channel is one piece of
// work, so that its sums do not depend on the number of threads.
func (b *BatchNorm[T]) forwardChannels(lo, hi int) {
	x, y := b.gather(0, b.in[0], lo, hi), b.result
	if b.Pixels == 1 {
		y = b.columns[1]
	}
	for c := lo; c < hi; c++ {
		mean, variance := b.statistics(x, c)
		b.mean[c] = T(mean)
		// The root and the quotient are float64, rounded to T once.
		b.scale[c] = T(1 / math.Sqrt(variance+b.Epsilon))
		channel := b.channel(c)
		for n := range b.planes() {
			channel.Normalise(b.plane(y, n, c), b.plane(x, n, c))
		}
	}
}

// channel returns what normalises channel c.
func (b *BatchNorm[T]) channel(c int) vector.Channel[T] {
	floor := T(math.Inf(-1))
	if b.ReLU {
		floor = 0
	}
	return vector.Channel[T]{Mean: b.mean[c], A: b.in[1][c] * b.scale[c], Beta: b.in[2][c], Floor: floor}
}

// statistics returns the mean and the (biased) variance to normalise channel c of x
// with, and in training moves the running ones. It sums distances from one of the
// channel's elements. That element is near enough to the mean for the difference of
// squares to keep its digits, wherever the mean is. With d = x - from, whatever from
// is,
//
//	μ = from + Σd/count      count·σ² = Σd² - (Σd)²/count
//
// With from = 0 and a mean far from 0 both terms of the difference would be large and
// nearly equal. One pass over x is enough, where the deviations from the mean need two.
func (b *BatchNorm[T]) statistics(x []T, c int) (mean, variance float64) {
	runningMean, runningVar := &b.in[3][c], &b.in[4][c]
	if !b.Training {
		return float64(*runningMean), float64(*runningVar)
	}
	count, from := float64(b.N*b.Pixels), float64(b.plane(x, 0, c)[0])
	var sum, squares float64
	for n := range b.planes() {
		s, q := vector.Deviations(b.plane(x, n, c), from)
		sum += s
		squares += q
	}
	mean = from + sum/count
	// max keeps a NaN.
	squares = max(squares-sum*sum/count, 0) // rounding may make it negative
	*runningMean = T(b.Momentum*float64(*runningMean) + (1-b.Momentum)*mean)
	*runningVar = T(b.Momentum*float64(*runningVar) + (1-b.Momentum)*squares/max(count-1, 1)) // unbiased
	return mean, squares / count
}

// Backward computes the gradients of x, γ and β, skipping those that are nil.
// With x̂ = (x-μ)/√(σ²+ε) and means over the batch, in training
//
//	dx = γ/√(σ²+ε) · (dy - mean(dy) - x̂·mean(dy·x̂))
//
// and otherwise only the first term, as μ and σ² are constants. With ReLU, dy
// is 0 where y is.
//
// In training all count elements of a channel move μ and σ²: with s = 1/√(σ²+ε)
//
//	∂x̂[i]/∂x[j] = s·(δ[i,j] - 1/count - x̂[i]·x̂[j]/count)
//	dβ = Σ dy,  dγ = Σ dy·x̂
//
// and the two means are dβ/count and dγ/count. So x is read twice: once for the sums,
// which are in float64, and once for dx. Whether y was at the ReLU's zero it computes
// again from x, with the same roundings as Forward.
func (b *BatchNorm[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	b.result, b.dIn, b.dy, b.in = dIn[0], dIn, dy, in
	cpu.Parallel(b.C, b.backward)
	b.finish()
}

// backwardChannels computes the gradients of the channels [lo,hi).
func (b *BatchNorm[T]) backwardChannels(lo, hi int) {
	x, dy := b.gather(0, b.in[0], lo, hi), b.gather(1, b.dy, lo, hi)
	for c := lo; c < hi; c++ {
		channel := b.channel(c)
		var dBeta, dGamma float64
		for n := range b.planes() {
			sum, product := channel.Sums(b.plane(dy, n, c), b.plane(x, n, c))
			dBeta += sum
			dGamma += product * float64(b.scale[c]) // x̂ is (x-μ)·scale
		}
		if d := b.dIn[1]; d != nil {
			d[c] = T(dGamma)
		}
		if d := b.dIn[2]; d != nil {
			d[c] = T(dBeta)
		}
		if b.result != nil {
			b.inputGradient(x, dy, c, dBeta, dGamma)
		}
	}
}

// inputGradient computes the gradient of x for channel c, from the sums dBeta and
// dGamma. Outside of training its last two terms are missing. With images of one pixel,
// dy is a buffer of ours and becomes the result. The loop has x-μ and not x̂ at hand:
// slope is mean(dy·x̂)·s, with the s that is missing.
func (b *BatchNorm[T]) inputGradient(x, dy []T, c int, dBeta, dGamma float64) {
	dx := b.result
	if b.Pixels == 1 {
		dx = dy
	}
	var shift, slope T
	if b.Training {
		count := float64(b.N * b.Pixels)
		shift, slope = T(dBeta/count), T(dGamma/count)*b.scale[c]
	}
	channel := b.channel(c)
	for n := range b.planes() {
		channel.Gradient(b.plane(dx, n, c), b.plane(dy, n, c), b.plane(x, n, c), shift, slope)
	}
}

// planes is the number of planes of a channel: one an image, or a single one
// that gather has made.
func (b *BatchNorm[T]) planes() int {
	if b.Pixels == 1 {
		return 1
	}
	return b.N
}

// plane returns plane n of channel c, of planes that gather has seen.
func (b *BatchNorm[T]) plane(x []T, n, c int) []T {
	size := b.Pixels
	if size == 1 {
		size = b.N
	}
	return x[(n*b.C+c)*size:][:size]
}

// gather returns x with the planes of the channels [lo,hi) where plane finds
// them. An image of one pixel would be a plane of one element. Instead, a
// channel's elements of the whole batch become one plane, in the given buffer:
// a transposition of (N,C).
//
//	x (N,C)          buffer (C,N)
//	a₀ b₀ c₀         a₀ a₁       plane 0 of channel a, of N elements
//	a₁ b₁ c₁         b₀ b₁
//	                 c₀ c₁
//
// Buffer 0 holds x. Buffer 1 holds y in Forward, and in Backward dy and then dx. Calls
// for other channels write to other rows of a buffer.
func (b *BatchNorm[T]) gather(buffer int, x []T, lo, hi int) []T {
	if b.Pixels > 1 {
		return x
	}
	columns := b.columns[buffer]
	gemm.TransposeInto(columns[lo*b.N:], b.N, x[lo:], b.C, b.N, hi-lo)
	return columns
}

// finish brings a result that is in buffer 1 to where it belongs. It is shared out by
// images, as rows of the result are theirs. All channels are done.
func (b *BatchNorm[T]) finish() {
	if b.Pixels == 1 && b.result != nil {
		cpu.Parallel(b.N, b.scatter)
	}
}

// scatterImages turns buffer 1 back, for the images [lo,hi).
func (b *BatchNorm[T]) scatterImages(lo, hi int) {
	gemm.TransposeInto(b.result[lo*b.C:], b.C, b.columns[1][lo:], b.N, b.C, hi-lo)
}

// Bytes is the memory that the kernel keeps.
func (b *BatchNorm[T]) Bytes() int { return cpu.BytesOf(b.mean, b.scale, b.columns[0], b.columns[1]) }

// End returns a BatchNorm that does the work of ReLU behind b too, for inference. In
// training it takes nothing over. The new kernel has no running statistics of its own:
// they are operands.
func (b *BatchNorm[T]) End(next conv.Ending) (both any, ok bool) {
	if b.Training || b.ReLU || next.Act == nil || *next.Act != conv.ReLU {
		return nil, false
	}
	return &BatchNorm[T]{N: b.N, C: b.C, Pixels: b.Pixels, Epsilon: b.Epsilon, Momentum: b.Momentum, ReLU: true}, true
}
