package program

import "tapenet/graph/internal/kernel/cpu"

// forget tells kernels whether a Backward follows their Forward. If none does, they
// keep nothing for it: a product with ReLU its signs, a SoftMax its output. The kernel
// of a step and that of its gradient are one.
//
// A kernel keeps by default: one that is told nothing works in both kinds of programs.
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

// pack finds what never changes: steps all of whose operands are fixed run once, in
// the first run, and what they give is fixed too. It tells kernels which of their
// operands nobody changes any more, so that what they prepare of them they prepare
// once.
//
// Who calls Bind says what is fixed: in inference on a loaded model, the weights. Then
// filters are packed, Winograd's filters transformed and normalisations folded in the
// first run only, and what a graph computes of constants is computed once.
func (p *Program[T]) pack() {
	for _, s := range p.steps {
		// Operands come before what is made of them, so that one walk finds all. Images
		// channels last have a border that is cleared at each run: they are left alone.
		if s.Dy == nil && !s.Out.Layout.Last && fixed(s.In) {
			// Fixed has two readers: this loop, for the steps behind, and place, which gives
			// the value memory of its own. The kernel is not told to prepare: it runs once.
			s.once, s.Out.Fixed = true, true
			continue
		}
		k, ok := s.Kernel.(Fixable)
		if !ok || s.Dy != nil {
			continue
		}
		var prepared []*Value[T]
		for _, i := range k.Prepares() {
			prepared = append(prepared, s.In[i])
		}
		// All of them or none: Fix has no word for a part. A normalisation whose statistics
		// still change is folded into the filters anew at each run.
		if fixed(prepared) {
			k.Fix()
		}
	}
}

// fixed reports whether nobody changes the values any more. A view is fixed if the
// value is whose memory it shows.
func fixed[T cpu.Float](values []*Value[T]) bool {
	for _, v := range values {
		if root, _ := v.root(); !root.Fixed {
			return false
		}
	}
	return true
}
