package kernel

// HardSwish is x·min(max(x/6+1/2,0),1) (Howard et al. 2019).
type HardSwish[T Float] struct {
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewHardSwish returns the kernel.
func NewHardSwish[T Float]() *HardSwish[T] {
	h := &HardSwish[T]{}
	h.forward, h.backward = h.forwardRange, h.backwardRange
	return h
}

// Forward computes y from in[0].
func (h *HardSwish[T]) Forward(y []T, in [][]T) {
	h.y, h.x = y, in[0]
	Parallel(len(y), h.forward)
}

func (h *HardSwish[T]) forwardRange(lo, hi int) {
	y := h.y[lo:hi]
	for i, x := range h.x[lo:hi] {
		y[i] = x * within01(x/6+0.5)
	}
}

// Backward computes dIn[0].
func (h *HardSwish[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if h.dx, h.dy, h.x = dIn[0], dy, in[0]; h.dx != nil {
		Parallel(len(dy), h.backward)
	}
}

func (h *HardSwish[T]) backwardRange(lo, hi int) {
	dx, dy := h.dx[lo:hi], h.dy[lo:hi]
	for i, x := range h.x[lo:hi] {
		switch {
		case x <= -3:
			dx[i] = 0
		case x >= 3:
			dx[i] = dy[i]
		default:
			dx[i] = dy[i] * (x/3 + 0.5)
		}
	}
}

// HardSigmoid is min(max(Alpha·x+Beta,0),1).
type HardSigmoid[T Float] struct {
	alpha, beta       T
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewHardSigmoid returns the kernel.
func NewHardSigmoid[T Float](alpha, beta float64) *HardSigmoid[T] {
	h := &HardSigmoid[T]{alpha: T(alpha), beta: T(beta)}
	h.forward, h.backward = h.forwardRange, h.backwardRange
	return h
}

// Forward computes y from in[0].
func (h *HardSigmoid[T]) Forward(y []T, in [][]T) {
	h.y, h.x = y, in[0]
	Parallel(len(y), h.forward)
}

func (h *HardSigmoid[T]) forwardRange(lo, hi int) {
	y := h.y[lo:hi]
	for i, x := range h.x[lo:hi] {
		y[i] = within01(h.alpha*x + h.beta)
	}
}

// Backward computes dIn[0]: Alpha·dy where the result is within its bounds.
func (h *HardSigmoid[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if h.dx, h.dy, h.x = dIn[0], dy, in[0]; h.dx != nil {
		Parallel(len(dy), h.backward)
	}
}

func (h *HardSigmoid[T]) backwardRange(lo, hi int) {
	dx, dy := h.dx[lo:hi], h.dy[lo:hi]
	for i, x := range h.x[lo:hi] {
		if v := h.alpha*x + h.beta; v <= 0 || v >= 1 {
			dx[i] = 0
		} else {
			dx[i] = h.alpha * dy[i]
		}
	}
}

// within01 is min(max(v,0),1). NaN stays NaN.
func within01[T Float](v T) T {
	if v < 0 {
		return 0
	}
	if v > 1 {
		return 1
	}
	return v
}
