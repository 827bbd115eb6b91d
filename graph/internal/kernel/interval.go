package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// This file has what interval bounds (Gowal et al. 2018) need beside the ops of the
// network itself. An interval [c-r, c+r] is two tensors of one shape, its centre c and its
// radius r, which is not negative.

// NewReLUInterval returns the kernel of what max(x,0) makes of an interval: of its
// centre, or its radius. Operands are c and r. With the lower bound c-r and the upper
// bound c+r, and h = ½·(c+r),
//
//	centre  ½·(max(c+r,0) + max(c-r,0)) = max(c, h, 0)
//	radius  ½·(max(c+r,0) - max(c-r,0)) = max(min(r, h), 0)
//
// The forms on the right are exact where the interval does not hold 0: there the result is
// the operand itself, or 0. Both gradients are mixed from the two of [ReLU]:
//
//	          0 below the bounds   0 inside   0 above them
//	∂c'/∂c, ∂r'/∂r    1               ½            0
//	∂c'/∂r, ∂r'/∂c    0               ½            0
func NewReLUInterval[T cpu.Float](radius bool) *Pair[T] {
	if radius {
		return NewPair(PairLoops[T]{
			Forward:  vector.ReLURadius[T],
			Backward: func(dc, dr, dy, c, r []T) { vector.ReLUIntervalGrad(dr, dc, dy, c, r) },
		})
	}
	return NewPair(PairLoops[T]{Forward: vector.ReLUCentre[T], Backward: vector.ReLUIntervalGrad[T]})
}

// Ball is the interval of the values that a network may be given in the place of x
// (N,C,Pixels): each as far from x as Epsilon says, and within the limits of its channel.
//
//	lower  max(x - ε·Scale[c], Low[c])      centre  ½·(lower + upper)
//	upper  min(x + ε·Scale[c], High[c])     radius  ½·(upper - lower)
//
// x itself is taken as within the limits. There is no gradient.
type Ball[T cpu.Float] struct {
	C, Pixels        int
	Low, High, Scale []float64 // by channel
	Epsilon          *float64  // read at every run
	Radius           bool      // the result is the radius, else the centre

	y, x []T
	some func(lo, hi int)
}

// Forward computes y, plane by plane.
func (b *Ball[T]) Forward(y []T, in [][]T) {
	if b.some == nil {
		b.some = b.planes
	}
	b.y, b.x = y, in[0]
	cpu.Parallel(len(y)/b.Pixels, b.some)
}

func (b *Ball[T]) planes(lo, hi int) {
	for p := lo; p < hi; p++ {
		c := p % b.C
		reach := T(*b.Epsilon * b.Scale[c])
		low, high := T(b.Low[c]), T(b.High[c])
		y, x := b.y[p*b.Pixels:][:b.Pixels], b.x[p*b.Pixels:][:b.Pixels]
		for i, v := range x {
			lower, upper := min(max(v-reach, low), v), max(min(v+reach, high), v)
			if b.Radius {
				y[i] = (upper - lower) / 2
			} else {
				y[i] = (upper + lower) / 2
			}
		}
	}
}

// Backward has nothing to do.
func (b *Ball[T]) Backward([][]T, []T, [][]T) {}

// Apart: planes do not meet, if a sample is some of them.
func (b *Ball[T]) Apart(out int, _ []int) bool { return out%(b.C*b.Pixels) == 0 }

// Margins bounds by how much a class's logit can exceed that of the label, for a last
// layer z = h·w + bias whose h is within an interval:
//
//	y[n,j] = Σ_k (d·c[n,k] + |d|·r[n,k]) + bias[j] - bias[t],   d = w[k,j] - w[k,t]
//
// with the label t of sample n; y[n,t] is 0. That is the largest value of z[j] - z[t] over
// the interval, which is less than the difference of the bounds of z: the two logits come
// from the same h (Gowal et al. 2018, section 3.2).
//
// Operands are c and r (N,K), the weights w (K,Classes), labels (N), and a bias (Classes)
// or none. Labels have no gradient.
type Margins[T cpu.Float] struct {
	N, K, Classes int
	Bias          bool

	y, dy             []T
	in, dIn           [][]T
	forward           func(lo, hi int)
	samples, features func(lo, hi int)
}

// Forward computes y, sample by sample. Each sum goes over k in order.
func (m *Margins[T]) Forward(y []T, in [][]T) {
	if m.forward == nil {
		m.forward, m.samples, m.features = m.forwardSamples, m.backwardSamples, m.backwardFeatures
	}
	for _, label := range in[3] {
		m.label(label)
	}
	m.y, m.in = y, in
	cpu.Parallel(m.N, m.forward)
}

func (m *Margins[T]) forwardSamples(lo, hi int) {
	for n := lo; n < hi; n++ {
		y, t := m.y[n*m.Classes:][:m.Classes], m.label(m.in[3][n])
		clear(y)
		if m.Bias {
			for j, b := range m.in[4][:m.Classes] {
				y[j] = b - m.in[4][t]
			}
		}
		for k := range m.K {
			w, c, r := m.in[2][k*m.Classes:][:m.Classes], m.in[0][n*m.K+k], m.in[1][n*m.K+k]
			own := w[t]
			for j, v := range w {
				d := v - own
				y[j] += T(d*c) + T(T(math.Abs(float64(d)))*r)
			}
		}
	}
}

// label turns a label into a class, see [CrossEntropy].
func (m *Margins[T]) label(label T) int { return classOf(label, m.Classes) }

// Backward computes, with the sign σ of d,
//
//	dc[n,k] = Σ_j dy[n,j]·d      dw[k,j] += dy[n,j]·(c[n,k] + σ·r[n,k])
//	dr[n,k] = Σ_j dy[n,j]·|d|    dw[k,t] -= the same
//
// skipping what is nil. The gradients of weights are sums over samples in their order.
func (m *Margins[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	m.dy, m.in, m.dIn = dy, in, dIn
	if dIn[0] != nil || dIn[1] != nil {
		cpu.Parallel(m.N, m.samples)
	}
	if dIn[2] != nil {
		cpu.Parallel(m.K, m.features)
	}
	if db := cpu.Operand(dIn, 4); db != nil {
		clear(db)
		for n := range m.N {
			t := m.label(in[3][n])
			for j, g := range dy[n*m.Classes:][:m.Classes] {
				db[j] += g
				db[t] -= g
			}
		}
	}
}

func (m *Margins[T]) backwardSamples(lo, hi int) {
	for n := lo; n < hi; n++ {
		dy, t := m.dy[n*m.Classes:][:m.Classes], m.label(m.in[3][n])
		for k := range m.K {
			w := m.in[2][k*m.Classes:][:m.Classes]
			own := w[t]
			var dc, dr T
			for j, v := range w {
				d := v - own
				dc += T(dy[j] * d)
				dr += T(dy[j] * T(math.Abs(float64(d))))
			}
			if m.dIn[0] != nil {
				m.dIn[0][n*m.K+k] = dc
			}
			if m.dIn[1] != nil {
				m.dIn[1][n*m.K+k] = dr
			}
		}
	}
}

func (m *Margins[T]) backwardFeatures(lo, hi int) {
	for k := lo; k < hi; k++ {
		w, dw := m.in[2][k*m.Classes:][:m.Classes], m.dIn[2][k*m.Classes:][:m.Classes]
		clear(dw)
		for n := range m.N {
			dy, t := m.dy[n*m.Classes:][:m.Classes], m.label(m.in[3][n])
			c, r := m.in[0][n*m.K+k], m.in[1][n*m.K+k]
			own := w[t]
			for j, v := range w {
				if v == own { // d is 0, as that of the label itself is
					dw[j] += T(dy[j] * c)
					dw[t] -= T(dy[j] * c)
					continue
				}
				g := T(dy[j] * (c + T(math.Copysign(float64(r), float64(v-own)))))
				dw[j] += g
				dw[t] -= g
			}
		}
	}
}

// Lane returns the kernel for n of its samples, see [Broadcast].
func (m *Margins[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if m.N != of || shared[0] || shared[1] || !shared[2] || shared[3] {
		return nil, false
	}
	return &Margins[T]{N: n, K: m.K, Classes: m.Classes, Bias: m.Bias}, true
}
