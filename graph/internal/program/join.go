package program

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// join lets the operands of a step that sets channels side by side lie in its
// result, where their kernels write them at once. Steps come last first: an operand
// of several lies in the last one. A step all of whose operands lie side by side in
// a wider value already is a view of a part of that.
//
//	a (8 channels), b (16)       v3: │ a: 8 │ b: 16 │ c: 24 │   a pixel of 48 elements
//	v2 = Concat (a, b)               └ v2: nothing to do ┘
//	v3 = Concat (a, b, c)
//
// An operand stays where it is, and is copied, if it lies in another value already,
// if it is there twice, if it or its place is no multiple of a vector of channels, or
// if somebody needs its pixels tight. All that lies in a value has the value's border:
// the widest one of what they all need.
func (p *Program[T]) join(s *Step[T], j Joined, l *layer[T]) {
	// A value that lies in another one cannot have its border grow any more.
	fits := func(b pixel.Border) bool { return b.Max(s.Out.Layout.Border) == s.Out.Layout.Border }
	if first := sideBySide(s); first != nil && p.movable(s.Out, l) && s.Out.Layout.Border.Max(first.Layout.Border) == first.Layout.Border {
		s.Out.view, s.Out.at = first.view, first.at
		s.Out.Layout.Stride, s.Out.Layout.Border = first.Layout.Stride, first.Layout.Border
		s.Kernel = nil
		return
	}
	// First what fits, as the border depends on it, and then the places: all operands in
	// the result get one border, which is known when the last of them is, and what stays
	// outside does not count for it.
	there := make([]bool, len(s.In))
	border := s.Out.Layout.Border
	at := 0
	for i, v := range s.In {
		there[i] = p.movable(v, l) && at%pixel.Align == 0 && v.Layout.C%pixel.Align == 0 && once(s.In, v) &&
			(s.Out.view == nil || fits(v.Layout.Border))
		if there[i] {
			border = border.Max(v.Layout.Border)
		}
		at += v.Layout.C
	}
	// Each operand is now a view: at counts elements inside a pixel of the result, so the
	// operand's pixel (n,i,j) is the result's, at elements further on.
	s.Out.Layout.Border = border
	at = 0
	for i, v := range s.In {
		if there[i] {
			v.view, v.at = s.Out, at
			v.Layout.Stride, v.Layout.Border = s.Out.Layout.Stride, border
		}
		at += v.Layout.C
	}
	// The step stays even if it has nothing to copy: it sets the channels beyond C to zero,
	// and behind it the program clears the whole border.
	j.InPlace(there)
}

// sideBySide returns the first operand of s if all of them lie one behind the other
// in one value, in the order in which s joins them. Else it returns nil.
//
// It is asked when the steps behind have been joined: only they can have moved operands.
func sideBySide[T cpu.Float](s *Step[T]) *Value[T] {
	first := s.In[0]
	at := first.at
	for _, v := range s.In {
		if v.view == nil || v.view != first.view || v.at != at || !v.Layout.Last {
			return nil
		}
		at += v.Layout.C
	}
	return first
}

// movable reports whether v may lie inside another value: it is a step's own, and
// no reader wants its pixels tight. A result has memory of its own.
//
// No kernel knows yet where v lies: settle tells them all at its end.
func (p *Program[T]) movable(v *Value[T], l *layer[T]) bool {
	if v.view != nil || v.Bound != nil || v.result || !v.Layout.Last {
		return false
	}
	for _, w := range l.wants[v] {
		if w.Tight {
			return false
		}
	}
	return true
}

// once reports whether v is one of the operands once: it cannot lie in two places.
func once[T cpu.Float](in []*Value[T], v *Value[T]) bool {
	n := 0
	for _, o := range in {
		if o == v {
			n++
		}
	}
	return n == 1
}
