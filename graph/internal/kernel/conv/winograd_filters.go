package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// winogradFilters are the transformed filters of a convolution from a number of
// channels to another, both multiples of eight. For each element of a tile they
// are a matrix (from,to), cut into panels as wide as the tiles of the matrix
// product.
type winogradFilters[T cpu.Float] struct {
	tiling
	k        int // of k×k filters
	from, to int
	tiles    *gemm.Tiles[T]
	data     []T // for each element of a tile: panels of [from][tiles.cols]

	given given[T] // while filters are transformed
	some  func(lo, hi int)
	idle  cpu.FreeList[[]T] // a panel's filters, channels last
}

// set makes room for the filters. It reports false if the active tier has no
// tiles for them.
func (w *winogradFilters[T]) set(t tiling, from, to int) bool {
	w.tiling, w.k, w.from, w.to = t, t.side+1-t.out, from, to
	if w.tiles = gemm.WholeTiles[T](to); w.tiles == nil {
		return false
	}
	w.data = cpu.Sized(w.data, w.area()*w.matrix())
	return true
}

// matrix is the number of elements between the matrices of two elements of a
// tile.
func (w *winogradFilters[T]) matrix() int { return matrixOf(w.from, w.to) }

// transform takes up filters from channels to channels, which may be fewer than
// w.from and w.to. The k×k weights between channels i and j begin at
// g[i*ofFrom+j*ofTo].
func (w *winogradFilters[T]) transform(g []T, from, ofFrom, to, ofTo int) {
	if w.some == nil {
		w.some, w.idle = w.transformPanels, cpu.NewFreeList[[]T]()
	}
	w.given = given[T]{g, from, ofFrom, to, ofTo}
	cpu.Parallel(w.panels(), w.some)
	w.given = given[T]{}
}

// given are the arguments of transform.
type given[T cpu.Float] struct {
	g                      []T
	from, ofFrom, to, ofTo int
}

// transformPanels turns the filters of the panels [lo,hi) channels last and
// transforms them.
func (w *winogradFilters[T]) transformPanels(lo, hi int) {
	g, cols, pixels := w.given, w.tiles.Cols, w.k*w.k
	size := pixels * cols
	spatial := w.idle.Get()
	if spatial == nil {
		spatial = new([]T)
	}
	defer w.idle.Put(spatial)
	cpu.AtLeast(spatial, w.from*size)
	for j := lo * cols; j < hi*cols; j += cols {
		clear(*spatial) // some filters may be missing
		for i := range g.from {
			gemm.TransposeInto((*spatial)[i*size:], cols, g.g[i*g.ofFrom+j*g.ofTo:], g.ofTo, min(cols, g.to-j), pixels)
		}
		pixel.WinogradEvaluate(w.side, w.k, w.from, cols, w.data[j*w.from:], *spatial, size, w.k*cols, w.matrix())
	}
}

// bytes is the memory of the filters, and of those on the way.
func (w *winogradFilters[T]) bytes() int {
	return cpu.BytesOf(w.data) + w.idle.Sum(func(s *[]T) int { return cpu.BytesOf(*s) })
}

// panels is the number of panels of an element's matrix.
func (w *winogradFilters[T]) panels() int { return w.to / w.tiles.Cols }

// multiply multiplies the n transformed tiles x with the filters, element of a
// tile by element. The matrices of x and y are ofX and ofY elements apart.
func (w *winogradFilters[T]) multiply(y, x []T, ofY, ofX, n int) {
	for q := range w.area() {
		for p := range w.panels() {
			w.multiplyPanel(y[q*ofY:], x[q*ofX:], q, p, n)
		}
	}
}

// multiplyPanel computes a panel of the product of element q: of y (n,to) = x
// (n,from) · filter (from,to). The rows are shared out evenly among the fewest tiles
// that take them.
func (w *winogradFilters[T]) multiplyPanel(y, x []T, q, panel, n int) {
	cols, most := w.tiles.Cols, len(w.tiles.Rows)
	parts, first := (n+most-1)/most, panel*cols
	filter := w.data[q*w.matrix()+first*w.from:]
	for part := range parts {
		lo, hi := n*part/parts, n*(part+1)/parts
		w.tiles.Rows[hi-lo-1](w.from, 1, x[lo*w.from:], w.from, 1, 0, filter, cols, 0, y[lo*w.to+first:], w.to, false)
	}
}

// matrixOf is the distance between matrices of n rows. It is not a power of
// two: with one, equal elements of all matrices would want the same lines of
// the cache.
func matrixOf(n, channels int) int {
	d := n*channels + 16
	if d&(d-1) == 0 {
		d += 16
	}
	return d
}
