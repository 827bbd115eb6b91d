package program

import (
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestBits: whole programs give the same bits for any number of threads, and on AVX2
// those of AVX-512.
func TestBits(t *testing.T) {
	for seed := range uint64(programs() / 2) {
		var first []uint32
		for tier := cpu.TierAVX2; tier <= cpu.Best(); tier++ {
			for _, threads := range []int{1, 2, 3, 8} {
				bits := bitsOf(t, seed, tier, threads)
				if first == nil {
					first = bits
				}
				if !slices.Equal(bits, first) {
					t.Errorf("seed %d: %d threads on %v give other bits than one on AVX2", seed, threads, tier)
				}
			}
		}
		alone := bitsOf(t, seed, cpu.TierGo, 1)
		if again := bitsOf(t, seed, cpu.TierGo, 3); !slices.Equal(again, alone) {
			t.Errorf("seed %d: three threads in plain Go give other bits than one", seed)
		}
	}
}

// bitsOf are the bits of what two programs of a seed compute: one for inference, and one
// with gradients.
func bitsOf(t *testing.T, seed uint64, tier cpu.Tier, threads int) (bits []uint32) {
	t.Helper()
	defer cpu.Use(tier)()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	n, results := randomNet[float32](seed, seed%2 > 0)
	bits = kerneltest.Float32Bits(n.run(t, results, Options{Inference: true})...)
	n, results = randomTraining[float32](seed)
	return append(bits, kerneltest.Float32Bits(n.run(t, results, Options{})...)...)
}
