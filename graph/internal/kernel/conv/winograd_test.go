package conv

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// winogradCases have each of the tilings.
var winogradCases = []struct {
	shape Shape
	want  tiling
}{
	{Shape{N: 9, C: 24, H: 11, W: 9, F: 20, KH: 5, KW: 5, OH: 9, OW: 7, PadTop: 1, PadLeft: 1}, tiling{6, 2}},
	{Shape{N: 9, C: 24, H: 11, W: 9, F: 20, KH: 3, KW: 3, OH: 9, OW: 7}, tiling{6, 4}},
	{Shape{N: 40, C: 24, H: 4, W: 4, F: 20, KH: 3, KW: 3, OH: 4, OW: 4, PadTop: 1, PadLeft: 1}, tiling{4, 2}},
	{Shape{N: 20, C: 8 * 16, H: 6, W: 6, F: 260, KH: 3, KW: 3, OH: 6, OW: 6, PadTop: 1, PadLeft: 1}, tiling{4, 2}}, // gathered
	{Shape{N: 9, C: 8 * 33, H: 8, W: 8, F: 16, KH: 3, KW: 3, OH: 8, OW: 8, PadTop: 1, PadLeft: 1}, tiling{4, 2}},
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
				k.Run(k.Floats, nil)
				bits := kerneltest.Float32Bits(k.Floats...)
				if first == nil {
					first = bits
				}
				if !slices.Equal(bits, first) {
					t.Errorf("%v: %d threads give other bits than one", c.want, threads)
				}
			}()
		}
		if n := testing.AllocsPerRun(5, func() { k.Run(k.Floats, nil) }); n > 0 {
			t.Errorf("%v: %v allocations a run", c.want, n)
		}
	}
}
