package plain

import "math"

// relu is max(x,0).
func relu(x []float32) {
	for i, v := range x {
		if v < 0 {
			x[i] = 0
		}
	}
}

// relu6 is x within 0 and 6.
func relu6(x []float32) {
	for i, v := range x {
		if v < 0 {
			x[i] = 0
		} else if v > 6 {
			x[i] = 6
		}
	}
}

// leakyReLU is x for x > 0 and alpha·x elsewhere.
func leakyReLU(x []float32, alpha float32) {
	for i, v := range x {
		if v < 0 {
			x[i] = alpha * v
		}
	}
}

// divide is x/by.
func divide(x []float32, by float32) {
	for i := range x {
		x[i] /= by
	}
}

// elu is x for x > 0 and alpha·(exp(x)-1) elsewhere.
func elu(x []float32, alpha float64) {
	for i, v := range x {
		if v < 0 {
			x[i] = float32(alpha * math.Expm1(float64(v)))
		}
	}
}

// sigmoid is 1/(1+exp(-x)).
func sigmoid(x []float32) {
	for i, v := range x {
		x[i] = float32(1 / (1 + math.Exp(-float64(v))))
	}
}

// tanh is the hyperbolic tangent.
func tanh(x []float32) {
	for i, v := range x {
		x[i] = float32(math.Tanh(float64(v)))
	}
}

// silu is x·sigmoid(x).
func silu(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) / (1 + math.Exp(-float64(v))))
	}
}

// gelu is x·Φ(x), Φ being the normal distribution function.
func gelu(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) * 0.5 * math.Erfc(-float64(v)/math.Sqrt2))
	}
}

// affine is scale·x + shift, by the last axis.
func affine(x, scale, shift []float32) {
	for len(x) > 0 {
		for i, v := range x[:len(scale)] {
			x[i] = v*scale[i] + shift[i]
		}
		x = x[len(scale):]
	}
}

// add adds x to y.
func add(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] += v
	}
}

// layerNorm normalises the last axis, which gamma and beta have too.
func layerNorm(x, gamma, beta []float32, epsilon float64) {
	n := len(gamma)
	for ; len(x) > 0; x = x[n:] {
		row := x[:n]
		var mean, variance float64
		for _, v := range row {
			mean += float64(v) / float64(n)
		}
		for _, v := range row {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		scale := 1 / math.Sqrt(variance+epsilon)
		for i, v := range row {
			row[i] = gamma[i]*float32((float64(v)-mean)*scale) + beta[i]
		}
	}
}

// softmax makes rows of n numbers probabilities.
func softmax(x []float32, n int) {
	for ; len(x) > 0; x = x[n:] {
		row := x[:n]
		top, sum := row[0], 0.0
		for _, v := range row {
			top = max(top, v)
		}
		for i, v := range row {
			e := math.Exp(float64(v - top))
			row[i], sum = float32(e), sum+e
		}
		for i, v := range row {
			row[i] = float32(float64(v) / sum)
		}
	}
}
