package kerneltest

import (
	"testing"

	"tapenet/graph/internal/kernel/cpu"
)

// BenchTiers measures f on every tier of this machine, from lowest on.
func BenchTiers(b *testing.B, lowest cpu.Tier, f func(b *testing.B)) {
	for tier := lowest; tier <= cpu.Best(); tier++ {
		b.Run(tier.String(), func(b *testing.B) {
			defer cpu.Use(tier)()
			f(b)
		})
	}
}
