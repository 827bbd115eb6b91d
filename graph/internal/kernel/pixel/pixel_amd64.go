//go:build !noasm

package pixel

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run -C ../gen ./pixel -out ../pixel/pixel_asm_amd64.s -stubs ../pixel/pixel_asm_amd64.go -table ../pixel/pixel_table_amd64.go -pkg pixel

// loops returns the loops of the active tier, which is not plain Go: the caller has
// asked cpu.Float32s.
func loops() *loopFuncs {
	if cpu.Active() == cpu.TierAVX512 {
		return &loopsAVX512
	}
	return &loopsAVX2
}
