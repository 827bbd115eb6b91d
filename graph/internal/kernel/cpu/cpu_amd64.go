//go:build !noasm

package cpu

import "golang.org/x/sys/cpu"

// Best returns the best tier that the processor and the operating system
// support. AVX-512 is a family: F has the vectors of sixteen, BW their bytes and
// masks of 32 and 64 bits, DQ logic on floats and masks of bytes, VL the same
// instructions on vectors of eight. The kernels use all four. Processors with
// AVX-512 have had them together since Skylake-X.
func Best() Tier {
	x := cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return TierAVX512
	case x.HasAVX2 && x.HasFMA:
		return TierAVX2
	}
	return TierGo
}
