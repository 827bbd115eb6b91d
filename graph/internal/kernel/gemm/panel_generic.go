//go:build !amd64 || noasm

package gemm

import "tapenet/graph/internal/kernel/cpu"

// panelWidths32 returns the tiles of the only tier of this build.
func panelWidths32(cpu.Tier) []*panelTiles[float32] { return panelsGo32 }

// streamBlock and streamRows are never called in this build.
func streamBlock(cpu.Tier) int                                                   { return 1 }
func streamRows(_ cpu.Tier, rows, cols int, x, w *float32, wRow int, y *float32) {}
