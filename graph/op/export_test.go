package op

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Life is where a plan places a result, in bytes, and when it is alive.
type Life struct{ First, Last, At, Size int }

// Placed lists the results that share memory, and the size of their arena.
func (s *Sequence) Placed() (lives []Life, size int) {
	const element = 8 // float64
	all, size := s.machine.(*translation[float64]).Lives()
	for _, l := range all {
		lives = append(lives, Life{l.First, l.Last, l.Begin * element, l.Size * element})
	}
	return lives, size * element
}

// Poison sets the shared memory of a sequence in float64 to NaN.
func (s *Sequence) Poison() {
	arena := s.machine.(*translation[float64]).Arena()
	for i := range arena {
		arena[i] = math.NaN()
	}
}

// GorgoniaAdd is the text by which a sequence knows Gorgonia's sums.
const GorgoniaAdd = gorgoniaAdd

// DyOnly reports whether the backward pass of a node's op does without the
// operands.
func DyOnly(n *gorgonia.Node) bool { return n.Op().(described).describe().dyOnly }
