//go:build !noasm

package kernel

//go:generate go run ./gen/gemm -out gemm_asm_amd64.s -stubs gemm_asm_amd64.go -pkg kernel

var (
	tilesAVX2 = newTiles(16, packColsAVX2, []tileFunc[float32]{
		tileAVX2Rows1, tileAVX2Rows2, tileAVX2Rows3,
		tileAVX2Rows4, tileAVX2Rows5, tileAVX2Rows6,
	})
	tilesAVX512 = newTiles(32, packColsAVX2, []tileFunc[float32]{
		tileAVX512Rows1, tileAVX512Rows2, tileAVX512Rows3, tileAVX512Rows4,
		tileAVX512Rows5, tileAVX512Rows6, tileAVX512Rows7, tileAVX512Rows8,
		tileAVX512Rows9, tileAVX512Rows10, tileAVX512Rows11, tileAVX512Rows12,
	})
)

// tiles32 returns the tiles of tier t that suit a product of n columns. AVX-512 and AVX2 give the same bits; a product that is narrow
// wastes less of the latter's tiles.
func tiles32(t tier, n int) *tiles[float32] {
	switch {
	case t == tierAVX512 && n > tilesAVX2.cols:
		return tilesAVX512
	case t >= tierAVX2:
		return tilesAVX2
	}
	return tilesGo32
}

// packColsAVX2 is packCols, in blocks of 8×8 as far as these go.
func packColsAVX2(panel, src []float32, ld, k, cols, width int) {
	blocks, done := k/8, 0
	for ; done+8 <= cols; done += 8 {
		transposeAVX2(blocks, src[done*ld:], ld, panel[done:], width)
	}
	packCols(panel[8*blocks*width:], src[8*blocks:], ld, k%8, done, width)
	if done < cols {
		packCols(panel[done:], src[done*ld:], ld, k, cols-done, width)
	}
}
