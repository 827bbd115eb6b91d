package program

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// In training a gradient lies as the value does that it belongs to, but without a
// border. So where forward a value is turned for a reader, the gradient that comes
// from that reader is turned too, by a step of its own.
//
// Forward and backward of one kernel, with the layouts that one LayBack has settled:
//
//	x last+1,1,1,1 ──▶ ┌────────┐ ──▶ y  last
//	w planes       ──▶ │ Conv2d │
//	dx last        ◀── │        │ ◀── dy last
//	dw planes      ◀── └────────┘
//
// Since gradients lie as their values do, Backward needs no question of its own.

// backward is what a kernel's LayBack has said, for its Backward.
type backward[T cpu.Float] struct {
	wants []pixel.Want
	dy    pixel.Want
}

// prepare finds out which values somebody takes channels last.
//
// A kernel is asked whether it takes images channels last only when its turn has come. So
// taken is a guess: where the reader then wants planes, a Turn stands between.
func (l *layer[T]) prepare(steps []*Step[T]) {
	for _, s := range steps {
		for i, v := range s.In {
			s.In[i] = v.same()
		}
		if s.Dy != nil {
			s.Dy = s.Dy.same()
			continue
		}
		if _, ok := s.Kernel.(LaidBack); ok {
			for _, v := range s.In {
				l.taken[v] = true
			}
		}
	}
}

// same is v, or the value that v is a view of in v's own shape.
//
// The adapter makes such views of gradients that are handed on. A view would have to be
// planes, see viewed: where the shape is the same, the value itself may lie as it likes.
func (v *Value[T]) same() *Value[T] {
	for v.view != nil && v.at == 0 && slices.Equal(v.Shape, v.view.Shape) {
		v = v.view
	}
	return v
}

// train settles the layouts of a step for training.
//
// Forward steps come before the backward steps that need what is noted of them.
func (l *layer[T]) train(s *Step[T]) {
	if s.Dy == nil {
		l.forwards(s)
	} else {
		l.backwards(s)
	}
	l.steps = append(l.steps, s)
}

// forwards settles those of a forward step.
//
// A kernel that is no LaidBack, or has no way for these operands, takes planes: so do its
// gradients then, as backwards finds no note of it.
func (l *layer[T]) forwards(s *Step[T]) {
	wants := make([]pixel.Want, len(s.In))
	if k, ok := s.Kernel.(LaidBack); ok {
		if w, out, ok := k.LayBack(layouts(s.In), l.taken[s.Out]); ok {
			wants, s.Out.Layout = w, out
			l.laid = append(l.laid, s)
			l.backward[s.Kernel] = &backward[T]{wants: w, dy: pixel.Want{Layout: out.Unbordered()}}
		}
	}
	for i, v := range s.In {
		s.In[i] = l.as(v, wants[i])
	}
}

// backwards settles those of a backward step: as the kernel's forward step has them.
func (l *layer[T]) backwards(s *Step[T]) {
	b := l.backward[s.Kernel]
	if b == nil {
		b = &backward[T]{wants: make([]pixel.Want, len(s.In))}
	}
	// Operands that were turned for the forward step are found by their keys, and not
	// turned again. They live on until they are read here.
	s.Dy = l.as(s.Dy, b.dy)
	for i, v := range s.In {
		s.In[i] = l.as(v, b.wants[i])
		if d := s.DIn[i]; d != nil && b.wants[i].Last {
			d.Layout = b.wants[i].Layout.Unbordered()
		}
	}
}
