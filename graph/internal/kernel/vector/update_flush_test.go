package vector

import (
	"math"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// TestFlush: what a step keeps is 0 where it is too small to matter, and nowhere else,
// in the assembly's part of a tensor and in the rest.
func TestFlush(t *testing.T) {
	around := func(limit float32) (x, want []float32) {
		below := math.Nextafter32(limit, 0)
		x = []float32{limit, -limit, below, -below, 1e-42, -1e-45, 0, 1, float32(math.Inf(1)), limit, -below}
		want = []float32{limit, -limit, 0, 0, 0, 0, 0, 1, float32(math.Inf(1)), limit, 0}
		return x, want
	}
	zeros := func() []float32 { return make([]float32, 11) }
	kerneltest.EachTier(t, func(t *testing.T) {
		for name, step := range map[string]func(mean, square []float32){
			"Momentum":  func(mean, _ []float32) { Momentum(zeros(), zeros(), mean, 0, 1) },
			"Nesterov":  func(mean, _ []float32) { Nesterov(zeros(), zeros(), mean, 0, 1) },
			"Normalise": func(_, square []float32) { Normalise(zeros(), square, 1, 0, 1) },
			"Adam": func(mean, square []float32) {
				Adam(zeros(), zeros(), mean, square, AdamStep{Epsilon: 1, Beta1: 1, Beta2: 1})
			},
			"Lion": func(mean, _ []float32) { Lion(zeros(), zeros(), mean, LionStep{Beta1: 1, Beta2: 1}) },
		} {
			mean, wantMean := around(0x1p-100)
			square, wantSquare := around(0x1p-126)
			step(mean, square)
			if name != "Normalise" && !slices.Equal(mean, wantMean) {
				t.Errorf("%s: means become %v, want %v", name, mean, wantMean)
			}
			if (name == "Normalise" || name == "Adam") && !slices.Equal(square, wantSquare) {
				t.Errorf("%s: means of squares become %v, want %v", name, square, wantSquare)
			}
		}
	})
}
