package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// winogradFilters are the transformed filters of a convolution, as they are
// multiplied with tiles that have channels from, a multiple of eight like to, to
// give tiles that have channels to.
type winogradFilters[T cpu.Float] struct {
	tiling
	k        int // of k×k filters
	from, to int
	tiles    *gemm.Tiles[T]
	data     []T // for each element of a tile: panels of [from][tiles.cols]
	spatial  []T // a panel's filters, channels last
}

// set makes room for the filters. It reports false if this is not a tier for them.
func (w *winogradFilters[T]) set(t tiling, from, to int) bool {
	w.tiling, w.k, w.from, w.to = t, t.side+1-t.out, from, to
	if w.tiles = gemm.WholeTiles[T](to); w.tiles == nil {
		return false
	}
	w.data = cpu.Sized(w.data, w.area()*w.matrix())
	return true
}

// matrix is the distance between the elements' matrices.
func (w *winogradFilters[T]) matrix() int { return matrixOf(w.from, w.to) }

// transform takes up filters, of which those between channels i and j begin at
// g[i*ofFrom+j*ofTo]. They may be fewer than w.from and w.to.
func (w *winogradFilters[T]) transform(g []T, from, ofFrom, to, ofTo int) {
	cols, pixels := w.tiles.Cols, w.k*w.k
	size := pixels * cols
	spatial := cpu.AtLeast(&w.spatial, w.from*size)
	for j := 0; j < to; j += cols {
		clear(spatial) // some filters may be missing
		for i := range from {
			gemm.TransposeInto(spatial[i*size:], cols, g[i*ofFrom+j*ofTo:], ofTo, min(cols, to-j), pixels)
		}
		pixel.WinogradEvaluate(w.side, w.k, w.from, cols, w.data[j*w.from:], spatial, size, w.k*cols, w.matrix())
	}
}

// multiply multiplies n tiles, x, with the filters. Their matrices are ofX and ofY
// elements apart.
func (w *winogradFilters[T]) multiply(y, x []T, ofY, ofX, n int) {
	for q := range w.area() {
		w.multiplyElement(y[q*ofY:], x[q*ofX:], w.data[q*w.matrix():], n)
	}
}

func (w *winogradFilters[T]) multiplyElement(y, x, filter []T, n int) {
	cols, most := w.tiles.Cols, len(w.tiles.Rows)
	parts := (n + most - 1) / most
	for f := 0; f < w.to; f += cols {
		for part := range parts {
			first, last := n*part/parts, n*(part+1)/parts
			w.tiles.Rows[last-first-1](w.from, 1, x[first*w.from:], w.from, 1, 0, filter[f*w.from:], cols, 0, y[first*w.to+f:], w.to, false)
		}
	}
}

// matrixOf is the distance between matrices of n rows: not a power of two, as
// equal elements of all of them would want the same lines of the cache.
func matrixOf(n, channels int) int {
	d := n*channels + 16
	if d&(d-1) == 0 {
		d += 16
	}
	return d
}
