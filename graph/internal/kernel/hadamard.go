package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Hadamard is the product of two operands of one size, element by element:
//
//	y[i] = a[i]·b[i]      da[i] = dy[i]·b[i]      db[i] = dy[i]·a[i]
//
// the product rule, each product rounded once: the bits are the same on all tiers and
// in all layouts. Gates are such products. An operand that repeats along a dimension
// does not have to be written out for one: see Broadcast.
//
// Both operands may be the same slice, for x². Then each gradient is dy·x, and whoever
// runs the graph adds the two. 0 times an infinity is NaN, forward and backward.
type Hadamard[T cpu.Float] struct {
	pixels
	y, a, b, dy       []T
	dIn               [][]T
	forward, backward func(lo, hi int)
}

// NewHadamard returns the kernel.
func NewHadamard[T cpu.Float]() *Hadamard[T] {
	h := &Hadamard[T]{}
	h.forward, h.backward = h.forwardRange, h.backwardRange
	return h
}

// Forward computes y = in[0]·in[1].
func (h *Hadamard[T]) Forward(y []T, in [][]T) {
	h.y, h.a, h.b = y, in[0], in[1]
	if h.out.Last {
		cpu.Parallel(h.lines(), h.do.forward)
		return
	}
	cpu.Parallel(len(y), h.forward)
}

func (h *Hadamard[T]) forwardRange(lo, hi int) {
	vector.Scale(h.y[lo:hi], h.a[lo:hi], h.b[lo:hi])
}

// Backward computes dIn[0] = dy·in[1] and dIn[1] = dy·in[0], skipping those
// that are nil.
func (h *Hadamard[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	h.dIn, h.dy, h.a, h.b = dIn, dy, in[0], in[1]
	if h.out.Last {
		cpu.Parallel(h.lines(), h.do.backward)
		return
	}
	cpu.Parallel(len(dy), h.backward)
}

// backwardRange computes the elements [lo,hi) of both gradients. Each has the other
// operand as its factor.
func (h *Hadamard[T]) backwardRange(lo, hi int) {
	for i, other := range [][]T{h.b, h.a} {
		if h.dIn[i] != nil {
			vector.Scale(h.dIn[i][lo:hi], h.dy[lo:hi], other[lo:hi])
		}
	}
}
