package modelzoo

import (
	"math"

	"tapenet/graph"
)

// The widths that networks can be scaled by: enough for a curve, and no more
// than sixteen times the weights for a name in somebody's file.
const minWidth, maxWidth = 0.1, 4

// scale is how a network multiplies its numbers of units.
type scale float64

// newScale checks a network's Width, of which 0 means 1.
func newScale(s *graph.Scope, width float64) scale {
	if width == 0 {
		return 1
	}
	if !(width >= minWidth && width <= maxWidth) {
		s.Errorf("width %g, want %g to %d, or 0 for 1", width, minWidth, maxWidth)
		return 1
	}
	return scale(width)
}

// units are n, scaled and rounded to a multiple of step, which n is a multiple
// of.
func (w scale) units(n, step int) int {
	return max(step, step*int(math.Round(float64(w)*float64(n)/float64(step))))
}
