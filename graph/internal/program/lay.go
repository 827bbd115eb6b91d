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

// turn is a value in another layout: a key, so that a value is turned once for all
// readers that want it so. Borders do not count, they come later and serve all.
type turn[T cpu.Float] struct {
	of     *Value[T]
	last   bool
	stride int
}

// step settles the layout of a step's operands and result. Steps are asked in their
// order, so that a kernel knows how its operands lie, but not who reads its result: a
// convolution takes and gives pixels always, an op by pixel follows its operands, and
// all others take planes.
func (l *layer[T]) step(s *Step[T]) {
	s.Kernel = lastly(s.Kernel)
	if l.reorder(s) {
		return
	}
	in := layouts(s.In)
	wants := make([]pixel.Want, len(s.In))
	k, ok := s.Kernel.(Laid)
	if ok {
		var out pixel.Layout
		if wants, out, ok = k.Lay(in); ok && imagesOf(out, s.Out.Shape) {
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

// imagesOf reports whether a layout is of images of a shape. A kernel does not know
// the shape of its result, only its operands: whether rows of one channel are joined,
// or channels, is the same to one that joins planes.
func imagesOf(l pixel.Layout, shape []int) bool {
	return slices.Equal(shape, []int{l.N, l.C, l.H, l.W})
}

// as returns v, or a value with v's elements, in the layout that a reader wants, and
// notes that it does: of all wants of a value come its border and whether it may lie
// inside another one.
func (l *layer[T]) as(v *Value[T], want pixel.Want) *Value[T] {
	if v.view != nil {
		return l.viewed(v, want)
	}
	// Pixels of another distance are turned too: those of a few channels, which lie
	// without room for others.
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

// viewed is as for a value in another's memory: that has to be planes, unless the
// value is that memory as it is.
func (l *layer[T]) viewed(v *Value[T], want pixel.Want) *Value[T] {
	if !v.raw {
		v = l.ofPlanes(v)
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

// ofPlanes is a view, or the same one of planes if it is of something else.
func (l *layer[T]) ofPlanes(v *Value[T]) *Value[T] {
	root := l.as(v.view, pixel.Want{})
	if root == v.view {
		return v
	}
	key := turn[T]{of: v}
	if l.turned[key] == nil {
		l.turned[key] = &Value[T]{Name: v.Name, Shape: v.Shape, Layout: v.Layout, view: root}
	}
	return l.turned[key]
}

// turn adds a step that turns v round.
func (l *layer[T]) turn(v *Value[T], want pixel.Want) *Value[T] {
	out := newValue[T](v.Name, v.Shape)
	if want.Last {
		out.Layout = out.Layout.Lastly(pixel.Border{}) // settle knows the border
		out.Layout.Stride = want.Stride
	}
	s := &Step[T]{Name: "Turn", Kernel: kernel.NewTurn[T](), In: []*Value[T]{v}, Out: out}
	l.steps, l.laid = append(l.steps, s), append(l.laid, s)
	l.wants[v] = append(l.wants[v], pixel.Want{Layout: v.Layout})
	return out
}

// settle decides borders and places inside wider values, and tells the kernels. A value
// gets the widest border that a reader wants; the others read inside it. A gradient has
// none, also if it is read as a value besides. Values are joined from the last to the
// first, since one that lies in another has that one's border.
func (p *Program[T]) settle(l *layer[T]) {
	gradients := map[*Value[T]]bool{}
	for _, s := range p.steps {
		gradients[s.Dy] = true
	}
	border := func(v *Value[T]) (b pixel.Border) {
		if gradients[v] {
			return b
		}
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
