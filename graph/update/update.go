// Package update holds the inner loops of optimizers: each changes a parameter
// in one pass over memory, in assembly where the processor has it, shared out
// over the processors. The bits do not depend on how many there are. A tail of
// elements is computed as the others are.
package update

import (
	"fmt"
	"sync"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Average computes a[i] += share·(x[i] - a[i]).
//
// All slices of a function have one length; another is a bug of the caller, and
// panics. That goes for every function here.
func Average(a, x []float32, share float32) { run(job{rule: average, w: a, g: x, lr: share}) }

// Add computes a[i] += x[i].
func Add(a, x []float32) { run(job{rule: add, w: a, g: x}) }

// Scale computes a[i] *= factor.
func Scale(a []float32, factor float32) { run(job{rule: scale, w: a, lr: factor}) }

// TreeHalf is where the tree splits that so many lanes are added up by, see
// [tapenet/graph.Network.Lanes]: at the largest power of two below their number.
func TreeHalf(lanes int) int { return cpu.TreeHalf(lanes) }

// SGD computes w[i] -= lr·g[i].
func SGD(w, g []float32, lr float32) { run(job{rule: sgd, w: w, g: g, lr: lr}) }

// Momentum computes u[i] = momentum·u[i] + g[i] and w[i] -= lr·u[i].
func Momentum(w, g, u []float32, lr, momentum float32) {
	run(job{rule: heavyBall, w: w, g: g, m: u, lr: lr, momentum: momentum})
}

// Nesterov computes u[i] = momentum·u[i] + g[i] and
// w[i] -= lr·(momentum·u[i] + g[i]).
func Nesterov(w, g, u []float32, lr, momentum float32) {
	run(job{rule: nesterov, w: w, g: g, m: u, lr: lr, momentum: momentum})
}

// Normalise divides gradients by their size so far:
// v[i] = beta·v[i] + rest·g[i]² and g[i] /= √v[i] + epsilon.
func Normalise(g, v []float32, beta, rest, epsilon float32) {
	run(job{rule: normalise, w: g, v: v, adam: vector.AdamStep{Beta2: beta, Rest2: rest, Epsilon: epsilon}})
}

// AdamStep are the coefficients of one step of [Adam]. Look is NAdam's look
// ahead and Decay AdamW's shrinking of the weights.
type AdamStep struct{ LR, Look, Epsilon, Beta1, Beta2, Rest1, Rest2, Decay float32 }

// Adam computes
//
//	m[i] = Beta1·m[i] + Rest1·g[i]
//	v[i] = Beta2·v[i] + Rest2·g[i]²
//	w[i] -= Decay·w[i]
//	w[i] -= (LR·m[i] + Look·g[i]) / (√v[i] + Epsilon)
func Adam(w, g, m, v []float32, s AdamStep) {
	run(job{rule: adam, w: w, g: g, m: m, v: v, adam: vector.AdamStep(s)})
}

// LionStep are the coefficients of one step of [Lion].
type LionStep struct{ LR, Beta1, Beta2, Rest1, Rest2, Decay float32 }

// Lion computes
//
//	c = Beta1·m[i] + Rest1·g[i]
//	w[i] -= Decay·w[i]
//	w[i] -= LR·sign(c)
//	m[i] = Beta2·m[i] + Rest2·g[i]
//
// where the sign of 0 is 0.
func Lion(w, g, m []float32, s LionStep) {
	run(job{rule: lion, w: w, g: g, m: m, lion: vector.LionStep(s)})
}

// job is one update.
type job struct {
	rule         func(j *job, lo, hi int)
	w, g, m, v   []float32
	adam         vector.AdamStep
	lion         vector.LionStep
	lr, momentum float32
}

func average(j *job, lo, hi int) { vector.Average(j.w[lo:hi], j.g[lo:hi], j.lr) }

func add(j *job, lo, hi int) { vector.Add(j.w[lo:hi], j.g[lo:hi]) }

func scale(j *job, lo, hi int) { vector.ScaleBy(j.w[lo:hi], j.w[lo:hi], j.lr) }

func sgd(j *job, lo, hi int) { vector.SGD(j.w[lo:hi], j.g[lo:hi], j.lr) }

func heavyBall(j *job, lo, hi int) {
	vector.Momentum(j.w[lo:hi], j.g[lo:hi], j.m[lo:hi], j.lr, j.momentum)
}

func nesterov(j *job, lo, hi int) {
	vector.Nesterov(j.w[lo:hi], j.g[lo:hi], j.m[lo:hi], j.lr, j.momentum)
}

func normalise(j *job, lo, hi int) {
	vector.Normalise(j.w[lo:hi], j.v[lo:hi], j.adam.Beta2, j.adam.Rest2, j.adam.Epsilon)
}

func adam(j *job, lo, hi int) { vector.Adam(j.w[lo:hi], j.g[lo:hi], j.m[lo:hi], j.v[lo:hi], j.adam) }

func lion(j *job, lo, hi int) { vector.Lion(j.w[lo:hi], j.g[lo:hi], j.m[lo:hi], j.lion) }

// shared is a job with the function that Parallel calls: made once and reused,
// so that an update allocates nothing.
type shared struct {
	job
	part func(lo, hi int)
}

var idle = sync.Pool{New: func() any {
	s := &shared{}
	s.part = func(lo, hi int) { s.rule(&s.job, lo, hi) }
	return s
}}

// small is the number of elements up to which waking a worker does not pay.
const small = 1 << 13

func run(j job) {
	for _, x := range [][]float32{j.g, j.m, j.v} {
		if x != nil && len(x) != len(j.w) {
			panic(fmt.Sprintf("update: slices of %d and %d elements, want one length", len(j.w), len(x)))
		}
	}
	s := idle.Get().(*shared)
	s.job = j
	if len(j.w) <= small {
		s.part(0, len(j.w))
	} else {
		cpu.Parallel(len(j.w), s.part)
	}
	s.job = job{}
	idle.Put(s)
}
