package kernel

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// TestWinogradLines: along a line, the transformations are a convolution, and its
// gradient by the filter.
func TestWinogradLines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tile := range []tiling{{4, 2}, {6, 2}, {6, 4}} {
		k := tile.side + 1 - tile.out
		for _, c := range []struct {
			name         string
			from, result int // numbers of pixels
		}{{"output", k, tile.out}, {"gradient", tile.out, k}} {
			d, g := [maxSide]float64(normal[float64](r, maxSide)), [maxSide]float64(normal[float64](r, maxSide))
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

// winogradCases have each of the tilings.
var winogradCases = []struct {
	shape ConvShape
	want  tiling
}{
	{ConvShape{N: 9, C: 24, H: 11, W: 9, F: 20, KH: 5, KW: 5, OH: 9, OW: 7, PadTop: 1, PadLeft: 1}, tiling{6, 2}},
	{ConvShape{N: 9, C: 24, H: 11, W: 9, F: 20, KH: 3, KW: 3, OH: 9, OW: 7}, tiling{6, 4}},
	{ConvShape{N: 40, C: 24, H: 4, W: 4, F: 20, KH: 3, KW: 3, OH: 4, OW: 4, PadTop: 1, PadLeft: 1}, tiling{4, 2}},
	{ConvShape{N: 9, C: 8 * 33, H: 8, W: 8, F: 16, KH: 3, KW: 3, OH: 8, OW: 8, PadTop: 1, PadLeft: 1}, tiling{4, 2}},
}

// The bits do not depend on the number of threads, and nothing is allocated
// after the first run.
func TestWinogradThreadsAndMemory(t *testing.T) {
	for _, c := range winogradCases {
		s := c.shape
		s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.Groups = 1, 1, 1, 1, 1
		if got, ok := s.winogradTiling(); !ok || got != c.want {
			t.Fatalf("%+v: tiling is %v, want %v", s, got, c.want)
		}
		k := convolution(rand.New(rand.NewPCG(3, 4)), s)
		var first []uint32
		for _, threads := range []int{1, 2, 3} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
				k.run(k.floats, nil)
				bits := float32Bits(k.floats...)
				if first == nil {
					first = bits
				}
				if !slices.Equal(bits, first) {
					t.Errorf("%v: %d threads give other bits than one", c.want, threads)
				}
			}()
		}
		if n := testing.AllocsPerRun(5, func() { k.run(k.floats, nil) }); n > 0 {
			t.Errorf("%v: %v allocations a run", c.want, n)
		}
	}
}
