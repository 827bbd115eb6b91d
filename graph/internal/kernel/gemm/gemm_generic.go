//go:build !amd64 || noasm

package gemm

import "tapenet/graph/internal/kernel/cpu"

// tiles32 returns the only tiles of this build.
func tiles32(cpu.Tier, int) *Tiles[float32] { return tilesGo32 }

// wholeTiles32 returns nil: this build has no tiles whose columns divide a
// multiple of eight.
func wholeTiles32(cpu.Tier, int) *Tiles[float32] { return nil }

// widestTiles32 returns nil likewise.
func widestTiles32(cpu.Tier, int) *Tiles[float32] { return nil }
