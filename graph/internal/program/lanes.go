package program

import (
	"errors"
	"fmt"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// cut makes the program one of lanes: a batch whose samples are cut into groups, each
// with the bits that it would get in a run of its own. What a run has for the batch, a
// sum over samples, is afterwards the lanes' sum by their tree (cpu.Tree).
//
// Every value is one of three kinds, and what a step does follows from its operands':
//
//	samples   a part for each sample, one behind the other: x, its results, their gradients
//	shared    the same for all lanes: parameters, constants
//	summed    the tree's sum of what the lanes have: the loss, gradients of what is shared
//	each      a part for each lane, one behind the other: gradients of what is made of
//	          shared values by steps, as filters may be of weights
//
//	w shared ───────┐                   ┌──▶ dw summed
//	x samples ──▶ Mul ──▶ y samples    MulGrad ──▶ dx samples
//
//	w shared ──▶ Gather ──▶ filters shared ──▶ Conv2d ──▶ …
//	     dw summed ◀── GatherGrad ◀── dfilters each ◀── Conv2dGrad ◀── …
//
// A kernel that keeps samples apart runs as it is, forward and backward. One that does
// not is exchanged: by one that takes all lanes, or by laned, which runs a copy for each.
// Where there is none, and where a step reads what is summed, there is no program in
// lanes: a lane's own sum is not what it would see. That is an error, which says where.
//
// It follows lay: layouts are known, and samples lie one behind the other in each.
func (p *Program[T]) cut(sizes []int) error {
	c := cutter[T]{sizes: sizes, kinds: map[*Value[T]]kind{}, exchanged: map[Kernel[T]]*exchange[T]{}, memory: &p.lanes}
	for _, n := range sizes {
		c.of += n
	}
	for _, s := range p.steps {
		do := c.forward
		if s.Dy != nil {
			do = c.backward
		}
		if err := do(s); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// kind is what a value has of a batch's samples.
type kind int

const (
	shared kind = iota
	samples
	summed
	each
)

// cutter is the state of the pass.
type cutter[T cpu.Float] struct {
	sizes     []int // samples of each lane
	of        int   // of all
	kinds     map[*Value[T]]kind
	exchanged map[Kernel[T]]*exchange[T] // by the kernel that stood in the steps before
	memory    *treeMemory[T]
}

// exchange is what became of a kernel.
type exchange[T cpu.Float] struct {
	by    Kernel[T] // nil if nothing of it has samples
	laned *laned[T] // by, if it is one
}

// kind is that of the value whose memory v shows.
func (c *cutter[T]) kind(v *Value[T]) kind {
	root, _ := v.root()
	if root.Bound != nil && root.Samples {
		return samples
	}
	return c.kinds[root]
}

// sample is the number of elements that a sample has of v; 0 if v has none, or if they
// do not come out even.
func (c *cutter[T]) sample(v *Value[T]) int {
	if n := v.size(); c.kind(v) == samples && n%c.of == 0 {
		return n / c.of
	}
	return 0
}

var (
	errSummed = errors.New("it reads a sum over lanes")
	errMixed  = errors.New("it does not keep samples apart, and does not know lanes")
	errUneven = errors.New("its samples are not of one size")
)

// forward settles a forward step.
func (c *cutter[T]) forward(s *Step[T]) error {
	some, all := false, true
	without := make([]bool, len(s.In)) // which operands have no samples
	for i, v := range s.In {
		k := c.kind(v)
		if k == summed || k == each {
			return errSummed
		}
		without[i] = k == shared
		some, all = some || k == samples, all && k == samples
	}
	e := &exchange[T]{}
	c.exchanged[s.Kernel] = e
	if !some {
		return nil // shared, as c.kinds has it already
	}
	if len(s.Out.Shape) > 0 {
		c.kinds[s.Out] = samples
		if c.sample(s.Out) == 0 {
			return errUneven
		}
	} else {
		c.kinds[s.Out] = summed
	}
	in := make([]int, len(s.In))
	for i, v := range s.In {
		if in[i] = elementsOf(v) / c.of; c.kind(v) == samples && (in[i] == 0 || c.sample(v) == 0) {
			return errUneven
		}
	}
	if k, ok := s.Kernel.(Apart); ok && all && c.kind(s.Out) == samples && k.Apart(elementsOf(s.Out)/c.of, in) {
		e.by = s.Kernel
		return nil
	}
	return c.exchange(s, e, without)
}

// elementsOf is the number of elements of a value's shape, wherever they lie.
func elementsOf[T cpu.Float](v *Value[T]) int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// exchange puts a kernel that knows lanes into a step.
func (c *cutter[T]) exchange(s *Step[T], e *exchange[T], without []bool) error {
	if k, ok := s.Kernel.(Together); ok && c.kind(s.Out) == samples {
		if all, ok := k.Lanes(c.sizes, without); ok {
			e.by = all.(Kernel[T])
		}
	}
	if k, ok := s.Kernel.(Laned); ok && e.by == nil {
		if e.laned = c.lanes(s, k, without); e.laned != nil {
			e.by = e.laned
		}
	}
	if e.by == nil {
		return errMixed
	}
	s.Kernel, s.lanes = e.by, len(c.sizes)
	return nil
}

// backward settles a backward step: the gradient of what has samples has samples, that
// of what is shared is a sum.
func (c *cutter[T]) backward(s *Step[T]) error {
	e := c.exchanged[s.Kernel]
	switch {
	case e == nil:
		return errors.New("it is the gradient of what has no samples")
	case e.by == nil:
		return c.backwardOfShared(s)
	case c.kind(s.Dy) == summed || c.kind(s.Dy) == each:
		return errSummed
	}
	l := e.laned
	size := 0
	for i, d := range s.DIn {
		if d == nil {
			continue
		}
		switch root, _ := s.In[i].root(); {
		case c.kind(root) == samples:
			c.kinds[d] = samples
		case root.Bound == nil && l != nil:
			l.each[i] = c.ofEach(d)
		default:
			c.kinds[d] = summed
			size += d.size()
		}
	}
	if sum := l != nil && l.out == 0; sum != (c.kind(s.Dy) == shared) {
		return errors.New("its gradient is not as its result is")
	}
	if l != nil {
		c.memory.plan(cpu.TreeDepth(len(c.sizes)) * size)
		l.dy = c.sample(s.Dy)
		for i, d := range s.DIn {
			if d != nil {
				l.dIn[i] = c.sample(d)
			}
		}
	}
	if e.by != s.Kernel {
		s.Kernel, s.lanes = e.by, len(c.sizes)
	}
	return nil
}

// ofEach makes d a gradient that has a part for each lane, and returns the part's number
// of elements.
func (c *cutter[T]) ofEach(d *Value[T]) (size int) {
	size = d.size()
	c.kinds[d] = each
	d.Shape[0] *= len(c.sizes)
	if len(d.Shape) == 4 {
		d.Layout = pixel.Planes(d.Shape[0], d.Shape[1], d.Shape[2], d.Shape[3])
	}
	return size
}

// backwardOfShared settles the backward step of a kernel none of whose operands have
// samples, where its gradient has a part for each lane: Backward runs once for each. The
// gradients are a lane's again where their operands are made by steps, and sums where
// they are bound.
func (c *cutter[T]) backwardOfShared(s *Step[T]) error {
	k, ok := s.Kernel.(Repeatable)
	if !ok || !k.Repeatable() {
		return errors.New("it is the gradient of what has no samples, and runs only once")
	}
	if c.kinds[s.Dy] != each { // a view of such a value would have another size
		return errors.New("its gradient has no part for each lane")
	}
	n := len(c.sizes)
	l := c.newLaned(len(s.In))
	for lane := range n { // a lane's part of a gradient is what its samples are elsewhere
		l.lanes, l.at = append(l.lanes, s.Kernel), append(l.at, lane+1)
	}
	l.dy = s.Dy.size() / n
	size := 0
	for i, d := range s.DIn {
		if d == nil {
			continue
		}
		if root, _ := s.In[i].root(); root.Bound == nil {
			l.each[i] = c.ofEach(d)
		} else {
			c.kinds[d] = summed
			size += d.size()
		}
	}
	c.memory.plan(cpu.TreeDepth(n) * size)
	s.Kernel, s.lanes = l, n
	return nil
}
