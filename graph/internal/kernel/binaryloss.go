package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// BinaryCrossEntropy is the cross-entropy of the sigmoid of each logit against a target of its
// own. Its operands are the logits x (N,Classes), the targets t (N,Classes), from 0 to 1, and the
// weights (N) of the samples:
//
//	loss = Σ_n weight[n]·mean_k (log(1 + exp(x[n,k])) - t[n,k]·x[n,k]) / Σ_n weight[n]
//
// With Table the targets are (N), the index of a row of it, which has the targets of a sample. The
// loss is 0 if all weights are 0; with Sum it is the numerator alone. It is computed from logits in one
// step, log(1 + exp(x)) as max(x,0) + log(1 + exp(-|x|)): exact where a logarithm of
// probabilities would be infinite.
type BinaryCrossEntropy[T cpu.Float] struct {
	N, Classes int
	Sum        bool
	Table      []T // rows of Classes, nil for none
}

// targets are those of sample n.
func (c *BinaryCrossEntropy[T]) targets(n int, in []T) []T {
	if c.Table == nil {
		return in[n*c.Classes:][:c.Classes]
	}
	return c.Table[classOf(in[n], len(c.Table)/c.Classes)*c.Classes:][:c.Classes]
}

// Forward computes the scalar loss y[0]. It sums in float64. A sample of weight 0 does not
// count, even if its loss is NaN.
func (c *BinaryCrossEntropy[T]) Forward(y []T, in [][]T) {
	var loss, total float64
	for n, w := range in[2] {
		targets := c.targets(n, in[1])
		if w == 0 {
			continue
		}
		var s float64
		for k, x := range in[0][n*c.Classes:][:c.Classes] {
			x, t := float64(x), float64(targets[k])
			s += max(x, 0) - t*x + math.Log1p(math.Exp(-math.Abs(x)))
		}
		loss += float64(w) * s / float64(c.Classes)
		total += float64(w)
	}
	y[0] = T(mean(loss, total, c.Sum))
}

// Backward computes the gradient of the logits:
//
//	dx[n,k] = dy·weight[n]·(sigmoid(x[n,k]) - t[n,k]) / (Classes·Σ weights)
//
// With Sum it is not divided by the weights. Nothing else has a gradient; a sample of weight 0
// gets zeros. It needs nothing of Forward but its operands.
func (c *BinaryCrossEntropy[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if dIn[0] == nil {
		return
	}
	total := divisor(in[2], c.Sum)
	for n, w := range in[2] {
		dx := dIn[0][n*c.Classes:][:c.Classes]
		if w == 0 {
			clear(dx)
			continue
		}
		scale := dy[0] * w / (total * T(c.Classes))
		for k, t := range c.targets(n, in[1]) {
			dx[k] = scale * (T(1/(1+math.Exp(-float64(in[0][n*c.Classes+k])))) - t)
		}
	}
}

// Lane is that of [CrossEntropy].
func (c *BinaryCrossEntropy[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if c.N != of || shared[0] || shared[1] || shared[2] {
		return nil, false
	}
	return &BinaryCrossEntropy[T]{N: n, Classes: c.Classes, Sum: c.Sum, Table: c.Table}, true
}
