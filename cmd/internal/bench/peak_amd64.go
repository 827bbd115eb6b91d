//go:build !noasm

package bench

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../../graph/internal/kernel/gen ./peak -out ../../../../cmd/internal/bench/peak_asm_amd64.s -stubs ../../../../cmd/internal/bench/peak_asm_amd64.go -pkg bench

// newPeak is work in registers alone, as many fused multiply-adds as the processor
// can do, and the name of the instructions. It is no work where there are none.
func newPeak() (w work, tier string) {
	const n = 1 << 16
	switch x := cpu.X86; {
	case x.HasAVX512F:
		return work{step: func() error { peakAVX512(n); return nil }, mulAdds: 12 * 16 * n}, "AVX-512"
	case x.HasAVX2 && x.HasFMA:
		return work{step: func() error { peakAVX2(n); return nil }, mulAdds: 12 * 8 * n}, "AVX2"
	}
	return work{}, plainTier
}
