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
//
// What it may assume: fuse is done, all values are planes, and steps are in an order in
// which operands come first. What it promises: each operand lies as its reader has asked,
// but for the border, and all results are there as planes.
//
//	x planes ── Turn ── last ──┬── Conv2d ── last ──┬── Conv2d
//	                           └── Conv2d           └── Turn ── planes ── SoftMax
//
// The bits do not change by a Turn. A kernel for images channels last may have another
// order of sums than the one for planes; which of them runs depends on the graph and its
// shapes, never on the number of threads.
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
	// Turns for results come behind all steps. A result that was turned for a reader of
	// planes already needs none: as finds that one.
	for _, r := range p.results {
		if planes := l.as(r, pixel.Want{}); planes != r {
			r.planes = planes
		}
	}
	p.steps = l.steps
	p.settle(&l)
}

// layer is the state of the pass.
//
// steps has the steps that are settled, in order, and each Turn in front of the first
// reader that wants it. wants has for each value what those want who read it as pixels.
// The step of a value sets its layout before a reader asks for it: later only settle
// changes its border, and the distance of its pixels.
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
	// The kernel for images channels last stands in the step from here on. Where it refuses
	// the layouts below, it runs on planes.
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
	// Turns are added here: l.steps has them before it has s.
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
//
// A bound tensor is planes, so that it is turned like any other value: a picture at the
// input once for all convolutions that read it.
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
//
// What is turned has memory of its own and may get a border: a view has none, as it shows
// memory that was laid out for another shape.
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
//
// The key says planes of v. No Turn has such a key, as views are never turned to planes.
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
	// First borders: what is joined needs to know those of its operands. Then places, then
	// turns that have become copies of equal layouts, and at the end the kernels are told.
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
	// A backward step writes gradients, which have no border: their layouts are final.
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
			s.placed = true
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
