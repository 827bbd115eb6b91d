package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// FuzzNorm holds the loops of a batch normalisation equal on all tiers: in
// bits, and the sums, whose order differs, within 1e-13 of their terms' size.
func FuzzNorm(f *testing.F) {
	for n := range uint16(20) {
		f.Add(uint64(n), n, n%2 == 0)
	}
	f.Add(uint64(3), uint16(784), true)
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, relu bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := Channel[float32]{Mean: r.Float32(), A: float32(r.NormFloat64()), Beta: r.Float32(), Floor: float32(math.Inf(-1))}
		if relu {
			c.Floor = 0
		}
		x, dy, out := kerneltest.Values(r, int(n)), kerneltest.Values(r, int(n)), kerneltest.Values(r, int(n))
		run := func(to cpu.Tier) ([]uint32, [4]float64) {
			var sums [4]float64
			got := kerneltest.OnFenced(t, to, func(v [][]float32) {
				sums[0], sums[1] = Deviations(v[0], 0.25)
				sums[2], sums[3] = c.Sums(v[1], v[0])
				c.Normalise(v[2], v[0])
				c.Gradient(v[1], v[1], v[0], 0.5, -0.25)
			}, x, dy, out)
			return kerneltest.Float32Bits(got...), sums
		}
		bits, sums := run(cpu.TierGo)
		sizes := c.sizes(x, dy)
		for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
			gotBits, gotSums := run(to)
			if !slices.Equal(gotBits, bits) {
				t.Fatalf("%v: %d elements differ from the plain loop", to, n)
			}
			for i, want := range sums {
				if got := gotSums[i]; !sameNumber(got, want, sizes[i]) {
					t.Fatalf("%v: sum %d of %d elements is %v, want %v", to, i, n, got, want)
				}
			}
		}
	})
}

// sizes returns the sums of FuzzNorm with all terms taken as positive.
func (c Channel[T]) sizes(x, dy []T) (sizes [4]float64) {
	for i, v := range x {
		d := math.Abs(float64(v) - 0.25)
		sizes[0] += d
		sizes[1] += d * d
		if !(c.at(v) <= c.Floor) {
			sizes[2] += math.Abs(float64(dy[i]))
			sizes[3] += math.Abs(float64(dy[i]) * float64(v-c.Mean))
		}
	}
	return sizes
}

// sameNumber reports whether two sums are equal up to rounding, of which size
// is the measure: 1e-13 of it.
func sameNumber(got, want, size float64) bool {
	switch {
	case math.IsNaN(want):
		return math.IsNaN(got)
	case math.IsInf(want, 0):
		return got == want
	}
	return math.Abs(got-want) <= 1e-13*size
}
