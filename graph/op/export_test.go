package op

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Life is where a plan places a result, in bytes, and when it is alive.
type Life struct{ First, Last, At, Size int }

// Placed lists the results that share memory, and the size of their arena.
func (s *Sequence) Placed() (lives []Life, size int) {
	for _, l := range s.plan.placed {
		lives = append(lives, Life{l.first, l.last, l.at, l.bytes()})
	}
	return lives, s.plan.size
}

// Poison sets the shared memory of a sequence in float64 to NaN.
func (s *Sequence) Poison() {
	if err := s.plan.provide(); err != nil {
		panic(err)
	}
	for _, l := range s.plan.placed {
		data := l.memory.(*result[float64]).data
		for i := range data {
			data[i] = math.NaN()
		}
	}
}

// DyOnly reports whether the backward pass of a node's op does without the
// operands.
func DyOnly(n *gorgonia.Node) bool { return n.Op().(described).describe().dyOnly }
