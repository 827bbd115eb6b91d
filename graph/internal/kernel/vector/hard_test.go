package vector

import (
	"math"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// The pieces of the hard curves meet where they should, exactly, in every tier
// and wherever in a vector.
func TestHardCurvesAtJoints(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	below, above := float64(math.Nextafter32(3, 0)), float64(math.Nextafter32(3, 4))
	for name, c := range map[string]struct {
		curve Curve
		at    [][3]float64 // x, the curve's value, its derivative
	}{
		"ReLU6":       {ReLU6, [][3]float64{{0, 0, 0}, {6, 6, 0}, {2.5, 2.5, 1}, {-inf, 0, 0}, {inf, 6, 0}, {nan, nan, 1}}},
		"Between":     {Between(-1, inf), [][3]float64{{-1, -1, 0}, {-2, -1, 0}, {1e30, 1e30, 1}}},
		"HardSwish":   {HardSwish, [][3]float64{{-3, 0, 0}, {3, 3, 1}, {above, above, 1}, {0, 0, 0.5}, {7e7, 7e7, 1}, {-inf, 0, 0}, {inf, inf, 1}, {nan, nan, nan}}},
		"HardSigmoid": {HardSigmoid(0.25, 0.75), [][3]float64{{-3, 0, 0}, {-below, (3 - below) / 4, 0.25}, {1, 1, 0}, {0, 0.75, 0.25}, {-inf, 0, 0}, {inf, 1, 0}, {nan, nan, 0.25}}},
	} {
		kerneltest.EachTier(t, func(t *testing.T) {
			for i, at := range c.at {
				for n := i + 1; n < 40; n += 7 {
					x, y, dx := make([]float32, n), make([]float32, n), make([]float32, n)
					x[n-1], dx[n-1] = float32(at[0]), 2
					c.curve.both(y, dx, x)
					if !within(y[n-1], at[1], 0) || !within(dx[n-1], 2*at[2], 0) {
						t.Errorf("%s of %v is %v with gradient %v, want %v and %v", name, at[0], y[n-1], dx[n-1], at[1], 2*at[2])
					}
				}
			}
		})
	}
}
