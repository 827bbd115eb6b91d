package program

// forget tells kernels whether a Backward follows their Forward.
func (p *Program[T]) forget() {
	followed := map[Kernel[T]]bool{}
	for _, s := range p.steps {
		if s.Dy != nil {
			followed[s.Kernel] = true
		}
	}
	for _, s := range p.steps {
		if k, ok := s.Kernel.(Forgetful); ok {
			k.ForwardOnly(!followed[s.Kernel])
		}
	}
}

// pack tells kernels which of their operands nobody changes any more, so that what
// they prepare of them they prepare once.
func (p *Program[T]) pack() {
	for _, s := range p.steps {
		k, ok := s.Kernel.(Fixable)
		if !ok || s.Dy != nil {
			continue
		}
		fixed := true
		for _, i := range k.Prepares() {
			root, _ := s.In[i].root()
			fixed = fixed && root.Bound != nil && root.Fixed
		}
		if fixed {
			k.Fix()
		}
	}
}
