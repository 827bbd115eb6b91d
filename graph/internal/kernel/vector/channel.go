package vector

import "tapenet/graph/internal/kernel/cpu"

// Channel has the numbers that normalise one channel:
//
//	y = max(a·(x-mean) + beta, floor)
//
// For a batch normalisation a is γ/√(σ²+ε), and beta is β. The floor is 0 if a
// ReLU follows.
//
// kernel.BatchNorm makes one for each channel and goes plane by plane, as a
// channel's elements lie in N pieces of H·W:
//
//	x (N,C,H,W)   n=0: │ c0 │ c1 │ c2 │   n=1: │ c0 │ c1 │ c2 │  …
//	                         ▲                        ▲
//	                         └──── channel 1: Deviations, then Normalise
//
// Forward in training takes Deviations of all its planes, for mean and variance, and
// then Normalise. Backward takes Sums of all planes and then Gradient. Both compute
// from x once more which elements were above the floor: nothing is kept for that.
type Channel[T cpu.Float] struct {
	Mean T // of the batch, or the running one
	A    T // γ divided by the deviation
	Beta T

	Floor T // -Inf for none
}

// at returns y without the floor. The conversion rounds the product before the
// sum, as the assembly does: the elements at the floor must be the same for Forward,
// Backward and every tier.
func (c Channel[T]) at(x T) T { return T(c.A*(x-c.Mean)) + c.Beta }

// Deviations returns s = Σ(x[i]-from) and q = Σ(x[i]-from)², in float64. Of n
// elements
//
//	mean = from + s/n,  σ² = q/n - (s/n)²
//
// in one pass over the memory. If from is near the mean, s/n is small and the
// difference keeps its digits. The assembly adds up in eight interleaved sums and
// fuses the square, so its result differs from the plain loop's in the last
// digits of a float64.
func Deviations[T cpu.Float](x []T, from float64) (sum, squares float64) {
	h := head(x)
	if len(h) > 0 {
		sum, squares = vectors.deviations(h, from)
	}
	for _, v := range x[len(h):] {
		d := float64(v) - from
		sum += d
		squares += d * d
	}
	return sum, squares
}

// Normalise computes y from x, and NaN where x is NaN.
func (c Channel[T]) Normalise(y, x []T) {
	x = x[:len(y)]
	h := head(y)
	if len(h) > 0 {
		vectors.normalise(h, head(x), float32(c.Mean), float32(c.A), float32(c.Beta), float32(c.Floor))
	}
	for i := len(h); i < len(y); i++ {
		if y[i] = c.at(x[i]); y[i] <= c.Floor {
			y[i] = c.Floor
		}
	}
}

// Sums returns Σd and Σd·(x[i]-mean), in float64, where d is dy[i], or 0 where y
// is at the floor. Over all planes of a channel the first is the gradient of β,
// and the second times 1/√(σ²+ε) is the gradient of γ. Gradient needs both
// divided by the number of elements.
func (c Channel[T]) Sums(dy, x []T) (sum, product float64) {
	dy = dy[:len(x)]
	h := head(x)
	if len(h) > 0 {
		sum, product = vectors.normSums(head(dy), h, float32(c.Mean), float32(c.A), float32(c.Beta), float32(c.Floor))
	}
	for i := len(h); i < len(x); i++ {
		if !(c.at(x[i]) <= c.Floor) { // above the floor, or NaN, which has to spread
			sum += float64(dy[i])
			product += float64(dy[i]) * float64(x[i]-c.Mean)
		}
	}
	return sum, product
}

// Gradient computes dx[i] = a·(d - shift - slope·(x[i]-mean)) with the same d.
// dx may be dy. With statistics of the batch, of n elements a channel,
//
//	shift = Σd / n,  slope = Σd·(x-mean) / (n·(σ²+ε))
//
// are the ways in which x acts through the mean and through the variance. Both
// are 0 where mean and variance are constants, the running ones.
func (c Channel[T]) Gradient(dx, dy, x []T, shift, slope T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	h := head(dx)
	if len(h) > 0 {
		vectors.normGrad(h, head(dy), head(x), float32(c.Mean), float32(c.A), float32(c.Beta), float32(c.Floor), float32(shift), float32(slope))
	}
	for i := len(h); i < len(dx); i++ {
		d := dy[i]
		if c.at(x[i]) <= c.Floor {
			d = 0
		}
		dx[i] = c.A * (d - shift - T(slope*(x[i]-c.Mean)))
	}
}
