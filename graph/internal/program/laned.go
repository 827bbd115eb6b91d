package program

import (
	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// laned is a kernel that runs a batch lane by lane: a copy of the kernel for each lane,
// on that lane's samples of operands, result and gradients, which lie one behind the
// other. What is no sample's, is the lanes' sum by their tree: a loss, gradients of
// parameters, running statistics. So its bits are those of the lanes by themselves.
//
//	x    │ lane 0 │ lane 1 │ lane 2 │        a copy of the kernel takes each
//	w      the same for all
//	dw     lane 0, + lane 1, + lane 2         levels of the tree
//
// Where w is not bound, but made of parameters by a step, dw has a part for each lane:
// that step's Backward runs for each of them, and what it gives is added up.
//
// State is what Forward moves, as running statistics are: each lane begins with it as it
// was before the run, and it is left as the sum of what the lanes make of it.
type laned[T cpu.Float] struct {
	lanes []Kernel[T]
	at    []int // the first sample of each lane, and the end

	// Elements that a sample has: of operands and their gradients, 0 for those that are
	// shared, and of the result and its gradient, 0 for a sum.
	in, dIn []int
	out, dy int
	each    []int // elements that a lane has of an operand's gradient, see cutter; 0 for others
	state   []int // operands that Forward changes

	memory    *treeMemory[T]
	levels    [2][][][]T // of Forward and of Backward: a level of the tree, and its vectors
	old       [][]T      // the state before the run
	y, d      []T        // of the run: the result, or its gradient
	ins, dIns [][]T
	laneIn    [][]T // what a lane's copy is handed
	laneDIn   [][]T

	forward, backward func(lane, level int) // methods, made once
	add               [2]func(level int)
	sum               *kernel.Adder[T]
}

// lanes returns what runs a step lane by lane, nil if its kernel has no lanes for these
// operands.
func (c *cutter[T]) lanes(s *Step[T], k Laned, without []bool) *laned[T] {
	l := c.newLaned(len(s.In))
	l.out = c.sample(s.Out)
	for i, v := range s.In {
		l.in[i] = c.sample(v)
	}
	for i, n := range c.sizes {
		lane, ok := k.Lane(i, n, c.of, without)
		if !ok {
			return nil
		}
		l.at = append(l.at, l.at[i]+n)
		l.lanes = append(l.lanes, lane.(Kernel[T]))
		if s.placed {
			lane.(placed).Place(c.ofLane(layouts(s.In), l.in, n), c.ofLane([]pixel.Layout{s.Out.Layout}, []int{l.out}, n)[0])
		}
		if f, ok := lane.(Follower); ok && i > 0 {
			f.Follow(l.lanes[0])
		}
	}
	size := 1 // of what Forward sums: the loss, and state
	if k, ok := s.Kernel.(Stateful); ok {
		for _, operand := range k.State() {
			l.state = append(l.state, operand)
			size += s.In[operand].size()
		}
	}
	l.memory.plan((1 + cpu.TreeDepth(len(c.sizes))) * size)
	return l
}

// newLaned returns one without lanes, for a kernel of so many operands.
func (c *cutter[T]) newLaned(operands int) *laned[T] {
	l := &laned[T]{
		at: []int{0}, memory: c.memory, sum: kernel.NewAdder[T](),
		in: make([]int, operands), dIn: make([]int, operands), each: make([]int, operands),
		laneIn: make([][]T, operands), laneDIn: make([][]T, operands),
	}
	l.forward, l.backward = l.forwardLane, l.backwardLane
	l.add = [2]func(int){func(level int) { l.addLevel(0, level) }, func(level int) { l.addLevel(1, level) }}
	return l
}

// ofLane are the layouts of a lane of n samples: those of values that have samples.
func (c *cutter[T]) ofLane(all []pixel.Layout, sample []int, n int) []pixel.Layout {
	for i := range all {
		if sample[i] > 0 {
			all[i].N = all[i].N / c.of * n
		}
	}
	return all
}

// Forward runs the lanes forward.
func (l *laned[T]) Forward(y []T, in [][]T) {
	l.y, l.ins = y, in
	to := l.top(0, len(l.state)+1)
	for i, operand := range l.state {
		to[i] = in[operand]
	}
	if l.out == 0 {
		to[len(l.state)] = y
	}
	l.reserve(0, l.state, in)
	for i := range l.old {
		copy(l.old[i], to[i])
	}
	cpu.Tree(0, len(l.lanes), 0, l.forward, l.add[0])
}

// forwardLane runs a lane forward. What is summed goes to a level of the tree.
func (l *laned[T]) forwardLane(lane, level int) {
	to := l.levels[0][level]
	l.operands(lane, l.ins)
	for i, operand := range l.state {
		copy(to[i], l.old[i])
		l.laneIn[operand] = to[i]
	}
	y := to[len(l.state)]
	if l.out > 0 {
		y = l.y[l.at[lane]*l.out : l.at[lane+1]*l.out]
	}
	l.lanes[lane].Forward(y, l.laneIn)
}

// operands sets laneIn to a lane's operands.
func (l *laned[T]) operands(lane int, in [][]T) {
	for i, v := range in {
		if n := l.in[i]; n > 0 {
			v = v[l.at[lane]*n : l.at[lane+1]*n]
		}
		l.laneIn[i] = v
	}
}

// Backward runs the lanes backward.
func (l *laned[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	l.dIns, l.d, l.ins = dIn, dy, in
	to := l.top(1, len(dIn))
	for i, d := range dIn {
		if to[i] = d; l.dIn[i] > 0 || l.each[i] > 0 {
			to[i] = nil
		}
	}
	l.reserve(1, nil, nil)
	cpu.Tree(0, len(l.lanes), 0, l.backward, l.add[1])
}

// backwardLane runs a lane backward.
//
// A kernel that does not read operands gets them all the same, whoever's they are by
// now: so it is without lanes too.
func (l *laned[T]) backwardLane(lane, level int) {
	to, lo, hi := l.levels[1][level], l.at[lane], l.at[lane+1]
	l.operands(lane, l.ins)
	for i, d := range l.dIns {
		switch n := l.dIn[i]; {
		case d == nil:
			l.laneDIn[i] = nil
		case n > 0:
			l.laneDIn[i] = d[lo*n : hi*n]
		case l.each[i] > 0:
			l.laneDIn[i] = d[lane*l.each[i]:][:l.each[i]]
		default:
			l.laneDIn[i] = to[i]
		}
	}
	dy := l.d
	if l.dy > 0 {
		dy = dy[lo*l.dy : hi*l.dy]
	}
	l.lanes[lane].Backward(l.laneDIn, dy, l.laneIn)
}

// addLevel adds the vectors of the next level to those of one.
func (l *laned[T]) addLevel(way, level int) {
	next := l.levels[way][level+1]
	for i, to := range l.levels[way][level] {
		if len(to) > 0 {
			l.sum.Add(to, next[i])
		}
	}
}

// top is the first level of the tree, whose vectors are the results' own memory.
func (l *laned[T]) top(way, vectors int) [][]T {
	if l.levels[way] == nil {
		l.levels[way] = [][][]T{make([][]T, vectors)}
	}
	return l.levels[way][0]
}

// reserve makes the other levels, and room for the state as it was, when the first run
// shows how large they are.
func (l *laned[T]) reserve(way int, state []int, in [][]T) {
	levels := l.levels[way]
	if len(levels) > 1 {
		return
	}
	l.memory.begin()
	for _, operand := range state {
		l.old = append(l.old, l.memory.take(len(in[operand])))
	}
	for range cpu.TreeDepth(len(l.lanes)) {
		level := make([][]T, len(levels[0]))
		for i, to := range levels[0] {
			level[i] = l.memory.take(len(to))
		}
		l.levels[way] = append(l.levels[way], level)
	}
}

// treeMemory is the memory of the trees' levels. Kernels run one after the other, and
// nobody reads what they leave there, so that all of them have the same.
type treeMemory[T cpu.Float] struct {
	data       []T
	size, used int
}

// plan makes sure that there will be so many elements.
func (m *treeMemory[T]) plan(size int) { m.size = max(m.size, size) }

// begin gives all of it to the next kernel, and take returns n more elements.
func (m *treeMemory[T]) begin() {
	if m.used = 0; m.data == nil {
		m.data = make([]T, m.size)
	}
}

func (m *treeMemory[T]) take(n int) []T {
	m.used += n
	return m.data[m.used-n : m.used : m.used]
}

// ForwardOnly tells the copies whether a Backward follows.
func (l *laned[T]) ForwardOnly(on bool) {
	for _, lane := range l.lanes {
		if k, ok := lane.(Forgetful); ok {
			k.ForwardOnly(on)
		}
	}
}

// AddsTo makes the copies add the gradient of an operand to what is there. It reports
// false for a sum over lanes, whose memory the tree uses.
func (l *laned[T]) AddsTo(operand int) bool {
	if l.dIn[operand] == 0 {
		return false
	}
	for i, lane := range l.lanes {
		k, ok := lane.(Adding)
		if ok = ok && k.AddsTo(operand); !ok && i > 0 {
			panic("program: some lanes add a gradient, others cannot")
		} else if !ok {
			return false
		}
	}
	return true
}

// Replaces reports whether the copies may write the gradient of an operand over the one
// that they begin with: each has its own part of both.
func (l *laned[T]) Replaces(operand int) bool {
	for _, lane := range l.lanes {
		if k, ok := lane.(Replacing); !ok || !k.Replaces(operand) {
			return false
		}
	}
	return l.dIn[operand] > 0
}

// Share hands the copies the memory that kernels use by turns.
func (l *laned[T]) Share(s *conv.Shared[T]) {
	for _, lane := range l.lanes {
		if k, ok := lane.(Sharing[T]); ok {
			k.Share(s)
		}
	}
}

// Bytes is what the copies keep.
func (l *laned[T]) Bytes() (n int) {
	for _, lane := range l.lanes {
		if k, ok := lane.(Sized); ok {
			n += k.Bytes()
		}
	}
	return n
}
