package graph_test

import (
	"math"
	"testing"

	"tapenet/graph"
)

// The first of equal values wins, and NaN never does.
func TestArgMax(t *testing.T) {
	nan := float32(math.NaN())
	for _, tt := range []struct {
		x    []float32
		want int
	}{
		{[]float32{3}, 0},
		{[]float32{1, 2, 0}, 1},
		{[]float32{-3, -1, -2}, 1},
		{[]float32{1, 5, 5}, 1},
		{[]float32{0, nan, 1}, 2},
	} {
		if got := graph.ArgMax(tt.x); got != tt.want {
			t.Errorf("ArgMax(%v) = %d, want %d", tt.x, got, tt.want)
		}
	}
}
