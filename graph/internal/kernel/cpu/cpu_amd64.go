//go:build !noasm

package cpu

import "golang.org/x/sys/cpu"

// Best returns the best tier that the processor and the operating system
// support.
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
