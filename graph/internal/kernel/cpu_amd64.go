//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// bestTier returns the best tier that processor and operating system support.
func bestTier() tier {
	x := cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return tierAVX512
	case x.HasAVX2 && x.HasFMA:
		return tierAVX2
	}
	return tierGo
}
