package kernel

// Add is the sum of any number of operands of one size; with ReLU, the larger
// of the sum and 0.
type Add[T Float] struct {
	ReLU              bool
	y, dy             []T
	in, dIn           [][]T
	forward, backward func(lo, hi int)
}

// NewAdd returns the kernel.
func NewAdd[T Float](relu bool) *Add[T] {
	a := &Add[T]{ReLU: relu}
	a.forward, a.backward = a.forwardBlocks, a.backwardBlocks
	return a
}

// addBlock is the number of elements that are worked on at a time, in cache.
const addBlock = 2048

func addBlocks(n int) int { return (n + addBlock - 1) / addBlock }

// Forward computes y = in[0] + in[1] + ….
func (a *Add[T]) Forward(y []T, in [][]T) {
	a.y, a.in = y, in
	Parallel(addBlocks(len(y)), a.forward)
}

func (a *Add[T]) forwardBlocks(lo, hi int) {
	for i := lo * addBlock; i < min(hi*addBlock, len(a.y)); i += addBlock {
		y := a.y[i:min(i+addBlock, len(a.y))]
		sumOf(y, a.in, i)
		if a.ReLU {
			relu(y, y)
		}
	}
}

// sumOf sets y to the sum of the operands' elements from i on.
func sumOf[T Float](y []T, in [][]T, i int) {
	copy(y, in[0][i:])
	for _, x := range in[1:] {
		add(y, x[i:])
	}
}

// Backward copies dy to every operand's gradient; with ReLU, 0 where the sum was
// not above 0.
func (a *Add[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	a.dIn, a.dy, a.in = dIn, dy, in
	Parallel(addBlocks(len(dy)), a.backward)
}

func (a *Add[T]) backwardBlocks(lo, hi int) {
	for i := lo * addBlock; i < min(hi*addBlock, len(a.dy)); i += addBlock {
		d := a.dy[i:min(i+addBlock, len(a.dy))]
		for _, dx := range a.dIn {
			if dx == nil {
				continue
			}
			dx = dx[i:][:len(d)]
			if a.ReLU && &d[0] == &a.dy[i] { // the first gradient: the next ones are copies of it
				sumOf(dx, a.in, i)
				reluGrad(dx, d, dx)
				d = dx
			} else {
				copy(dx, d)
			}
		}
	}
}
