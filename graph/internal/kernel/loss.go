package kernel

import (
	"fmt"
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// CrossEntropy is the mean over the batch of -Σ_k t[k]·log SoftMax(x)[k]. Its
// operands are the logits x (N,Classes), the labels (N), which hold class
// indices, and the weights (N) of the samples:
//
//	loss = Σ_n weight[n]·loss[n] / Σ_n weight[n]
//
// (0 if all weights are 0), or with Sum the numerator alone. The target t is 1 for the
// label's class and 0 elsewhere; Smoothing s makes that 1-s+s/Classes and s/Classes (Szegedy et al.
// 2015). It is computed from logits in one step, so that it is exact where a
// logarithm of probabilities would be infinite.
//
// With log SoftMax(x)[k] = x[k] - L, L = log Σ_j exp(x[j]), and targets that add up to 1,
// a sample's loss is
//
//	loss[n] = (1-s)·(L - x[label]) + s·(L - mean(x))
//
// With Exponent q above 0, and Smoothing 0, it is the generalized cross-entropy of Zhang and
// Sabuncu 2018 (equation 6) instead, whose limit for q to 0 is the cross-entropy c = L - x[label]:
//
//	loss[n] = (1 - p[label]^q) / q,   p[label]^q = exp(-q·c)
//
// With Gamma γ above 0, and Smoothing and Exponent 0, it is the focal loss of Lin et al. 2017
// (equation 4), whose limit for γ to 0 is the cross-entropy too:
//
//	loss[n] = (1 - p[label])^γ·c
//
// A label is stored as a float: those are exact up to 2²⁴ in float32. It has to be a
// class even where the weight is 0.
type CrossEntropy[T cpu.Float] struct {
	N, Classes int
	Smoothing  float64
	Exponent   float64
	Gamma      float64
	Sum        bool
	p          []T // probabilities of the last Forward
	factor     []T // of the cross-entropy's gradient of each sample, likewise; none without Exponent and Gamma
}

// Forward computes the scalar loss y[0], and keeps the probabilities for
// Backward. The sum over the batch is in float64.
func (c *CrossEntropy[T]) Forward(y []T, in [][]T) {
	if c.p == nil {
		c.p = make([]T, c.N*c.Classes)
		if c.Exponent > 0 || c.Gamma > 0 {
			c.factor = make([]T, c.N)
		}
	}
	logits, labels, weights := in[0], in[1], in[2]
	var loss, total float64
	for n, w := range weights {
		x := logits[n*c.Classes:][:c.Classes]
		label := c.class(labels[n])
		logSum := vector.LogSumExp(c.p[n*c.Classes:][:c.Classes], x)
		// The loss if the target were the label alone, and if it were all classes alike.
		hit := logSum - float64(x[label])
		miss := logSum - float64(vector.Sum(x))/float64(c.Classes)
		if c.factor != nil {
			var factor float64
			hit, factor = c.reshape(hit)
			c.factor[n] = T(factor)
		}
		// A weight of 0 removes a sample, even one whose loss is infinite.
		if w != 0 {
			loss += float64(w) * ((1-c.Smoothing)*hit + c.smooth(miss))
			total += float64(w)
		}
	}
	y[0] = T(mean(loss, total, c.Sum))
}

// mean is a weighted sum over the sum of its weights, 0 if that is 0, or with isSum the sum
// itself.
func mean(weighted, weights float64, isSum bool) float64 {
	switch {
	case isSum:
		return weighted
	case weights == 0:
		return 0
	}
	return weighted / weights
}

// divisor is what a loss's gradient is divided by: the sum of the weights, or with isSum 1.
func divisor[T cpu.Float](weights []T, isSum bool) T {
	if isSum {
		return 1
	}
	var total T
	for _, w := range weights {
		total += w
	}
	return total
}

// reshape turns a sample's cross-entropy into its loss, and returns the factor of the
// gradient: the derivative of the one for the other. Of the focal loss that is, by
// dp = -p·dc,
//
//	(1-p)^γ + γ·p·c·(1-p)^(γ-1)
func (c *CrossEntropy[T]) reshape(entropy float64) (loss, factor float64) {
	if c.Exponent > 0 {
		return -math.Expm1(-c.Exponent*entropy) / c.Exponent, math.Exp(-c.Exponent * entropy)
	}
	doubt := -math.Expm1(-entropy) // 1-p
	if doubt <= 0 {
		return 0, 0
	}
	power := math.Pow(doubt, c.Gamma)
	factor = power
	if p := math.Exp(-entropy); p > 0 { // else the product is 0, also where c is infinite
		factor += c.Gamma * p * entropy / doubt * power
	}
	return power * entropy, factor
}

// smooth weighs the mean over all classes. Without smoothing it is left out
// even where it overflows.
func (c *CrossEntropy[T]) smooth(miss float64) float64 {
	if c.Smoothing == 0 {
		return 0
	}
	return c.Smoothing * miss
}

// class turns a label into a class. A label that is none of them is a mistake
// of the data's reader: the operation turns the panic into an error.
func (c *CrossEntropy[T]) class(label T) int { return classOf(label, c.Classes) }

func classOf[T cpu.Float](label T, classes int) int {
	if k := int(label); k >= 0 && k < classes && T(k) == label {
		return k
	}
	panic(fmt.Sprintf("label %v is not one of the classes 0 to %d", label, classes-1))
}

// Backward computes the gradient of the logits:
//
//	dx[n,k] = dy·weight[n]·(p[n,k] - t[n,k]) / Σ weights
//
// with the probabilities p of the last Forward, and times p[n,label]^Exponent: a label that the
// network does not believe has little to say. With Gamma it is times the factor of reshape: a label
// that the network believes has little to say. With Sum it is not divided. A sample of weight 0 gets
// zeros, even if its probabilities are NaN. Nothing else has a gradient.
//
// The derivative of L is the probability, and that of -Σ_k t[k]·x[k] is -t: so neither a
// logarithm nor a division by a probability is left. t is s/Classes for every
// class, and 1-s more for the label.
func (c *CrossEntropy[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if dIn[0] == nil {
		return
	}
	labels, weights := in[1], in[2]
	total := divisor(weights, c.Sum)
	share := T(c.Smoothing) / T(c.Classes)
	for n, w := range weights {
		dx := dIn[0][n*c.Classes:][:c.Classes]
		if w == 0 {
			clear(dx)
			continue
		}
		scale := dy[0] * w / total
		if c.factor != nil {
			scale *= c.factor[n]
		}
		for k, p := range c.p[n*c.Classes:][:c.Classes] {
			dx[k] = scale * (p - share)
		}
		dx[c.class(labels[n])] -= scale * T(1-c.Smoothing)
	}
}

// Bytes is the memory that the kernel keeps.
func (c *CrossEntropy[T]) Bytes() int { return cpu.BytesOf(c.p) + cpu.BytesOf(c.factor) }

// MSE is the mean squared error between x and its target, both (N,Size), with
// weights (N) for the samples:
//
//	loss = Σ_n weight[n]·mean_i (x[n,i]-target[n,i])² / Σ_n weight[n]
//
// (0 if all weights are 0).
type MSE[T cpu.Float] struct{ N, Size int }

// Forward computes the scalar loss y[0]. It sums in float64; the difference itself is
// rounded to T, as in Backward. A sample of weight 0 does not count, even if its
// difference is NaN.
func (m *MSE[T]) Forward(y []T, in [][]T) {
	var loss, total float64
	for n, w := range in[2] {
		var s float64
		for i := n * m.Size; i < (n+1)*m.Size; i++ {
			d := float64(in[0][i] - in[1][i])
			s += d * d
		}
		if w != 0 {
			loss += float64(w) * s / float64(m.Size)
			total += float64(w)
		}
	}
	y[0] = T(mean(loss, total, false))
}

// Backward computes the gradient of x:
//
//	dx[n,i] = dy·weight[n]·2(x[n,i]-target[n,i]) / (Size·Σ weights)
//
// Nothing else has a gradient; a sample of weight 0 gets zeros. It needs nothing of
// Forward but its operands.
func (m *MSE[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if dIn[0] == nil {
		return
	}
	total := divisor(in[2], false)
	for n, w := range in[2] {
		dx := dIn[0][n*m.Size:][:m.Size]
		if w == 0 {
			clear(dx)
			continue
		}
		scale := dy[0] * w * 2 / (T(m.Size) * total)
		for i := range dx {
			dx[i] = scale * (in[0][n*m.Size+i] - in[1][n*m.Size+i])
		}
	}
}
