package program

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
)

// fuse lets kernels do the work of ops behind them: of a step whose result only the
// next one reads, and which is an Ender for it. The step that does both stands in
// the place of the last, where all operands are there. With layouts kernels for images
// channels last may take over work too, which lay comes for: they cannot take planes.
//
//	a = Conv2d (x, w)                        nothing
//	b = BatchNorm (a, γ, β, mean, variance)  nothing
//	c = Add (y, b)                           c = Conv2d+BatchNorm+Add (x, w, γ, β, mean, variance, y)
//
// A kernel may also do the work of the op in front of it, if it is a Beginner:
//
//	a = Scale (x, s)                         nothing
//	b = Conv2d (a, w)                        b = Scale+Conv2d (x, s, w)
//
// In training the steps' gradients would have to change too: there graph fuses nodes,
// before it differentiates them.
//
// What the passes behind may assume: each step that is left has a kernel, and a value is
// written before it is read, as the graph has it.
func (p *Program[T]) fuse(layouts bool) {
	readers := p.readers()
	by := map[*Value[T]]*Step[T]{} // the step that a value is the result of
	// When s is asked, the steps of its operands have taken over all that they can. The
	// counts of readers stay right: what an absorbed step read, the other one reads now.
	for _, s := range p.steps {
		if layouts {
			p.begin(s, by, readers)
		}
		p.absorb(s, by, readers, layouts)
		by[s.Out] = s
	}
	p.drop(func(s *Step[T]) bool { return s.Kernel == nil })
}

// readers counts who reads each value. A view reads all values whose memory it shows, and
// so does whoever looks at a result after the run.
func (p *Program[T]) readers() map[*Value[T]]int {
	readers := map[*Value[T]]int{}
	read := func(v *Value[T]) {
		for ; v != nil; v = v.view {
			readers[v]++
		}
	}
	for _, s := range p.steps {
		for _, v := range s.reads() {
			read(v)
		}
	}
	for _, r := range p.results {
		read(r.memory())
	}
	return readers
}

// absorb makes s the step that does the work of one of its operands' too, if there
// is one that can. A step that has absorbed another one may be absorbed by the next,
// so that chains become one step. Steps whose work another does have no kernel.
//
//	before   w ── Conv2d ── v         s   v ── ReLU ── y
//	after    before.Kernel = nil      s   w ── Conv2d+ReLU ── y
//
// The result of s keeps its identity, so that no reader of y has to be changed. Marks go
// along, so that the time of the step is told for all ops whose work it does.
func (p *Program[T]) absorb(s *Step[T], by map[*Value[T]]*Step[T], readers map[*Value[T]]int, layouts bool) {
	e, ok := s.Kernel.(Ending)
	if !ok || s.Dy != nil {
		return
	}
	ending := e.Ending()
	for i, v := range s.In {
		// Only a sum is the same with its operands in another order.
		before := by[v]
		if before == nil || !inner(v, readers) || i > 0 && !ending.Sum {
			continue
		}
		ender, ok := enderOf(before.Kernel, layouts)
		if !ok {
			continue
		}
		both, ok := ender.End(ending)
		if !ok {
			continue
		}
		// The operands are those of the step before and then the others of s, as the
		// kernel that End returns has them.
		rest := append(append([]*Value[T]{}, s.In[:i]...), s.In[i+1:]...)
		s.Kernel, s.In = both.(Kernel[T]), append(append([]*Value[T]{}, before.In...), rest...)
		s.Name, s.Marks = joined(before.Name, s.Name), append(s.Marks, before.Marks...)
		before.Kernel = nil
		return
	}
}

// inner reports whether nobody but the one step that is asked needs v: it may be gone.
func inner[T cpu.Float](v *Value[T], readers map[*Value[T]]int) bool {
	return readers[v] == 1 && !v.result && v.view == nil
}

// begin makes s the step that does the work of the one in front of it too, if it can.
// Only kernels for images channels last do so. It comes before the steps behind s are
// asked for their endings: these go to the kernel that does both.
//
//	before   x, s ── Scale ── v        s   v, w ── Conv2d ── y
//	after    before.Kernel = nil       s   x, s, w ── Scale+Conv2d ── y
func (p *Program[T]) begin(s *Step[T], by map[*Value[T]]*Step[T], readers map[*Value[T]]int) {
	if s.Dy != nil || len(s.In) == 0 || by[s.In[0]] == nil || !inner(s.In[0], readers) {
		return
	}
	before := by[s.In[0]]
	beginning, ok := before.Kernel.(Beginning)
	if !ok {
		return
	}
	beginner, ok := lastly(s.Kernel).(Beginner)
	if !ok {
		return
	}
	both, ok := beginner.Begin(beginning.Beginning())
	if !ok {
		return
	}
	s.Kernel, s.In = both.(Kernel[T]), slices.Concat(before.In, s.In[1:])
	s.Name, s.Marks = joined(before.Name, s.Name), append(s.Marks, before.Marks...)
	before.Kernel = nil
}

// enderOf is what may take over another step's work: the kernel for images channels
// last that stands for k, if it can, or k. Some can do so for planes alone, as a
// normalisation with ReLU.
//
// Lastly's kernel is only asked here, and not put into the step: if it ends nothing, the
// step keeps its kernel, and lay asks again.
func enderOf[T cpu.Float](k Kernel[T], layouts bool) (e Ender[T], ok bool) {
	if layouts {
		if e, ok = lastly(k).(Ender[T]); ok {
			return e, true
		}
	}
	e, ok = k.(Ender[T])
	return e, ok
}

// lastly is the kernel for images channels last that stands for k, or k. It takes
// planes too, unless it is one that fuse was told of.
func lastly[T cpu.Float](k Kernel[T]) Kernel[T] {
	if l, ok := k.(Lastly); ok {
		if last, ok := l.Lastly(); ok {
			return last.(Kernel[T])
		}
	}
	return k
}

// drop removes steps. It clears the end of the slice, so that nothing keeps their
// kernels alive.
func (p *Program[T]) drop(gone func(s *Step[T]) bool) {
	kept := p.steps[:0]
	// kept writes where s has been read already: it is never ahead of the loop.
	for _, s := range p.steps {
		if !gone(s) {
			kept = append(kept, s)
		}
	}
	clear(p.steps[len(kept):])
	p.steps = kept
}
