package kernel

// channel is what normalises one channel: y = max(a·(x-mean) + beta, floor).
type channel[T Float] struct {
	mean, a, beta T
	floor         T // -Inf for none
}

// at returns y without the floor, each operation rounded.
func (c channel[T]) at(x T) T { return T(c.a*(x-c.mean)) + c.beta }

// deviations returns Σ(x[i]-from) and Σ(x[i]-from)².
func deviations[T Float](x []T, from float64) (sum, squares float64) {
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

// normalise computes y from x, NaN where x is NaN.
func (c channel[T]) normalise(y, x []T) {
	x = x[:len(y)]
	h := head(y)
	if len(h) > 0 {
		vectors.normalise(h, head(x), float32(c.mean), float32(c.a), float32(c.beta), float32(c.floor))
	}
	for i := len(h); i < len(y); i++ {
		if y[i] = c.at(x[i]); y[i] <= c.floor {
			y[i] = c.floor
		}
	}
}

// sums returns Σd and Σd·(x[i]-mean), where d is dy[i], or 0 where y is at the
// floor.
func (c channel[T]) sums(dy, x []T) (sum, product float64) {
	dy = dy[:len(x)]
	h := head(x)
	if len(h) > 0 {
		sum, product = vectors.normSums(head(dy), h, float32(c.mean), float32(c.a), float32(c.beta), float32(c.floor))
	}
	for i := len(h); i < len(x); i++ {
		if !(c.at(x[i]) <= c.floor) {
			sum += float64(dy[i])
			product += float64(dy[i]) * float64(x[i]-c.mean)
		}
	}
	return sum, product
}

// gradient computes dx[i] = a·(d - shift - slope·(x[i]-mean)) with the same d.
// dx may be dy.
func (c channel[T]) gradient(dx, dy, x []T, shift, slope T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	h := head(dx)
	if len(h) > 0 {
		vectors.normGrad(h, head(dy), head(x), float32(c.mean), float32(c.a), float32(c.beta), float32(c.floor), float32(shift), float32(slope))
	}
	for i := len(h); i < len(dx); i++ {
		d := dy[i]
		if c.at(x[i]) <= c.floor {
			d = 0
		}
		dx[i] = c.a * (d - shift - T(slope*(x[i]-c.mean)))
	}
}
