package vector

import "tapenet/graph/internal/kernel/cpu"

// Channel is what normalises one channel:
//
//	y = max(a·(x-mean) + beta, floor)
//
// For a batch normalisation a is γ/√(σ²+ε), and beta is β. The floor is 0 with
// a ReLU behind it.
type Channel[T cpu.Float] struct {
	Mean T // of the batch, or the running one
	A    T // γ divided by the deviation
	Beta T

	Floor T // -Inf for none
}

// at returns y without the floor, each operation rounded as the assembly rounds
// it.
func (c Channel[T]) at(x T) T { return T(c.A*(x-c.Mean)) + c.Beta }

// Deviations returns Σ(x[i]-from) and Σ(x[i]-from)², in float64. If from is
// near the mean, the variance that comes from the sums keeps its digits.
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

// Sums returns Σd and Σd·(x[i]-mean), where d is dy[i], or 0 where y is at the
// floor. From them come the gradients of β and γ.
func (c Channel[T]) Sums(dy, x []T) (sum, product float64) {
	dy = dy[:len(x)]
	h := head(x)
	if len(h) > 0 {
		sum, product = vectors.normSums(head(dy), h, float32(c.Mean), float32(c.A), float32(c.Beta), float32(c.Floor))
	}
	for i := len(h); i < len(x); i++ {
		if !(c.at(x[i]) <= c.Floor) {
			sum += float64(dy[i])
			product += float64(dy[i]) * float64(x[i]-c.Mean)
		}
	}
	return sum, product
}

// Gradient computes dx[i] = a·(d - shift - slope·(x[i]-mean)) with the same d.
// shift and slope are 0 where mean and variance are constants. dx may be dy.
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
