package program

import (
	"slices"
	"unsafe"

	"tapenet/graph/internal/arena"
	"tapenet/graph/internal/hugepage"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
)

// life is a value with memory of its own, from the step that first writes to it to
// the last one that reads it, both included.
//
// Both ends count, so that what a step reads and what it writes are alive together: no
// kernel gets its result in an operand's memory, but for operands that join put there.
type life[T cpu.Float] struct {
	*Value[T]
	span arena.Span // its place in the arena
	kept bool       // needed after a run
}

// place decides where values lie: those that are alive at the same time do not
// overlap in the arena (see arena.Place), and results have memory of their own.
// The plan is made once, for all runs: what is where depends on shapes alone.
func (p *Program[T]) place(unplaced bool) {
	p.placed, p.kept = nil, nil
	for _, l := range p.lives() {
		if l.kept || unplaced {
			p.kept = append(p.kept, l)
		} else {
			p.placed = append(p.placed, l)
		}
	}
	p.size = arrange(p.placed)
}

// lives follows the steps, and lists the values with memory of their own in the
// order in which they are written. A value is alive as long as any of those that lie
// in its memory. Bound tensors have their memory from outside. What is computed once
// has to last, as results have.
func (p *Program[T]) lives() []*life[T] {
	var lives []*life[T]
	of := map[*Value[T]]*life[T]{}
	// Steps come in order, so that the first touch is the first write and the last touch
	// is the last read, or a write that nobody reads.
	touch := func(v *Value[T], k int) {
		root, _ := v.root()
		if root.Bound != nil {
			return
		}
		l := of[root]
		if l == nil {
			l = &life[T]{Value: root, span: arena.Span{First: k}}
			of[root], lives = l, append(lives, l)
		}
		l.span.Last = k
		l.kept = l.kept || v.result && v.planes == nil || root.Fixed
	}
	for k, s := range p.steps {
		// Parts of a wider value are touched by their own steps: the root is alive from the
		// first part that is written.
		for _, v := range s.writes() {
			touch(v, k)
		}
		for _, v := range s.reads() {
			touch(v, k)
		}
	}
	// A result may be a view, which no step writes: its root has to last.
	for _, r := range p.results {
		root, _ := r.memory().root()
		if l := of[root]; l != nil {
			l.kept = true
		}
	}
	return lives
}

// memory is the value that holds a result's elements: the result itself, or if that
// lies channels last, its planes.
func (v *Value[T]) memory() *Value[T] {
	if v.planes != nil {
		return v.planes
	}
	return v
}

// arrange places values in an arena, and returns its size.
func arrange[T cpu.Float](lives []*life[T]) (size int) {
	spans := make([]*arena.Span, len(lives))
	for i, l := range lives {
		l.span.Size, spans[i] = l.room(), &l.span
	}
	return arena.Place(spans)
}

// room is what a value takes in an arena: whole cache lines of float32, so that each
// value begins at one.
func (l *life[T]) room() int { return (l.size() + 15) &^ 15 }

// share hands kernels the memory that they use by turns.
func (p *Program[T]) share() {
	p.shared = conv.NewShared[T]()
	for _, s := range p.steps {
		if k, ok := s.Kernel.(Sharing[T]); ok && s.Dy == nil {
			k.Share(p.shared)
		}
	}
}

// provide allocates the memory, at the first run: a graph that is only looked at, or
// translated, takes none.
func (p *Program[T]) provide() {
	if p.ready {
		return
	}
	p.ready = true
	p.arena = aligned(p.allocate(p.size + line))
	for _, l := range p.placed {
		// The capacity ends with the value: an append would not reach the neighbour.
		begin, end := l.span.Begin, l.span.Begin+l.size()
		l.data = p.arena[begin:end:end]
	}
	for _, l := range p.kept {
		l.data = p.allocate(l.size())
	}
	// Views come last, as they are slices of the memory of their roots.
	for _, s := range p.steps {
		for _, v := range slices.Concat(s.reads(), s.writes()) {
			v.find()
		}
	}
	for _, r := range p.results {
		r.memory().find()
	}
}

// find sets the memory of a value that lies in another's. As a part of wider pixels it
// goes on to the end, as its last pixel is followed by less than a pixel's distance.
// What lies in a bound tensor is looked up at each run: the tensor may be another one.
func (v *Value[T]) find() {
	if root, at := v.root(); root != v && root.Bound == nil {
		v.data = root.data[at:]
		if !v.Layout.Last {
			v.data = v.data[:v.size()]
		}
	}
}

// allocate returns memory for n elements. That of training is gone over again and
// again, and gets large pages; they take their time when they are first touched, which
// a single inference would wait for.
func (p *Program[T]) allocate(n int) []T {
	for _, s := range p.steps {
		if s.Dy != nil {
			return hugepage.Make[T](n)
		}
	}
	return make([]T, n)
}

// line is the size of a cache line in bytes, which is more than its elements.
const line = 64

// aligned returns data without its last and first elements, line of them together, so
// that it begins at a cache line. Go aligns large slices to pages, but does not
// promise it.
//
//	data      │ skipped │ n elements ............ │ rest │    skipped + rest = line
//	              ▲ a multiple of 64 bytes
func aligned[T cpu.Float](data []T) []T {
	n := len(data) - line
	for i := range line {
		if uintptr(unsafe.Pointer(&data[i]))%line == 0 {
			return data[i : i+n]
		}
	}
	return data[:n]
}

// Bytes is the memory that a compiled program takes: for results, for the other
// values, and what the kernels keep besides. They allocate that when they first
// need it, so it grows in the first runs.
func (p *Program[T]) Bytes() (results, values, workspaces int) {
	for _, l := range p.kept {
		results += cpu.SizeOf[T](l.size())
	}
	workspaces = p.shared.Bytes() + cpu.BytesOf(p.lanes.data)
	for _, s := range p.steps {
		if k, ok := s.Kernel.(Sized); ok && s.Dy == nil {
			workspaces += k.Bytes()
		}
	}
	return results, cpu.SizeOf[T](p.size), workspaces
}

// Planned is what the kernels will keep once they have run, as far as they say it before.
// known is false where there are backward steps, whose part in it only a run shows.
func (p *Program[T]) Planned() (bytes int, known bool) {
	if p.ready {
		_, _, bytes = p.Bytes()
		return bytes, true
	}
	bytes = p.shared.Plans()
	for _, s := range p.steps {
		if s.Dy != nil {
			return 0, false
		}
		switch k := s.Kernel.(type) {
		case Planned:
			bytes += k.Plans()
		case Sized:
			bytes += k.Bytes()
		}
	}
	return bytes, true
}

// Life is where a value lies in the arena, in elements, and from which step to which
// it is alive.
type Life struct{ First, Last, Begin, Size int }

// Lives lists the values that share memory, and the size of their arena.
func (p *Program[T]) Lives() (lives []Life, size int) {
	for _, l := range p.placed {
		lives = append(lives, Life{l.span.First, l.span.Last, l.span.Begin, l.size()})
	}
	return lives, p.size
}

// Arena is the memory that values share. What it holds before a run does not matter.
func (p *Program[T]) Arena() []T {
	p.provide()
	return p.arena
}
