package program

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"tapenet/graph/internal/kernel/pixel"
)

// ErrStopped is the error of a run that Until has ended.
var ErrStopped = errors.New("stopped between two steps")

// Until makes the next runs end before their next step once done is closed, with
// ErrStopped; nil is never.
func (p *Program[T]) Until(done <-chan struct{}) { p.done = done }

// Run runs the steps, one after the other; the parallel work is inside the kernels. A
// panic of a kernel becomes an error that names its step: the label of a sample that
// is no class, for example, which nobody can check before. The next run begins anew.
//
// The first run provides the memory, and later ones allocate nothing once the kernels have
// their workspaces. Values hold something only while they are alive: between runs no
// content of the arena counts, so that a run that has failed leaves nothing to repair.
func (p *Program[T]) Run() (err error) {
	name := "memory"
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", name, r)
		}
	}()
	p.provide()
	for _, s := range p.steps {
		if s.once && p.hoisted {
			continue
		}
		select {
		case <-p.done:
			return ErrStopped
		default:
		}
		name = s.Name
		var began time.Time
		if p.watch {
			began = time.Now()
		}
		s.run()
		if p.watch {
			s.time = time.Since(began)
		}
	}
	// Only now: what a run that fails has computed once is computed again in the next.
	p.hoisted = true
	return nil
}

// run runs one step. Bound tensors are asked for their elements, which may lie
// elsewhere than in the last run. The border of a result is the program's to clear: its
// memory has been others' since the last run.
//
// A backward step has no borders to clear. Without Operands it hands over the operands'
// memory as well, though others' values may be there by now: its kernel looks at dy alone.
func (s *Step[T]) run() {
	for i, v := range s.In {
		s.in[i] = v.elements()
	}
	if s.Dy == nil {
		s.Kernel.Forward(s.Out.data, s.in)
		// A part of wider pixels clears its own channels of the border alone.
		pixel.Clear(s.Out.Layout, s.Out.data, 0, s.Out.Layout.N)
		return
	}
	for i, v := range s.DIn {
		if v != nil {
			s.dIn[i] = v.data
		}
	}
	s.Kernel.Backward(s.dIn, s.Dy.elements(), s.in)
}

// elements are where v lies, now that it has been computed. Only a bound tensor, or a
// view of one, has no memory that is known before.
func (v *Value[T]) elements() []T {
	if v.data != nil {
		return v.data
	}
	root, at := v.root()
	return root.Bound()[at:][:v.size()]
}

// connect makes room for what a step hands to its kernel, so that a run allocates
// nothing.
func (p *Program[T]) connect() {
	for _, s := range p.steps {
		s.in = make([][]T, len(s.In))
		s.dIn = make([][]T, len(s.DIn))
	}
}

// Watch makes the next runs take the time of each step, or no more. Asking for the
// time takes longer than a small step does.
func (p *Program[T]) Watch(on bool) { p.watch = on }

// Times are the steps' marks, see [Step], each with the time of the last watched run.
//
// A step's time is that of all ops in its Marks together: a fused kernel has no parts.
func (p *Program[T]) Times() iter.Seq2[*Step[T], time.Duration] {
	return func(yield func(*Step[T], time.Duration) bool) {
		for _, s := range p.steps {
			if !yield(s, s.time) {
				return
			}
		}
	}
}
