// Package arena plans memory that values share: the values of a program, and the
// values of a network that is exported as Go. Values that are alive at the same time
// do not overlap.
package arena

import (
	"cmp"
	"slices"
)

// Span is a value in an arena: how large it is, when it is alive, and where it lies.
type Span struct {
	Size        int // in elements
	First, Last int // the steps in which it is alive, both included
	Begin       int // its first element; Place sets it
}

// Place places spans in an arena, the largest first, each at the lowest place that
// is free for all its life (Pisarchyk and Lee 2020, greedy by size). Spans of equal
// size come in the order in which they are given. It returns the arena's size.
//
//	step   1  2  3  4  5  6          arena
//	a      ├──────┤                  │ a      │
//	b         ├─────────┤            │        │ b    │
//	c               ├─────┤          │ c   │
//	                                 0              size
func Place(spans []*Span) (size int) {
	bySize := slices.Clone(spans)
	slices.SortStableFunc(bySize, func(a, b *Span) int { return cmp.Compare(b.Size, a.Size) })
	// Spans that have a place are kept in the order of their places, so that one walk
	// finds the first gap. It goes on behind each span that is alive at the same time
	// and in the way.
	var placed []*Span
	for _, s := range bySize {
		s.Begin = 0
		for _, other := range placed {
			// Never alive together: the two may lie over each other.
			if other.Last < s.First || s.Last < other.First {
				continue
			}
			// The gap in front of other is large enough. All later ones begin behind it.
			if s.Begin+s.Size <= other.Begin {
				break
			}
			// max, as other may end before one that begins in front of it: the two need
			// not live at the same time.
			s.Begin = max(s.Begin, other.Begin+other.Size)
		}
		i, _ := slices.BinarySearchFunc(placed, s, func(a, b *Span) int { return cmp.Compare(a.Begin, b.Begin) })
		placed = slices.Insert(placed, i, s)
		size = max(size, s.Begin+s.Size)
	}
	return size
}
