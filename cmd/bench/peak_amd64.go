//go:build !noasm

package main

import "golang.org/x/sys/cpu"

//go:generate go run ./gen -out peak_asm_amd64.s -stubs peak_asm_amd64.go -pkg main

// newPeak is work in registers alone: as many fused multiply-adds as the
// processor can do. It reports false where it has none.
func newPeak() (work, bool) {
	const n = 1 << 16
	switch x := cpu.X86; {
	case x.HasAVX512F:
		return work{step: func() error { peakAVX512(n); return nil }, mulAdds: 12 * 16 * n}, true
	case x.HasAVX2 && x.HasFMA:
		return work{step: func() error { peakAVX2(n); return nil }, mulAdds: 12 * 8 * n}, true
	}
	return work{}, false
}
