//go:build !noasm

package kernel

//go:generate go run ./gen/gemm -out gemm_asm_amd64.s -stubs gemm_asm_amd64.go -pkg kernel

var (
	tilesAVX2Narrow = newTiles(8, packColsAVX2, []tileFunc[float32]{
		tileAVX2NarrowRows1, tileAVX2NarrowRows2, tileAVX2NarrowRows3,
		tileAVX2NarrowRows4, tileAVX2NarrowRows5, tileAVX2NarrowRows6,
		tileAVX2NarrowRows7, tileAVX2NarrowRows8, tileAVX2NarrowRows9,
		tileAVX2NarrowRows10, tileAVX2NarrowRows11, tileAVX2NarrowRows12,
	})
	tilesAVX2 = newTiles(16, packColsAVX2, []tileFunc[float32]{
		tileAVX2Rows1, tileAVX2Rows2, tileAVX2Rows3,
		tileAVX2Rows4, tileAVX2Rows5, tileAVX2Rows6,
	})
	tilesAVX512Narrow = newTiles(16, packColsAVX2, []tileFunc[float32]{
		tileAVX512NarrowRows1, tileAVX512NarrowRows2, tileAVX512NarrowRows3,
		tileAVX512NarrowRows4, tileAVX512NarrowRows5, tileAVX512NarrowRows6,
		tileAVX512NarrowRows7, tileAVX512NarrowRows8, tileAVX512NarrowRows9,
		tileAVX512NarrowRows10, tileAVX512NarrowRows11, tileAVX512NarrowRows12,
	})
	tilesAVX512 = newTiles(32, packColsAVX2, []tileFunc[float32]{
		tileAVX512Rows1, tileAVX512Rows2, tileAVX512Rows3,
		tileAVX512Rows4, tileAVX512Rows5, tileAVX512Rows6,
		tileAVX512Rows7, tileAVX512Rows8, tileAVX512Rows9,
		tileAVX512Rows10, tileAVX512Rows11, tileAVX512Rows12,
	})
)

// tiles32 returns the tiles of tier t that suit a product of n columns: the narrowest that take them at once, else the widest.
// All give the same bits.
func tiles32(t tier, n int) *tiles[float32] {
	switch {
	case t < tierAVX2:
		return tilesGo32
	case n <= tilesAVX2Narrow.cols:
		return tilesAVX2Narrow
	case t == tierAVX2:
		return tilesAVX2
	case n <= tilesAVX512Narrow.cols:
		return tilesAVX512Narrow
	}
	return tilesAVX512
}

// wholeTiles32 returns the widest tiles of tier t whose number of columns divides n, a multiple of eight, or nil if the tier has none.
func wholeTiles32(t tier, n int) *tiles[float32] {
	switch {
	case t < tierAVX2:
		return nil
	case t == tierAVX512 && n%tilesAVX512.cols == 0:
		return tilesAVX512
	case t == tierAVX512 && n%tilesAVX512Narrow.cols == 0:
		return tilesAVX512Narrow
	case n%tilesAVX2.cols == 0:
		return tilesAVX2
	}
	return tilesAVX2Narrow
}

// packColsAVX2 is packCols, in blocks of 8×8 as far as these go.
func packColsAVX2(panel, src []float32, ld, k, cols, width int) {
	blocks, done := k/8, 0
	for ; done+8 <= cols; done += 8 {
		transposeAVX2(blocks, src[done*ld:], ld, panel[done:], width)
	}
	if k%8 > 0 {
		packCols(panel[8*blocks*width:], src[8*blocks:], ld, k%8, done, width)
	}
	if done < cols {
		packCols(panel[done:], src[done*ld:], ld, k, cols-done, width)
	}
}
