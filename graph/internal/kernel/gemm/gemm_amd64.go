//go:build !noasm

package gemm

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
)

//go:generate go run ../gen/gemm -out gemm_asm_amd64.s -stubs gemm_asm_amd64.go -pkg gemm

var (
	tilesAVX2Narrow = newTiles(8, packColsAVX2, []TileFunc[float32]{
		tileAVX2NarrowRows1, tileAVX2NarrowRows2, tileAVX2NarrowRows3,
		tileAVX2NarrowRows4, tileAVX2NarrowRows5, tileAVX2NarrowRows6,
		tileAVX2NarrowRows7, tileAVX2NarrowRows8, tileAVX2NarrowRows9,
		tileAVX2NarrowRows10, tileAVX2NarrowRows11, tileAVX2NarrowRows12,
	})
	tilesAVX2 = newTiles(16, packColsAVX2, []TileFunc[float32]{
		tileAVX2Rows1, tileAVX2Rows2, tileAVX2Rows3,
		tileAVX2Rows4, tileAVX2Rows5, tileAVX2Rows6,
	})
	tilesAVX512Half = newTiles(8, packColsAVX2, []TileFunc[float32]{
		tileAVX512HalfRows1, tileAVX512HalfRows2, tileAVX512HalfRows3,
		tileAVX512HalfRows4, tileAVX512HalfRows5, tileAVX512HalfRows6,
		tileAVX512HalfRows7, tileAVX512HalfRows8, tileAVX512HalfRows9,
		tileAVX512HalfRows10, tileAVX512HalfRows11, tileAVX512HalfRows12,
	})
	tilesAVX512Narrow = newTiles(16, packColsAVX2, []TileFunc[float32]{
		tileAVX512NarrowRows1, tileAVX512NarrowRows2, tileAVX512NarrowRows3,
		tileAVX512NarrowRows4, tileAVX512NarrowRows5, tileAVX512NarrowRows6,
		tileAVX512NarrowRows7, tileAVX512NarrowRows8, tileAVX512NarrowRows9,
		tileAVX512NarrowRows10, tileAVX512NarrowRows11, tileAVX512NarrowRows12,
	})
	tilesAVX512 = newTiles(32, packColsAVX2, []TileFunc[float32]{
		tileAVX512Rows1, tileAVX512Rows2, tileAVX512Rows3,
		tileAVX512Rows4, tileAVX512Rows5, tileAVX512Rows6,
		tileAVX512Rows7, tileAVX512Rows8, tileAVX512Rows9,
		tileAVX512Rows10, tileAVX512Rows11, tileAVX512Rows12,
	})
)

// tiles32 returns the tiles of tier t that suit a product of n columns: the narrowest that take them at once, else the widest.
// All give the same bits.
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

// wholeTiles32 returns the widest tiles of tier t whose number of columns divides n, a multiple of eight, or nil if the tier has none.
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

// tilesOfTier are the tiles of an assembly tier, the narrowest first.
func tilesOfTier(t cpu.Tier) []*Tiles[float32] {
	if t == cpu.TierAVX2 {
		return allAVX2
	}
	return allAVX512
}

var (
	allAVX2   = []*Tiles[float32]{tilesAVX2Narrow, tilesAVX2}
	allAVX512 = []*Tiles[float32]{tilesAVX512Half, tilesAVX512Narrow, tilesAVX512}
)

// packColsAVX2 is packCols, in blocks of 8×8: where their number is not whole, the last one overlaps the one before.
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
