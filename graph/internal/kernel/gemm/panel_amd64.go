//go:build !noasm

package gemm

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run ../gen/panel -out panel_asm_amd64.s -stubs panel_asm_amd64.go -pkg gemm

// panelWidths32 are the tiles of a tier, the widest first.
func panelWidths32(t cpu.Tier) []*panelTiles[float32] {
	switch t {
	case cpu.TierAVX512:
		return panelsAVX512
	case cpu.TierAVX2:
		return panelsAVX2
	}
	return panelsGo32
}

// streamBlock is the number of columns that streamRows takes a multiple of.
func streamBlock(t cpu.Tier) int {
	if t == cpu.TierAVX512 {
		return 64
	}
	return 32
}

// streamRows is streamGo in assembly.
func streamRows(t cpu.Tier, rows, cols int, x, w *float32, wRow int, y *float32) {
	if t == cpu.TierAVX512 {
		streamAVX512(rows, cols, x, w, wRow, y)
	} else {
		streamAVX2(rows, cols, x, w, wRow, y)
	}
}
