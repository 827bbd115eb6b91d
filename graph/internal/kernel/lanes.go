package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// A batch may be cut into lanes, which are to get the bits that each would get in a run
// of its own (package train has the reasons). A kernel says here which way it goes:
//
//	Apart    what it computes for a sample depends on that sample alone, forward and
//	         backward: it takes the whole batch at once
//	Lane     it sums over samples, or draws random numbers: it has a copy for each lane
//	Lanes    likewise, but one kernel takes all lanes at once (lanedmul.go)
//
// All samples of a tensor have as many elements, and lie one behind the other:
//
//	│ sample 0 │ sample 1 │ …      out elements each of the result, in[i] of operand i
//
// Apart is asked with these numbers, and whether the kernel leaves samples in their
// places is a part of the answer: a transposition of samples does not. It is only asked
// where all operands have samples.

// Apart: element by element, samples do not meet.
func (r *ReLU[T]) Apart(int, []int) bool       { return true }
func (a *Activation[T]) Apart(int, []int) bool { return true }
func (h *Hadamard[T]) Apart(int, []int) bool   { return true }
func (a *Add[T]) Apart(int, []int) bool        { return true }
func (t *Turn[T]) Apart(int, []int) bool       { return true }
func (Copy[T]) Apart(int, []int) bool          { return true }

// Apart: rows do not meet, if a sample is some of them.
func (s *SoftMax[T]) Apart(out int, _ []int) bool    { return out%s.Classes == 0 }
func (l *LogSoftMax[T]) Apart(out int, _ []int) bool { return out%l.Classes == 0 }

// Apart: planes do not meet, if a sample is some of them.
func (m *MaxPool2D[T]) Apart(out int, _ []int) bool { return out%(m.OH*m.OW) == 0 }
func (a *AvgPool2D[T]) Apart(out int, _ []int) bool { return out%(a.OH*a.OW) == 0 }
func (t *Transpose[T]) Apart(out int, _ []int) bool { return out%(t.Rows*t.Cols) == 0 }
func (p *PadImage[T]) Apart(out int, _ []int) bool {
	h, w := p.size()
	return out%(h*w) == 0
}

// Apart: blocks do not meet, if a sample is some of them.
func (p *Patches[T]) Apart(out int, _ []int) bool     { return out%(p.C*p.H*p.W) == 0 }
func (p *PadChannels[T]) Apart(out int, _ []int) bool { return out%p.To == 0 }
func (p *PickChannels[T]) Apart(out int, _ []int) bool {
	return out%(len(p.Channels)*p.Size) == 0
}
func (c *Concat[T]) Apart(out int, _ []int) bool {
	size := 0
	for _, b := range c.Blocks {
		size += b
	}
	return out%size == 0
}

// Apart: a sample is some blocks, each of which comes from one of its own.
func (g *Gather[T]) Apart(out int, in []int) bool {
	blocks := out / len(g.Index)
	return blocks*len(g.Index) == out && g.Step > 0 && in[0] == blocks*g.Step
}

// Apart: the dimensions of the samples come first, with steps from sample to sample, and
// what the others reach stays within a sample of x.
func (s *Strided[T]) Apart(out int, in []int) bool {
	size, reach, k := 1, s.from, len(s.shape)
	for ; k > 0 && size < out; k-- {
		size *= s.shape[k-1]
		reach += (s.shape[k-1] - 1) * s.steps[k-1]
	}
	if size != out || reach >= in[0] {
		return false
	}
	step := in[0]
	for ; k > 0; k-- {
		if s.shape[k-1] > 1 && s.steps[k-1] != step {
			return false
		}
		step *= s.shape[k-1]
	}
	return true
}

// Apart: the dimensions of the samples do not move.
func (r *Roll[T]) Apart(out int, _ []int) bool {
	size, k := 1, len(r.dims)
	for ; k > 0 && size < out; k-- {
		size *= r.dims[k-1].size
	}
	for _, d := range r.dims[:k] {
		if d.shift != 0 {
			return false
		}
	}
	return size == out
}

// Apart: each pair of matrices, and its product, lies within the parts of one sample. As
// many pairs belong to each sample, in the order of the samples.
func (g *BatchMul[T]) Apart(out int, in []int) bool {
	each := out / (g.M * g.N)
	if each*g.M*g.N != out {
		return false
	}
	within := func(m Matrices, rows, cols, size int) bool {
		if m.Turned {
			rows, cols = cols, rows
		}
		for i, at := range m.At {
			first := i / each * size
			if at < first || at+(rows-1)*m.Stride+cols > first+size {
				return false
			}
		}
		return true
	}
	return within(g.A, g.M, g.K, in[0]) && within(g.B, g.K, g.N, in[1]) && within(g.Y, g.M, g.N, out)
}

// Apart: each sample has an s of its own, whose sums are over that sample.
func (b *Broadcast[T]) Apart(out int, in []int) bool {
	size := 1
	for _, d := range b.shape {
		size *= d
	}
	return b.shape[0]*out == size && b.with[0] == b.shape[0] && in[1]*b.with[0] == b.size
}

// Lane returns the kernel for n of its samples, of which there are of in all: lane i. Of
// the operands shared says which have no samples, as parameters. ok is false if samples
// are not what the kernel counts first.
//
// It shares nothing with its receiver, and needs to be placed as that is.
func (b *Broadcast[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if shared[0] || !shared[1] || b.shape[0] != of || b.with[0] != 1 {
		return nil, false
	}
	return NewBroadcast[T](b.multiply, append([]int{n}, b.shape[1:]...), b.with), true
}

// Lane is that of [Broadcast]. The running statistics are operands, see State.
func (b *BatchNorm[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if b.N != of || !parameters(shared) {
		return nil, false
	}
	return &BatchNorm[T]{N: n, C: b.C, Pixels: b.Pixels, Epsilon: b.Epsilon, Momentum: b.Momentum, Training: b.Training, ReLU: b.ReLU}, true
}

// State lists the operands that Forward changes: each lane begins with them as they were.
func (b *BatchNorm[T]) State() []int {
	if !b.Training {
		return nil
	}
	return []int{3, 4}
}

// parameters reports whether the first operand alone has samples.
func parameters(shared []bool) bool {
	for i, s := range shared {
		if s != (i > 0) {
			return false
		}
	}
	return true
}

// Lane is that of [Broadcast], with as many rows to each sample.
func (l *LayerNorm[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if l.N%of > 0 || !parameters(shared) {
		return nil, false
	}
	return &LayerNorm[T]{N: l.N / of * n, Size: l.Size, Epsilon: l.Epsilon}, true
}

// Lane is that of [Broadcast]. Lane i draws as a run of its own would, whose step is i
// further on.
func (d *Dropout[T]) Lane(i, _, _ int, _ []bool) (lane any, ok bool) {
	return &Dropout[T]{Rate: d.Rate, Seed: d.Seed, Step: d.Step, Ahead: d.Ahead + uint64(i)}, true
}

// Lane is that of [Broadcast]. Each lane has a loss, and with Sum unset a mean, of its
// own.
func (c *CrossEntropy[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if c.N != of || shared[0] || shared[1] || shared[2] {
		return nil, false
	}
	return &CrossEntropy[T]{N: n, Classes: c.Classes, Smoothing: c.Smoothing, Exponent: c.Exponent, Gamma: c.Gamma, Sum: c.Sum}, true
}

// Lane is that of [CrossEntropy].
func (m *MSE[T]) Lane(_, n, of int, shared []bool) (lane any, ok bool) {
	if m.N != of || shared[0] || shared[1] || shared[2] {
		return nil, false
	}
	return &MSE[T]{N: n, Size: m.Size}, true
}

// Repeatable: a program may run Backward for each lane where no operand has samples.
func (g *Gather[T]) Repeatable() bool { return true }
func (m *Mul[T]) Repeatable() bool    { return !m.ReLU }

// Adder adds vectors, shared out over the processors. It serves one goroutine at a time.
type Adder[T cpu.Float] struct {
	to, from []T
	some     func(lo, hi int)
}

// NewAdder returns one.
func NewAdder[T cpu.Float]() *Adder[T] {
	a := &Adder[T]{}
	a.some = a.part
	return a
}

// fewToAdd is the number of elements up to which waking another goroutine does not
// pay.
const fewToAdd = 1 << 13

// Add adds the elements of from to those of to.
func (a *Adder[T]) Add(to, from []T) {
	if len(to) <= fewToAdd {
		vector.Add(to, from)
		return
	}
	a.to, a.from = to, from
	cpu.Parallel(len(to), a.some)
}

func (a *Adder[T]) part(lo, hi int) { vector.Add(a.to[lo:hi], a.from[lo:hi]) }
