package vector

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// FuzzPairs holds the pooling of windows of 2×2 equal on all tiers, in bits.
func FuzzPairs(f *testing.F) {
	for cols := range uint8(20) {
		f.Add(uint64(cols), cols%4, cols, cols%3)
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, over uint8) {
		rows, cols, over = 1+rows%8, 1+cols%40, over%4
		m, n, width := int(rows), int(cols), 2*int(cols)+int(over)
		r := rand.New(rand.NewPCG(seed, 3))
		x, y, dx := kerneltest.Values(r, 2*m*width), kerneltest.Values(r, m*n), kerneltest.Values(r, 2*m*width)
		for i := range x {
			if r.IntN(3) == 0 {
				x[i] = float32(r.IntN(3)) // equal pixels
			}
		}
		run := func(to cpu.Tier) ([]uint32, []int32) {
			winner := slices.Repeat([]int32{-1}, m*n+8)
			got := kerneltest.OnFenced(t, to, func(v [][]float32) {
				MaxPairs(m, n, v[0], winner[:m*n], v[1], width)
				AvgPairs(m, n, v[2], v[1], width)
				AvgPairsGrad(m, n, v[0], v[3], width)
			}, y, x, y, dx)
			return kerneltest.Float32Bits(got...), winner
		}
		bits, winner := run(cpu.TierGo)
		for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
			gotBits, gotWinner := run(to)
			if !slices.Equal(gotBits, bits) || !slices.Equal(gotWinner, winner) {
				t.Fatalf("%v: %d rows of %d windows differ from the plain loop", to, m, n)
			}
		}
	})
}
