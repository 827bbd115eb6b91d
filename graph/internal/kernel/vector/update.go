package vector

import "math"

// This file has the steps of the optimizers. package update shares a tensor out over
// the processors and calls these loops on its parts; package train computes the
// coefficients. A step reads and writes each element of a few tensors once, so memory
// limits it:
//
//	w  weights    changed in place
//	g  gradients  read; Normalise changes them
//	u, m          mean or sum of the gradients so far: the velocity
//	v             mean of the squared gradients so far
//
// What a step keeps of the gradients becomes 0 where it is too small to matter: means
// below 2⁻¹⁰⁰, about 8e-31, and means of squares below 2⁻¹²⁶, about 1e-38. A weight that
// gets no gradient any more, as of a unit that ReLU has silenced, leaves its mean to shrink
// by a factor a step. After some 700 steps Adam's m would be below 2⁻¹²⁶, where numbers
// are denormal, and stay there, as rounding undoes a factor of 0.9. An Intel processor
// takes more than a hundred cycles for each operation with such numbers: a step of the
// cnn took three times as long. The limit of means leaves room for their product with a
// learning rate.
//
// All work in place on slices of one length that do not overlap. Every operation is
// rounded by itself, here by conversions to float32: so the assembly gives the same
// bits, and a tensor may be cut anywhere. There is no float64: training is float32.

// The limits, see above.
const (
	smallMean   = 0x1p-100
	smallSquare = 0x1p-126
)

// flush is x, or 0 if x is below a limit in absolute value. A NaN stays.
func flush(x, limit float32) float32 {
	if -limit < x && x < limit {
		return 0
	}
	return x
}

// Average computes a[i] += share·(x[i] - a[i]): an exponential moving average a
// of the weights x. Its a is what training with averaged weights evaluates.
func Average(a, x []float32, share float32) {
	x = x[:len(a)]
	h := head(a)
	if len(h) > 0 {
		vectors.average(h, x, share)
	}
	for i := len(h); i < len(a); i++ {
		a[i] += float32(share * (x[i] - a[i]))
	}
}

// SGD computes w[i] -= lr·g[i]: a step of gradient descent.
func SGD(w, g []float32, lr float32) {
	g = g[:len(w)]
	h := head(w)
	if len(h) > 0 {
		vectors.sgd(h, g, lr)
	}
	for i := len(h); i < len(w); i++ {
		w[i] -= float32(lr * g[i])
	}
}

// Momentum computes u[i] = momentum·u[i] + g[i] and w[i] -= lr·u[i]: a step
// with a velocity u (Polyak 1964). u begins as zeros. As in PyTorch, lr is not part of
// u, so that a new learning rate acts at once on all of the velocity.
func Momentum(w, g, u []float32, lr, momentum float32) {
	g, u = g[:len(w)], u[:len(w)]
	h := head(w)
	if len(h) > 0 {
		vectors.momentum(h, g, u, lr, momentum)
	}
	for i := len(h); i < len(w); i++ {
		u[i] = flush(float32(momentum*u[i])+g[i], smallMean)
		w[i] -= float32(lr * u[i])
	}
}

// Nesterov computes u[i] = momentum·u[i] + g[i] and w[i] -= lr·(momentum·u[i] +
// g[i]): the step that looks ahead along u (Sutskever et al. 2013).
func Nesterov(w, g, u []float32, lr, momentum float32) {
	g, u = g[:len(w)], u[:len(w)]
	h := head(w)
	if len(h) > 0 {
		vectors.nesterov(h, g, u, lr, momentum)
	}
	for i := len(h); i < len(w); i++ {
		u[i] = flush(float32(momentum*u[i])+g[i], smallMean)
		w[i] -= float32(lr * (float32(momentum*u[i]) + g[i]))
	}
}

// Normalise computes v[i] = beta·v[i] + rest·g[i]² and g[i] /= √v[i] + epsilon:
// RMSProp's scaling of a gradient (Tieleman and Hinton 2012). It overwrites g, which
// SGD or Momentum then takes. rest is 1-beta for RMSProp and 1, with beta 1, for
// AdaGrad. rest·g·g is (rest·g)·g, in that order, here and in the assembly.
func Normalise(g, v []float32, beta, rest, epsilon float32) {
	v = v[:len(g)]
	h := head(g)
	if len(h) > 0 {
		vectors.rms(h, v, beta, rest, epsilon)
	}
	for i := len(h); i < len(g); i++ {
		v[i] = flush(float32(beta*v[i])+float32(rest*g[i]*g[i]), smallSquare)
		g[i] /= float32(math.Sqrt(float64(v[i]))) + epsilon
	}
}

// AdamStep are the coefficients of one step of Adam. What depends on the step's
// number, as the bias corrections do, is in them already.
type AdamStep struct {
	LR           float32 // times m: the learning rate, corrected for the step's number
	Look         float32 // times g: NAdam's look ahead, 0 for Adam
	Epsilon      float32 // is added to √v
	Beta1, Beta2 float32 // shares of the old m and v in the new ones
	Rest1, Rest2 float32 // shares of g and g² in the new m and v: 1-Beta1 and 1-Beta2
	Decay        float32 // share of w that is taken away: AdamW's decay of the weights
}

// Adam computes (Kingma and Ba 2014; with Look, Dozat 2016; with Decay,
// Loshchilov and Hutter 2017)
//
//	m[i] = Beta1·m[i] + Rest1·g[i]
//	v[i] = Beta2·v[i] + Rest2·g[i]²
//	w[i] -= Decay·w[i]
//	w[i] -= (LR·m[i] + Look·g[i]) / (√v[i] + Epsilon)
func Adam(w, g, m, v []float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	h := head(w)
	if len(h) > 0 {
		vectors.adam(h, g, m, v, s.LR, s.Look, s.Epsilon, s.Beta1, s.Beta2, s.Rest1, s.Rest2, s.Decay)
	}
	for i := len(h); i < len(w); i++ {
		m[i] = flush(float32(s.Beta1*m[i])+float32(s.Rest1*g[i]), smallMean)
		v[i] = flush(float32(s.Beta2*v[i])+float32(s.Rest2*g[i]*g[i]), smallSquare)
		w[i] -= float32(s.Decay * w[i])
		w[i] -= (float32(s.LR*m[i]) + float32(s.Look*g[i])) / (float32(math.Sqrt(float64(v[i]))) + s.Epsilon)
	}
}

// LionStep are the coefficients of one step of Lion.
type LionStep struct {
	LR           float32 // length of the step of every weight
	Beta1, Beta2 float32 // shares of m in what decides the step's sign, and in the new m
	Rest1, Rest2 float32 // shares of g in the same two sums: 1-Beta1 and 1-Beta2
	Decay        float32 // share of w that is taken away
}

// Lion computes (Chen et al. 2023)
//
//	c = Beta1·m[i] + Rest1·g[i]
//	w[i] -= Decay·w[i]
//	w[i] -= LR·sign(c)
//	m[i] = Beta2·m[i] + Rest2·g[i]
//
// where the sign of 0 and of NaN is 0. A step has the same length LR for every
// weight; the gradient chooses its direction alone. m changes last, as c is of the
// old one.
func Lion(w, g, m []float32, s LionStep) {
	g, m = g[:len(w)], m[:len(w)]
	h := head(w)
	if len(h) > 0 {
		vectors.lion(h, g, m, s.LR, s.Beta1, s.Beta2, s.Rest1, s.Rest2, s.Decay)
	}
	for i := len(h); i < len(w); i++ {
		var step float32
		switch c := float32(s.Beta1*m[i]) + float32(s.Rest1*g[i]); {
		case c > 0:
			step = s.LR
		case c < 0:
			step = -s.LR
		}
		w[i] -= float32(s.Decay * w[i])
		w[i] -= step
		m[i] = flush(float32(s.Beta2*m[i])+float32(s.Rest2*g[i]), smallMean)
	}
}
