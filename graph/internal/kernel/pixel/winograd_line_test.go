package pixel

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// TestWinogradLines: along a line, the transformations are a convolution, and its
// gradient by the filter.
func TestWinogradLines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tile := range []struct{ side, out int }{{4, 2}, {6, 2}, {6, 4}} {
		k := tile.side + 1 - tile.out
		for _, c := range []struct {
			name         string
			from, result int // numbers of pixels
		}{{"output", k, tile.out}, {"gradient", tile.out, k}} {
			d, g := [maxSide]float64(kerneltest.Normal[float64](r, maxSide)), [maxSide]float64(kerneltest.Normal[float64](r, maxSide))
			m := imageLine(tile.side, tile.side, d)
			for i, v := range evaluateLine(tile.side, c.from, g) {
				m[i] *= v
			}
			y := combineLine(tile.side, c.result, m)
			for i := range c.result {
				want := 0.0
				for j := range c.from {
					want += g[j] * d[i+j]
				}
				if math.Abs(y[i]-want) > 1e-13 {
					t.Errorf("%v, %s: pixel %d is %v, want %v", tile, c.name, i, y[i], want)
				}
			}
		}
	}
}
