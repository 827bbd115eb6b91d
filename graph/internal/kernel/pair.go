package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// Pair computes every element of its result from the same element of two operands,
//
//	y[i] = f(a[i], b[i])      da[i] = dy[i]·∂f/∂a      db[i] = dy[i]·∂f/∂b
//
// by loops over stretches of memory. All have one size. It keeps nothing: Backward reads
// the operands again. A loop must make 0 of zeros, forward and backward, as the channels
// that fill pixels up are zero.
type Pair[T cpu.Float] struct {
	loops PairLoops[T]
	pixels
	y, a, b, dy       []T
	dIn               [][]T
	forward, backward func(lo, hi int)
}

// PairLoops are the loops of a [Pair]. Slices have one length. One of da and db may be
// nil.
type PairLoops[T cpu.Float] struct {
	Forward  func(y, a, b []T)
	Backward func(da, db, dy, a, b []T)
}

// NewPair returns the kernel.
func NewPair[T cpu.Float](l PairLoops[T]) *Pair[T] {
	p := &Pair[T]{loops: l}
	p.forward, p.backward = p.forwardRange, p.backwardRange
	return p
}

// Forward computes y from in[0] and in[1].
func (p *Pair[T]) Forward(y []T, in [][]T) {
	p.y, p.a, p.b = y, in[0], in[1]
	if p.out.Last {
		cpu.Parallel(p.lines(), p.do.forward)
		return
	}
	cpu.Parallel(len(y), p.forward)
}

func (p *Pair[T]) forwardRange(lo, hi int) {
	p.loops.Forward(p.y[lo:hi], p.a[lo:hi], p.b[lo:hi])
}

// Backward computes the gradients that are not nil.
func (p *Pair[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	p.dIn, p.dy, p.a, p.b = dIn, dy, in[0], in[1]
	switch {
	case dIn[0] == nil && dIn[1] == nil:
	case p.out.Last:
		cpu.Parallel(p.lines(), p.do.backward)
	default:
		cpu.Parallel(len(dy), p.backward)
	}
}

func (p *Pair[T]) backwardRange(lo, hi int) {
	p.loops.Backward(cut(p.dIn[0], lo, hi), cut(p.dIn[1], lo, hi), p.dy[lo:hi], p.a[lo:hi], p.b[lo:hi])
}

// cut is the part [lo,hi) of x, nil if x is.
func cut[T cpu.Float](x []T, lo, hi int) []T {
	if x == nil {
		return nil
	}
	return x[lo:hi]
}

// LayBack takes two images channels last if one of them lies so.
func (p *Pair[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return alike(in)
}

// Place tells the layouts.
func (p *Pair[T]) Place(in []pixel.Layout, out pixel.Layout) {
	p.place(in, out, p.forwardLines, p.backwardLines)
}

func (p *Pair[T]) forwardLines(lo, hi int) {
	p.forth(lo, hi, func(y, a, b, n int) { p.loops.Forward(p.y[y:y+n], p.a[a:a+n], p.b[b:b+n]) })
}

func (p *Pair[T]) backwardLines(lo, hi int) {
	p.back(lo, hi, func(d, a, b, n int) {
		p.loops.Backward(cut(p.dIn[0], d, d+n), cut(p.dIn[1], d, d+n), p.dy[d:d+n], p.a[a:a+n], p.b[b:b+n])
	})
}

// Lastly returns the kernel for images channels last.
func (p *Pair[T]) Lastly() (last any, ok bool) {
	loop := func(y []T, x [][]T) { p.loops.Forward(y, x[0][:len(y)], x[1][:len(y)]) }
	return &Pixelwise[T]{plain: p, images: 2, elements: loop}, true
}

// Apart: element by element, samples do not meet.
func (p *Pair[T]) Apart(int, []int) bool { return true }

// NewCombine returns the kernel of α·a + β·b. The factors are read at every run.
func NewCombine[T cpu.Float](alpha, beta *float64) *Pair[T] {
	return NewPair(PairLoops[T]{
		Forward: func(y, a, b []T) {
			p, q := T(*alpha), T(*beta)
			a, b = a[:len(y)], b[:len(y)]
			for i, v := range a {
				y[i] = T(p*v) + T(q*b[i])
			}
		},
		Backward: func(da, db, dy, _, _ []T) {
			p, q := T(*alpha), T(*beta)
			for i := range da {
				da[i] = p * dy[i]
			}
			for i := range db {
				db[i] = q * dy[i]
			}
		},
	})
}
