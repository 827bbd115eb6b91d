//go:build !noasm

package gemm

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run -C ../gen ./panel -out ../gemm/panel_asm_amd64.s -stubs ../gemm/panel_asm_amd64.go -table ../gemm/panel_table_amd64.go -pkg gemm

// panelWidths32 returns the tiles of a tier, the widest first: 32, 16 and 8 columns
// with AVX-512, 16 and 8 with AVX2. All give the same bits.
func panelWidths32(t cpu.Tier) []*panelTiles[float32] {
	switch t {
	case cpu.TierAVX512:
		return panelsAVX512
	case cpu.TierAVX2:
		return panelsAVX2
	}
	return panelsGo32
}

// streamBlock returns the number of columns that streamRows takes a multiple of: four
// vectors, as many sums as hide the time of a fused multiply-add.
func streamBlock(t cpu.Tier) int {
	if t == cpu.TierAVX512 {
		return 64
	}
	return 32
}

// streamRows is streamGo in assembly, with each product and sum rounded once. rows and
// cols are at least 1.
func streamRows(t cpu.Tier, rows, cols int, x, w *float32, wRow int, y *float32) {
	if t == cpu.TierAVX512 {
		streamAVX512(rows, cols, x, w, wRow, y)
	} else {
		streamAVX2(rows, cols, x, w, wRow, y)
	}
}
