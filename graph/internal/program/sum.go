package program

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
)

// addUp lets backward steps add a gradient to another one of the same value, where a step
// of its own would add the two:
//
//	before   v11 = Grad (v5, v2, v9)                     the shortcut's gradient of v2
//	         v15, v16 = Grad (v2, w3, v14)               the filters'
//	         v17 = Add (v11, v15)
//	after    v11 = Grad (v5, v2, v9)
//	         v17 in v11+0, v16 = Grad+Add (v2, w3, v14)
//
// So does the step of an Adding kernel, if it comes after the one that gives the other
// operand, and nobody else reads the two. The sum lies in the other operand's memory:
// a pass over memory is saved, and one tensor is left of three. A sum of two is the
// same in either order, so that no bit changes; one of three is left as it is.
//
// What holds behind it: of the values in one memory each is read before the step that
// writes the next one ends, as the operand to which that step adds. Bounds of their
// life are those of the root, see lives.
func (p *Program[T]) addUp() {
	readers, g := p.readers(), p.givers()
	for _, s := range p.steps {
		e, ok := s.Kernel.(Ending)
		if !ok || s.Dy != nil || len(s.In) != 2 || !e.Ending().Sum || s.Out.view != nil {
			continue
		}
		// there comes first. more is the gradient that its step will add.
		there, more := s.In[0], s.In[1]
		if g[there].at > g[more].at {
			there, more = more, there
		}
		alone := true // memory of their own that is read for the sum alone, and lies as it does
		for _, v := range s.In {
			alone = alone && readers[v] == 1 && v.view == nil && v.Bound == nil && v.Layout == s.Out.Layout
		}
		if alone && g[there].at < g[more].at && g[more].adds() {
			g[more].take(s, there)
		}
	}
	p.drop(func(s *Step[T]) bool { return s.Kernel == nil })
}

// giver is the step that writes a value.
type giver[T cpu.Float] struct {
	step    *Step[T]
	at      int  // its place among the steps
	operand int  // of a backward step, whose gradient the value is
	single  bool // it is the only backward step of its kernel
}

// givers are the steps that write the values.
//
// A kernel that stands in two backward steps could not add in one of them and overwrite
// in the other: it is told once.
func (p *Program[T]) givers() map[*Value[T]]giver[T] {
	backward := map[Kernel[T]]int{}
	for _, s := range p.steps {
		if s.Dy != nil {
			backward[s.Kernel]++
		}
	}
	g := map[*Value[T]]giver[T]{}
	for k, s := range p.steps {
		if s.Dy == nil {
			g[s.Out] = giver[T]{step: s, at: k}
		}
		for i, v := range s.DIn {
			if v != nil {
				g[v] = giver[T]{step: s, at: k, operand: i, single: backward[s.Kernel] == 1}
			}
		}
	}
	return g
}

// adds makes the backward step add the gradient that it gives, if it can.
func (g giver[T]) adds() bool {
	k, ok := g.step.Kernel.(Adding)
	return ok && g.step.Dy != nil && g.single && k.AddsTo(g.operand)
}

// take makes the backward step give the result of the sum in the memory of there, which
// holds the other operand. Readers of the result need not be changed.
func (g giver[T]) take(sum *Step[T], there *Value[T]) {
	s := g.step
	sum.Out.view = there
	s.DIn[g.operand], s.Sums = sum.Out, append(s.Sums, there)
	s.Name, s.Marks = joined(s.Name, sum.Name), append(s.Marks, sum.Marks...)
	sum.Kernel = nil
}

// replace lets backward steps of Replacing kernels write a gradient over the one that they
// begin with, where nobody else reads that: what is written to memory that has just been
// read is not fetched once more.
//
//	before   v11 (2,16,8,8) last = Grad (v5, v2, v9)
//	after    v11 (2,16,8,8) last in v9+0 = Grad (v5, v2, v9)
//
// It comes behind addUp: with both, the gradient along the shortcuts of a network is one
// tensor from the last block to the first, which each block changes in its place.
func (p *Program[T]) replace() {
	readers, g := p.readers(), p.givers()
	for _, s := range p.steps {
		k, ok := s.Kernel.(Replacing)
		if !ok || s.Dy == nil || readers[s.Dy] != 1 || !g[s.Dy].whole(s.Dy) {
			continue
		}
		for i, d := range s.DIn {
			if d != nil && d.view == nil && d.Layout == s.Dy.Layout && k.Replaces(i) {
				d.view = s.Dy
				break // the memory is one gradient's
			}
		}
	}
}

// whole reports whether v is a step's own: it has memory to itself, or that of a gradient to
// which the step adds.
func (g giver[T]) whole(v *Value[T]) bool {
	return g.step != nil && (v.view == nil || slices.Contains(g.step.Sums, v.view))
}
