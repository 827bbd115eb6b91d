package program

import (
	"slices"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// lay gives every value a layout: channels last where kernels can take and give
// images so, planes elsewhere. Where a reader wants another layout than a value
// has, a step turns it round, once for all such readers. When all readers are known
// come the borders, and values that lie inside others: see settle.
//
// A program for training asks kernels for LayBack: see train.
func (p *Program[T]) lay(training bool) {
	l := layer[T]{
		wants: map[*Value[T]][]pixel.Want{}, turned: map[turn[T]]*Value[T]{},
		taken: map[*Value[T]]bool{}, backward: map[Kernel[T]]*backward[T]{},
	}
	if training {
		l.prepare(p.steps)
	}
	for _, s := range p.steps {
		if training {
			l.train(s)
		} else {
			l.step(s)
		}
	}
	for _, r := range p.results {
		if planes := l.as(r, pixel.Want{}); planes != r {
			r.planes = planes
		}
	}
	p.steps = l.steps
	p.settle(&l)
}

// layer is the state of the pass.
type layer[T cpu.Float] struct {
	steps  []*Step[T]
	laid   []*Step[T] // whose kernels have to be told
	wants  map[*Value[T]][]pixel.Want
	turned map[turn[T]]*Value[T]

	taken    map[*Value[T]]bool // in training: whether somebody takes them channels last
	backward map[Kernel[T]]*backward[T]
}

// turn is a value in another layout.
type turn[T cpu.Float] struct {
	of     *Value[T]
	last   bool
	stride int
}

// step settles the layout of a step's operands and result.
func (l *layer[T]) step(s *Step[T]) {
	if k, ok := s.Kernel.(Lastly); ok {
		if last, ok := k.Lastly(); ok {
			s.Kernel = last.(Kernel[T])
		}
	}
	if l.reorder(s) {
		return
	}
	in := layouts(s.In)
	wants := make([]pixel.Want, len(s.In))
	k, ok := s.Kernel.(Laid)
	if ok {
		var out pixel.Layout
		if wants, out, ok = k.Lay(in); ok {
			s.Out.Layout = out
			l.laid = append(l.laid, s)
		} else {
			wants = make([]pixel.Want, len(s.In))
		}
	}
	for i, v := range s.In {
		s.In[i] = l.as(v, wants[i])
	}
	l.steps = append(l.steps, s)
}

// as returns v, or a value with v's elements, in the layout that a reader wants.
func (l *layer[T]) as(v *Value[T], want pixel.Want) *Value[T] {
	if v.view != nil {
		return l.viewed(v, want)
	}
	stride := want.Stride
	if !want.Last {
		stride = 0
	}
	if v.Layout.Last != want.Last || want.Last && v.Layout.Stride != stride {
		key := turn[T]{v, want.Last, stride}
		if l.turned[key] == nil {
			l.turned[key] = l.turn(v, want)
		}
		v = l.turned[key]
	}
	l.wants[v] = append(l.wants[v], want)
	return v
}

// viewed is as for a value in another's memory: that has to be planes.
func (l *layer[T]) viewed(v *Value[T], want pixel.Want) *Value[T] {
	if v.raw && v.Layout.Last == want.Last {
		return v
	}
	root := l.as(v.view, pixel.Want{})
	if root != v.view {
		key := turn[T]{of: v}
		if l.turned[key] == nil {
			l.turned[key] = &Value[T]{Name: v.Name, Shape: v.Shape, Layout: v.Layout, view: root}
		}
		v = l.turned[key]
	}
	if !want.Last {
		return v
	}
	key := turn[T]{v, true, want.Stride}
	if l.turned[key] == nil {
		l.turned[key] = l.turn(v, want)
	}
	v = l.turned[key]
	l.wants[v] = append(l.wants[v], want)
	return v
}

// turn adds a step that turns v round.
func (l *layer[T]) turn(v *Value[T], want pixel.Want) *Value[T] {
	out := newValue[T](v.Name, v.Shape)
	if want.Last {
		out.Layout = out.Layout.Lastly(pixel.Border{})
		out.Layout.Stride = want.Stride
	}
	s := &Step[T]{Name: "Turn", Kernel: kernel.NewTurn[T](), In: []*Value[T]{v}, Out: out}
	l.steps, l.laid = append(l.steps, s), append(l.laid, s)
	l.wants[v] = append(l.wants[v], pixel.Want{Layout: v.Layout})
	return out
}

// settle decides borders and places inside wider values, and tells the kernels.
func (p *Program[T]) settle(l *layer[T]) {
	border := func(v *Value[T]) (b pixel.Border) {
		for _, w := range l.wants[v] {
			if w.Last {
				b = b.Max(w.Border)
			}
		}
		return b
	}
	for _, s := range p.steps {
		if s.Dy == nil && s.Out.Layout.Last {
			s.Out.Layout.Border = border(s.Out)
		}
	}
	for _, s := range slices.Backward(p.steps) {
		if s.Dy != nil {
			continue
		}
		if j, ok := s.Kernel.(Joined); ok && s.Out.Layout.Last {
			p.join(s, j, l)
		}
	}
	p.elide()
	p.drop(func(s *Step[T]) bool { return s.Kernel == nil })
	for _, s := range l.laid {
		if s.Kernel != nil {
			s.Kernel.(placed).Place(layouts(s.In), s.Out.Layout)
		}
	}
}

// placed is a kernel that is told how its operands and its result lie.
type placed interface {
	Place(in []pixel.Layout, out pixel.Layout)
}

// layouts are how values lie.
func layouts[T cpu.Float](values []*Value[T]) []pixel.Layout {
	in := make([]pixel.Layout, len(values))
	for i, v := range values {
		in[i] = v.Layout
	}
	return in
}
