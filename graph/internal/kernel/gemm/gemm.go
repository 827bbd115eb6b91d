// Package gemm is the matrix product, and its parts: the tiles, which convolutions
// use too, and the packing and transposing of operands.
//
// A product C = A·B is cut in three: C into blocks of blockN columns, the sums
// into parts of blockK terms, the rows into blocks of blockM. B's part of a
// block is packed into panels as wide as a tile; then tile after tile of C is
// computed from a strip of rows of A and a panel:
//
//	        ┌──── blockN ────┐
//	        │ panel│panel│ … │ B, blockK rows, packed
//	┌──────┐┌──────┬─────┬───┐
//	│strip ││ tile │     │   │
//	├──────┤├──────┼─────┼───┤ C, blockM rows
//	│ A    ││      │     │   │
//	└──────┘└──────┴─────┴───┘
//
// A stays where it is, unless its columns lie far apart: a tile reads its rows at any
// stride. Sums are kept in registers.
//
// There are two kinds of products here. Gemm takes two matrices as they come, and
// packs B at every call. Panels keep a B of weights packed, for many products, and
// their tiles end with bias, residual and limits. Training uses the first, inference
// the second.
package gemm

import (
	"fmt"

	"tapenet/graph/internal/kernel/cpu"
)

// Gemm computes C = op(A)·op(B), or C += op(A)·op(B) if accumulate.
//
// All matrices are row-major: op(A) is m×k, op(B) is k×n, C is m×n. With
// transA, op(A) is the transpose of the k×m matrix that is stored, likewise for
// transB. The row strides lda, ldb and ldc are the strides of the matrices as
// stored. C must not overlap A or B. Without accumulate the old content of C,
// even NaN, does not matter. If k is zero, the product is zero.
//
// The bits of an element of C depend on its row of op(A), its column of op(B),
// its old value if accumulate, and the tier; not on m, n or the strides. So
// parts of C that are computed by separate calls equal the parts of a single
// call.
//
// Gemm runs on the calling goroutine, is safe for concurrent use and allocates
// nothing after warm-up.
func Gemm[T cpu.Float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, accumulate bool, c []T, ldc int) {
	g := newProduct(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
	g.run(tilesOf[T](n))
}

// product holds the arguments of a call of Gemm, as three strided views. GemmParallel
// copies one for each part, with other views of the same matrices.
type product[T cpu.Float] struct {
	m, n, k    int
	a, b, c    matrix[T]
	accumulate bool
}

// newProduct checks the bounds of the matrices, since the assembly does not.
func newProduct[T cpu.Float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, accumulate bool, c []T, ldc int) product[T] {
	checkMatrix("A", transA, m, k, len(a), lda)
	checkMatrix("B", transB, k, n, len(b), ldb)
	checkMatrix("C", false, m, n, len(c), ldc)
	return product[T]{m, n, k, stored(transA, a, lda), stored(transB, b, ldb), stored(false, c, ldc), accumulate}
}

// checkMatrix panics unless a stored matrix of the given size, or its
// transpose, has its elements within length.
func checkMatrix(name string, trans bool, rows, cols, length, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 || rows > 0 && cols > 0 && (ld < cols || length < (rows-1)*ld+cols) {
		panic(fmt.Sprintf("gemm: %s is %d×%d with row stride %d, which does not fit its %d elements", name, rows, cols, ld, length))
	}
}

// run computes the product block by block: each block of B is packed once, and
// used for all rows of A. From the second block of k on the tiles add to C: there an
// element's sum is rounded to C's precision, whatever blocks m and n are cut into.
func (g *product[T]) run(t *Tiles[T]) {
	if g.m == 0 || g.n == 0 {
		return
	}
	if g.k == 0 {
		g.zero()
		return
	}
	w := t.work.Get()
	if w == nil {
		w = new(workspace[T])
	}
	for j := 0; j < g.n; j += blockN {
		x := block[T]{Tiles: t, w: w, n: min(blockN, g.n-j)}
		for p := 0; p < g.k; p += blockK {
			x.k, x.b, x.accumulate = min(blockK, g.k-p), g.b.at(p, j), g.accumulate || p > 0
			x.packB(g.m)
			for i := 0; i < g.m; i += blockM {
				x.m, x.a, x.c = min(blockM, g.m-i), g.a.at(i, p), g.c.at(i, j)
				x.run()
			}
		}
	}
	t.work.Put(w)
}

// zero sets C to the empty sum, unless that is to be added to it.
func (g *product[T]) zero() {
	if g.accumulate {
		return
	}
	for i := range g.m {
		clear(g.c.data[i*g.c.row:][:g.n])
	}
}

// block is the product of at most blockM rows of A and blockN columns of B,
// over at most blockK elements of each. a, b and c begin at the block's first
// elements.
type block[T cpu.Float] struct {
	*Tiles[T]
	w          *workspace[T]
	m, n, k    int
	a, b, c    matrix[T]
	packed     int // columns of b from this one on are in w
	accumulate bool
}

// run computes the block tile by tile, strip by strip: so a strip of A stays in the
// first cache, panels of B come from the second one, and C is written in long rows.
// Rows are shared out evenly among the tiles, since tiles of few rows are slow.
func (x *block[T]) run() {
	x.packA()
	strips := (x.m + len(x.Rows) - 1) / len(x.Rows)
	for s := range strips {
		for j := 0; j < x.n; j += x.Cols {
			x.stripTile(x.m*s/strips, x.m*(s+1)/strips, j, x.panel(j))
		}
	}
}

// stripTile computes the tile of the rows [lo,hi) and the panel b, which begins at
// column j.
func (x *block[T]) stripTile(lo, hi, j int, b matrix[T]) {
	if a, c := x.a.at(lo, 0), x.c.at(lo, j); j+x.Cols <= x.n {
		x.tile(hi-lo, a, b, c)
	} else {
		x.narrowTile(hi-lo, x.n-j, a, b, c)
	}
}

// tile computes a tile in place: rows of a at its strides, rows of b, and a C whose
// rows have at least x.Cols elements of room.
func (x *block[T]) tile(rows int, a, b, c matrix[T]) {
	x.Rows[rows-1](x.k, 1, a.data, a.row, a.col, 0, b.data, b.row, 0, c.data, c.row, x.accumulate)
}

// narrowTile computes a tile of which C has only the first cols columns. It
// computes all columns, in memory of its own, and copies the columns that C has.
func (x *block[T]) narrowTile(rows, cols int, a, b, c matrix[T]) {
	full := matrix[T]{x.w.tile[:], x.Cols, 1}
	if x.accumulate {
		copyRows(full, c, rows, cols)
	}
	x.tile(rows, a, b, full)
	copyRows(c, full, rows, cols)
}

// copyRows copies the first rows and columns of src, whose rows are contiguous,
// to dst.
func copyRows[T cpu.Float](dst, src matrix[T], rows, cols int) {
	for i := range rows {
		copy(dst.data[i*dst.row:][:cols], src.data[i*src.row:])
	}
}
