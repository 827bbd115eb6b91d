package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// Add is the sum of any number of operands of one size, y = in[0] + in[1] + ….
//
// The sum goes from the left, ((in[0] + in[1]) + in[2]) + …, each addition rounded
// to T. This order is the same for every tier, thread count and layout, and so are
// the bits. Infinities of both signs give NaN, as IEEE 754 has it.
//
// A graph has two kinds of such sums: shortcuts of residual networks (He et al. 2015),
// and the gradients of a value that several ops read, one operand for each reader.
type Add[T cpu.Float] struct {
	pixels
	more              []pixel.Layout // of the operands behind the first two
	operands          int
	y, dy             []T
	in, dIn           [][]T
	forward, backward func(lo, hi int)
}

// NewAdd returns the kernel for so many operands.
func NewAdd[T cpu.Float](operands int) *Add[T] {
	a := &Add[T]{operands: operands}
	a.forward, a.backward = a.forwardBlocks, a.backwardRange
	return a
}

// addBlock is the number of elements that are worked on at a time, in cache: in
// float32 a block of y and one of an operand take 8 KiB each, in float64 16 KiB.
const addBlock = 2048

// Forward computes y, block by block: a block stays in the cache while the
// operands are added to it one after the other, in their order.
//
//	          block 0        block 1
//	in[0]   ├─────────────┼─────────────┼──
//	in[1]   ├─────────────┼─────────────┼──   y₀ = in[0] + in[1], then y₀ += in[2],
//	in[2]   ├─────────────┼─────────────┼──   then the same for y₁
//
// With whole operands one after the other, y would go to memory and back for every
// operand behind the second.
func (a *Add[T]) Forward(y []T, in [][]T) {
	a.y, a.in = y, in
	if a.out.Last {
		cpu.Parallel(a.lines(), a.do.forward)
		return
	}
	cpu.Parallel((len(y)+addBlock-1)/addBlock, a.forward)
}

// forwardBlocks sums the blocks [lo,hi). The last block of y may be short: y has the
// right length, and the loops of vector cut the operands to it.
func (a *Add[T]) forwardBlocks(lo, hi int) {
	for i := lo * addBlock; i < min(hi*addBlock, len(a.y)); i += addBlock {
		y := a.y[i:min(i+addBlock, len(a.y))]
		if len(a.in) == 1 {
			copy(y, a.in[0][i:])
			continue
		}
		vector.AddTo(y, a.in[0][i:], a.in[1][i:])
		for _, x := range a.in[2:] {
			vector.Add(y, x[i:])
		}
	}
}

// Backward copies dy to the gradient of every operand: ∂y[i]/∂in[k][i] is 1, so that
// each operand's gradient is dy itself. Each one gets a copy in memory of its own.
//
// One loop does for all layouts. Gradients have no border, so that in each of them
// pixel p of channel c has the same index as in dy, channels last or not.
func (a *Add[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	a.dIn, a.dy = dIn, dy
	cpu.Parallel(len(dy), a.backward)
}

func (a *Add[T]) backwardRange(lo, hi int) {
	for _, dx := range a.dIn {
		if dx != nil {
			copy(dx[lo:hi], a.dy[lo:hi])
		}
	}
}
