package gemm

import "tapenet/graph/internal/kernel/cpu"

// A TileFunc computes a tile of C, of a fixed number of rows and columns, from a
// strip of rows of A and a panel of columns of B:
//
//	for i := range rows {
//		for j := range columns {
//			sum := 0
//			for q := range outer { // at least 1
//				for p := range k { // at least 1
//					sum += a[i*aRow+p*aCol+q*aOuter] * b[p*bRow+q*bOuter+j]
//				}
//			}
//			if accumulate {
//				sum += c[i*ldc+j]
//			}
//			c[i*ldc+j] = sum
//		}
//	}
//
// The assembly rounds a product and the sum around it once; plain Go may round both.
// A matrix product has an outer of 1, a convolution one of its filters' or its
// image's height. The assembly does not check bounds. How an element is rounded
// depends on its row of A and column of B only, neither on its place in the tile
// nor on the number of rows of the tile.
type TileFunc[T cpu.Float] func(k, outer int, a []T, aRow, aCol, aOuter int, b []T, bRow, bOuter int, c []T, ldc int, accumulate bool)

// Tiles are the functions that products of one tier and width consist of, and the
// idle memory of such products. Convolutions call the functions on images as they
// are (conv/direct.go).
type Tiles[T cpu.Float] struct {
	Rows     []TileFunc[T] // rows[r-1] computes r rows
	Cols     int           // columns of every tile
	packCols func(panel, src []T, ld, k, cols, width int)
	work     cpu.FreeList[workspace[T]]
	jobs     cpu.FreeList[gemmJob[T]]
}

// newTiles returns the tiles of one width, with the function that packs their
// panels.
func newTiles[T cpu.Float](cols int, packCols func(panel, src []T, ld, k, cols, width int), rows []TileFunc[T]) *Tiles[T] {
	return &Tiles[T]{
		Rows:     rows,
		Cols:     cols,
		packCols: packCols,
		work:     cpu.NewFreeList[workspace[T]](),
		jobs:     cpu.NewFreeList[gemmJob[T]](),
	}
}

var (
	tilesGo32 = newGoTiles[float32]()
	tilesGo64 = newGoTiles[float64]()
)

// tilesOf returns the active tier's tiles for a product of n columns.
func tilesOf[T cpu.Float](n int) *Tiles[T] {
	var t any = tilesGo64
	if _, ok := any(T(0)).(float32); ok {
		t = tiles32(cpu.Active(), n)
	}
	return t.(*Tiles[T])
}

// WholeTiles returns the active tier's widest tiles whose number of columns
// divides n, a multiple of eight, or nil if it has none: tiles for outputs
// whose rows have n elements and no room for more.
func WholeTiles[T cpu.Float](n int) *Tiles[T] {
	var t any
	if _, ok := any(T(0)).(float32); ok {
		t = wholeTiles32(cpu.Active(), n)
	}
	w, _ := t.(*Tiles[T])
	return w
}

// WidestTiles returns the active tier's widest tiles of at most n columns, or nil if it
// has none: an output whose rows have n elements, a multiple of eight, and no room for
// more is cut so, from the left.
func WidestTiles[T cpu.Float](n int) *Tiles[T] {
	var t any
	if _, ok := any(T(0)).(float32); ok {
		t = widestTiles32(cpu.Active(), n)
	}
	w, _ := t.(*Tiles[T])
	return w
}

// goTile is the size of the largest tile in plain Go: goTile rows of goTile
// columns, the most that amd64 keeps in registers.
const goTile = 3

// newGoTiles returns the tiles in plain Go. They compute all rows and columns
// of the largest tile and store the rows that are asked for.
func newGoTiles[T cpu.Float]() *Tiles[T] {
	rows := make([]TileFunc[T], goTile)
	for r := range rows {
		rows[r] = func(k, outer int, a []T, aRow, aCol, aOuter int, b []T, bRow, bOuter int, c []T, ldc int, accumulate bool) {
			var sums [goTile][goTile]T
			for q := range outer {
				multiplyGo(&sums, r+1, k, a[q*aOuter:], aRow, aCol, b[q*bOuter:], bRow)
			}
			for i := range r + 1 {
				storeGo(&sums[i], c[i*ldc:], accumulate)
			}
		}
	}
	return newTiles(goTile, packCols[T], rows)
}

// multiplyGo adds the products of a strip of A and a panel of B to the sums.
// Rows beyond the strip's repeat its last one: so each element goes through the
// same instructions for every number of rows, and is rounded alike.
func multiplyGo[T cpu.Float](sums *[goTile][goTile]T, rows, k int, a []T, aRow, aCol int, b []T, bRow int) {
	a0, a1, a2 := a, a[min(1, rows-1)*aRow:], a[min(2, rows-1)*aRow:]
	s00, s01, s02 := sums[0][0], sums[0][1], sums[0][2]
	s10, s11, s12 := sums[1][0], sums[1][1], sums[1][2]
	s20, s21, s22 := sums[2][0], sums[2][1], sums[2][2]
	for p := range k {
		y := (*[goTile]T)(b[p*bRow:])
		y0, y1, y2 := y[0], y[1], y[2]
		x := a0[p*aCol]
		s00 += x * y0
		s01 += x * y1
		s02 += x * y2
		x = a1[p*aCol]
		s10 += x * y0
		s11 += x * y1
		s12 += x * y2
		x = a2[p*aCol]
		s20 += x * y0
		s21 += x * y1
		s22 += x * y2
	}
	*sums = [goTile][goTile]T{{s00, s01, s02}, {s10, s11, s12}, {s20, s21, s22}}
}

// storeGo writes a row of sums to C, or adds it.
func storeGo[T cpu.Float](sums *[goTile]T, c []T, accumulate bool) {
	for j, sum := range sums {
		if accumulate {
			sum += c[j]
		}
		c[j] = sum
	}
}
