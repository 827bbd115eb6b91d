//go:build !noasm

package gemm

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
)

//go:generate go run -C ../gen ./gemm -out ../gemm/gemm_asm_amd64.s -stubs ../gemm/gemm_asm_amd64.go -tiles ../gemm/gemm_tiles_amd64.go -pkg gemm

// This file chooses tiles. What there is (gen/gemm):
//
//	AVX2    12×8   6×16              rows of the largest tile × columns
//	AVX512  12×8  12×16  12×32
//
// A tile has as many sums as registers can hold beside a vector of B and one of A:
// 6×16 are 12 of AVX2's 16 registers, 12×32 are 24 of AVX-512's 32. The number of
// sums is the number of fused multiply-adds that run at a time, of which a processor
// needs eight to ten to be busy. The choice never changes bits: each element is one
// chain of fused multiply-adds, in the order of k, in every tile.

// tiles32 returns the tiles of tier t that suit a product of n columns: the
// narrowest ones that take them at once, else the widest. All give the same
// bits.
func tiles32(t cpu.Tier, n int) *Tiles[float32] {
	if t < cpu.TierAVX2 {
		return tilesGo32
	}
	of := tilesOfTier(t)
	for _, narrow := range of {
		if n <= narrow.Cols {
			return narrow
		}
	}
	return of[len(of)-1]
}

// wholeTiles32 returns the widest tiles of tier t whose number of columns
// divides n, a multiple of eight, or nil if the tier has none.
func wholeTiles32(t cpu.Tier, n int) *Tiles[float32] {
	if t < cpu.TierAVX2 {
		return nil
	}
	for _, wide := range slices.Backward(tilesOfTier(t)) {
		if n%wide.Cols == 0 {
			return wide
		}
	}
	return nil
}

// widestTiles32 returns the widest tiles of tier t that n columns, a multiple of
// eight, have room for, or nil if the tier has none.
func widestTiles32(t cpu.Tier, n int) *Tiles[float32] {
	if t < cpu.TierAVX2 {
		return nil
	}
	for _, wide := range slices.Backward(tilesOfTier(t)) {
		if wide.Cols <= n {
			return wide
		}
	}
	return nil
}

// tilesOfTier returns the tiles of an assembly tier, the narrowest first. The
// generator has written the tables.
func tilesOfTier(t cpu.Tier) []*Tiles[float32] {
	if t == cpu.TierAVX2 {
		return tilesAVX2
	}
	return tilesAVX512
}

// packColsAVX2 is packCols, in blocks of 8×8. Where their number is not whole,
// the last block overlaps the one before and writes the same elements again:
//
//	k = 19   ├─ 8 ─┤├─ 8 ─┤         two blocks, in one call
//	                   ├─ 8 ─┤      and one that begins at k-8 = 11
//
// Matrices of less than eight rows or columns have functions of their own,
// which write nothing beyond them: there is no block before.
func packColsAVX2(panel, src []float32, ld, k, cols, width int) {
	switch {
	case cols < 8 && k < 8:
		packCols(panel, src, ld, k, cols, width)
	case cols < 8:
		transposeFewAVX2(k, cols, src, ld, panel, width)
	case k < 8:
		transposeNarrowAVX2(k, cols, src, ld, panel, width)
	default:
		for j := 0; j < cols; j += 8 {
			j = min(j, cols-8)
			transposeAVX2(k/8, src[j*ld:], ld, panel[j:], width)
			if rest := k % 8; rest > 0 {
				transposeAVX2(1, src[j*ld+k-8:], ld, panel[(k-8)*width+j:], width)
			}
		}
	}
}
