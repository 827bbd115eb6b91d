package kernel

import "tapenet/graph/internal/kernel/cpu"

// Gather picks elements, block by block:
//
//	y[n·len(Index)+i] = x[n·Step+Index[i]], or Fill where Index[i] is negative
//
// Step is the size of a block of x, or 0 if all N blocks of y come from one.
// Crops, paddings, flips, transpositions and broadcasts are such picks.
//
//	Index = {2, 0, -1, 2}
//
//	x      │ a b c │ d e f │       Step 3, N 2
//	y      │ c a F c │ f d F f │   F is Fill
//
// An index is below the size of a block; the op has checked that. It is an int32, four
// bytes an element of a block of y, and the same for all blocks: the batch size does not
// make it longer. Copies that have regular distances do without one, see Strided.
type Gather[T cpu.Float] struct {
	N, Step int
	Index   []int32
	Fill    float64

	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewGather returns the kernel for n blocks. It keeps index, which nobody may change
// afterwards; several kernels may share one.
func NewGather[T cpu.Float](n, step int, index []int32, fill float64) *Gather[T] {
	g := &Gather[T]{N: n, Step: step, Index: index, Fill: fill}
	g.forward, g.backward = g.forwardBlocks, g.backwardBlocks
	return g
}

// Forward computes y from in[0].
func (g *Gather[T]) Forward(y []T, in [][]T) {
	g.y, g.x = y, in[0]
	cpu.Parallel(g.N, g.forward)
}

func (g *Gather[T]) forwardBlocks(lo, hi int) {
	for n := lo; n < hi; n++ {
		y, x := g.y[n*len(g.Index):][:len(g.Index)], g.x[n*g.Step:]
		for i, from := range g.Index {
			if from < 0 {
				y[i] = T(g.Fill)
			} else {
				y[i] = x[from]
			}
		}
	}
}

// Backward adds up, for each element of x, the gradients of the places where it
// went. For a block,
//
//	dx[j] = Σ_{i: Index[i] = j} dy[i]
//
// in the order of i, with Step 0 in the order of n first: so goroutines are used for
// blocks that have elements of their own, and never for a sum. An element that was
// picked nowhere has the gradient 0, hence the clear. Fill is a constant: what reached
// it of dy is dropped.
func (g *Gather[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if g.dx, g.dy = dIn[0], dy; g.dx == nil {
		return
	}
	clear(g.dx)
	if g.Step == 0 { // all blocks add to the same elements
		g.backwardBlocks(0, g.N)
		return
	}
	cpu.Parallel(g.N, g.backward)
}

// backwardBlocks adds the gradients of the blocks [lo,hi). One block may read
// an element several times.
func (g *Gather[T]) backwardBlocks(lo, hi int) {
	for n := lo; n < hi; n++ {
		dy, dx := g.dy[n*len(g.Index):], g.dx[n*g.Step:]
		for i, from := range g.Index {
			if from >= 0 {
				dx[from] += dy[i]
			}
		}
	}
}

// Bytes is the size of the index. It counts although the index was handed over: it
// lives as long as the kernel does.
func (g *Gather[T]) Bytes() int { return 4 * len(g.Index) }
