package gemm

import "tapenet/graph/internal/kernel/cpu"

// Sizes of the blocks that a product is cut into. Sums are rounded to C's precision
// at each multiple of blockK and nowhere else, so blockK is part of what a product
// computes; the other two only decide its speed.
const (
	// A strip of A and a panel of B of this depth fit into the first-level cache,
	// or nearly.
	blockK = 256
	// So many rows of A are used with one panel of B before the next. It is a
	// multiple of every tile's rows.
	blockM = 192
	// So many columns of B are packed at a time. It is a multiple of every tile's
	// columns.
	blockN = 480
)

// workspace is the memory that one product needs, 0.7 MB in float32. It is large
// enough for Go to put it at the beginning of a page: so packed panels are aligned to
// cache lines. A product takes one from its tiles' list of idle ones and gives it back.
type workspace[T cpu.Float] struct {
	b    [blockK * blockN]T // packed panels of B
	a    [blockK * blockM]T // a block of A whose columns lie far apart
	tile [maxTile]T         // a tile of which C has not all columns
}

// maxTile is the number of elements of the largest tile, which is AVX-512's.
const maxTile = 12 * 32

// matrix is a strided view: element (i,j) is data[i*row+j*col]. A transpose is
// a view with row and col in each other's place.
type matrix[T cpu.Float] struct {
	data     []T
	row, col int
}

// stored views a stored matrix, transposed or as it is.
func stored[T cpu.Float](trans bool, data []T, ld int) matrix[T] {
	if trans {
		return matrix[T]{data, 1, ld}
	}
	return matrix[T]{data, ld, 1}
}

// at returns the view whose element (0,0) is m's (i,j).
func (m matrix[T]) at(i, j int) matrix[T] {
	return matrix[T]{m.data[i*m.row+j*m.col:], m.row, m.col}
}

// packB packs b for a product of m rows in all, panel by panel. A panel is k
// rows of x.Cols contiguous elements; columns that the last panel has too many
// are zero:
//
//	b (k,n), n = 40        panels of 16 columns, in x.w.b
//	├ 16 ┤├ 16 ┤├ 8 ┤      ┌ k rows of 16 ┐┌ k rows of 16 ┐┌ k rows of 8, 8 zeros ┐
//
// So a tile reads its panel from one end to the other, on few pages. If b is a
// transpose, packing transposes, as tiles read rows of contiguous columns alone.
// Panels whose rows are contiguous anyway stay where they are if only a dozen strips
// use them: then packing costs more than it saves.
func (x *block[T]) packB(m int) {
	x.packed = 0
	if x.b.col == 1 && m <= 12*len(x.Rows) {
		x.packed = x.n - x.n%x.Cols
	}
	for j := x.packed; j < x.n; j += x.Cols {
		panel, src, cols := x.w.b[j*x.k:][:x.Cols*x.k], x.b.at(0, j), min(x.Cols, x.n-j)
		if cols < x.Cols {
			clear(panel)
		}
		if src.col == 1 {
			packRows(panel, src.data, src.row, x.k, cols, x.Cols)
		} else {
			x.packCols(panel, src.data, src.col, x.k, cols, x.Cols)
		}
	}
}

// farColumns is the distance of columns, of a transposed A, from which on each lies in
// a page of its own: then a strip touches as many pages as it has columns.
const farColumns = 1024

// packA packs the block of A if its columns lie far apart and several panels use it:
// blockM elements of each column one behind the other.
func (x *block[T]) packA() {
	if x.a.row != 1 || x.a.col < farColumns || x.n <= x.Cols {
		return
	}
	packRows(x.w.a[:], x.a.data, x.a.col, x.k, x.m, blockM)
	x.a = matrix[T]{x.w.a[:], 1, blockM}
}

// panel returns the panel of b that begins at column j: in place below x.packed, and
// above in the workspace, where panel j/x.Cols begins at element j·k.
func (x *block[T]) panel(j int) matrix[T] {
	if j < x.packed {
		return x.b.at(0, j)
	}
	return matrix[T]{x.w.b[j*x.k:], x.Cols, 1}
}

// packRows fills a panel, whose rows have width elements, with the first cols of
// each of k rows that are stored ld elements apart.
func packRows[T cpu.Float](panel, src []T, ld, k, cols, width int) {
	for p := range k {
		copy(panel[p*width:][:cols], src[p*ld:])
	}
}

// packCols fills a panel from cols columns of k elements, each contiguous and ld
// elements behind the one before: panel[p*width+j] = src[j*ld+p]. This is the
// transposition of a matrix. It reads a cache line of each column before it goes on,
// so that the lines it writes to, one for each p, are few and stay in the cache.
func packCols[T cpu.Float](panel, src []T, ld, k, cols, width int) {
	const strip = 16 // so many elements of each column at a time: about a cache line
	for p0 := 0; p0 < k; p0 += strip {
		dst := panel[p0*width:]
		for j := range cols {
			for p, x := range src[j*ld+p0:][:min(strip, k-p0)] {
				dst[p*width+j] = x
			}
		}
	}
}

// TransposeInto sets dst[p*dstRow+j] to src[j*srcRow+p] for p < k and j < n: it
// turns n rows of k elements into k rows of n. Conversions between planes and
// pixels are such transpositions.
func TransposeInto[T cpu.Float](dst []T, dstRow int, src []T, srcRow, n, k int) {
	tilesOf[T](n).packCols(dst, src, srcRow, k, n, dstRow)
}
