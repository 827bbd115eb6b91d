package kernel

import "tapenet/graph/internal/kernel/cpu"

// Across applies a function of several numbers along one axis of a tensor
// (Outer,Size,Inner):
//
//	y[o,i] = F(x[o,0,i], x[o,1,i], …)      dx[o,·,i] = dy[o,i]·D(x[o,·,i])
//
// The functions compute in float64 whatever T is, and are safe for concurrent use. D
// sets its second argument, which is zero, to F's derivatives; nil stands for a
// function without any, such as a comparison.
type Across[T cpu.Float] struct {
	Outer, Size, Inner int
	F                  func(x []float64) float64
	D                  func(x, d []float64)

	y, x, dx, dy      []T
	row, d            []float64 // of each outer position, as those are shared out
	forward, backward func(lo, hi int)
}

// Forward computes y from in[0].
func (a *Across[T]) Forward(y []T, in [][]T) {
	if a.forward == nil {
		a.forward, a.backward = a.forwardOuter, a.backwardOuter
		a.row, a.d = make([]float64, a.Outer*a.Size), make([]float64, a.Outer*a.Size)
	}
	a.y, a.x = y, in[0]
	cpu.Parallel(a.Outer, a.forward)
}

// gather reads the numbers at one position.
func (a *Across[T]) gather(row []float64, o, i int) {
	at := o*a.Size*a.Inner + i
	for k := range row {
		row[k] = float64(a.x[at])
		at += a.Inner
	}
}

func (a *Across[T]) forwardOuter(lo, hi int) {
	for o := lo; o < hi; o++ {
		row := a.row[o*a.Size:][:a.Size]
		for i := range a.Inner {
			a.gather(row, o, i)
			a.y[o*a.Inner+i] = T(a.F(row))
		}
	}
}

// Backward computes dIn[0].
func (a *Across[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if a.dx, a.dy, a.x = dIn[0], dy, in[0]; a.dx == nil {
		return
	}
	if a.D == nil {
		clear(a.dx)
		return
	}
	cpu.Parallel(a.Outer, a.backward)
}

func (a *Across[T]) backwardOuter(lo, hi int) {
	for o := lo; o < hi; o++ {
		row, d := a.row[o*a.Size:][:a.Size], a.d[o*a.Size:][:a.Size]
		for i := range a.Inner {
			a.gather(row, o, i)
			clear(d)
			a.D(row, d)
			at, dy := o*a.Size*a.Inner+i, float64(a.dy[o*a.Inner+i])
			for _, v := range d {
				a.dx[at] = T(dy * v)
				at += a.Inner
			}
		}
	}
}

// Bytes is the memory that the kernel keeps.
func (a *Across[T]) Bytes() int { return 8 * (len(a.row) + len(a.d)) }
