package program

// fuse lets kernels do the work of ops behind them: of a step whose result only the
// next one reads, and which is an Ender for it. The step that does both stands in
// the place of the last, where all operands are there.
func (p *Program[T]) fuse() {
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
		read(r)
	}
	by := map[*Value[T]]*Step[T]{}
	for _, s := range p.steps {
		p.absorb(s, by, readers)
		by[s.Out] = s
	}
	p.drop(func(s *Step[T]) bool { return s.Kernel == nil })
}

// absorb makes s the step that does the work of one of its operands' too, if there
// is one that can.
func (p *Program[T]) absorb(s *Step[T], by map[*Value[T]]*Step[T], readers map[*Value[T]]int) {
	e, ok := s.Kernel.(Ending)
	if !ok || s.Dy != nil {
		return
	}
	ending := e.Ending()
	for i, v := range s.In {
		before := by[v]
		if before == nil || readers[v] != 1 || v.result || v.view != nil || i > 0 && !ending.Sum {
			continue
		}
		ender, ok := before.Kernel.(Ender[T])
		if !ok {
			continue
		}
		both, ok := ender.End(ending)
		if !ok {
			continue
		}
		rest := append(append([]*Value[T]{}, s.In[:i]...), s.In[i+1:]...)
		s.Kernel, s.In = both.(Kernel[T]), append(append([]*Value[T]{}, before.In...), rest...)
		s.Name, s.Marks = joined(before.Name, s.Name), append(s.Marks, before.Marks...)
		before.Kernel = nil
		return
	}
}

// drop removes steps.
func (p *Program[T]) drop(gone func(s *Step[T]) bool) {
	kept := p.steps[:0]
	for _, s := range p.steps {
		if !gone(s) {
			kept = append(kept, s)
		}
	}
	clear(p.steps[len(kept):])
	p.steps = kept
}
