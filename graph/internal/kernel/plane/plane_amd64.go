//go:build !noasm

package plane

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run -C ../gen ./plane -out ../plane/plane_asm_amd64.s -stubs ../plane/plane_asm_amd64.go -table ../plane/plane_table_amd64.go -pkg plane

// loopsOf returns the functions of a tier with assembly.
func loopsOf(t cpu.Tier) *tierLoops {
	if t == cpu.TierAVX2 {
		return &loopsAVX2
	}
	return &loopsAVX512
}
