package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// tiled is Winograd's convolution of images channels last, see winograd:
//
//	image ─ tiles V ─┐ for each element of a tile
//	                 ├─ products of matrices ─ M ─ tiles of the output ─ end ─ y
//	filters U ───────┘ prepared
//
// Few tiles go through the three steps together, so that each processor reads a
// part of the filters only. Many go strip by strip, so that a strip's tiles stay in
// the cache. Both give the same bits.
//
// Along one dimension, a tile of side = 6 pixels and a filter of 3 give out = 4 pixels.
// Tiles overlap by side-out pixels:
//
//	image    │· · · · · · · · · ·│     with its border of zeros
//	tile 0   ├───────────┤
//	tile 1           ├───────────┤
//	output     │0 0 0 0│1 1 1 1│
//
// For element q of all tiles t (Lavin and Gray 2015), with the filters' scale in U:
//
//	M[q][t,f] = Σ_c V[q][t,c] · U[q][c,f]
//
// An element of M is computed by one product, whatever the tiles beside it: so it does not
// matter for the bits how many go together.
type tiled[T cpu.Float] struct {
	Shape
	tiling
	filters []gemm.Panels[T] // for each element of a tile, C rows
	walk    gemm.Walk[T]     // of the products
	zero    []T              // their shift
	layer   *Layer[T]

	together *strip[T] // during a run of few tiles
	memory   *Shared[T]
	shared   bool // the memory is that of other kernels too

	w, scale []T // while filters are packed

	evaluate, spread, multiply, combine, strips func(lo, hi int)
}

// strip is the memory for n tiles: of the image, and of its convolution. The matrices
// of two elements are ofV and ofM elements apart.
//
//	v   │ q = 0: n × C     │ gap │ q = 1: n × C     │ gap │ …      ofV from one to the next
//	m   │ q = 0: n × width │ gap │ q = 1: n × width │ gap │ …      ofM
//
// Tiles are in the order of the rows of tiles. A strip belongs to one goroutine, but for
// together, of which goroutines write different rows or columns at a time.
type strip[T cpu.Float] struct {
	v, m     []T
	n        int
	ofV, ofM int
}

// fewTiles is the number of tiles up to which all go through a step together, and
// stripTiles about how many go together otherwise: so many that the cache holds them,
// or more where it does not hold the filters, which a strip reads once.
const (
	fewTiles        = 128
	stripTiles      = 48
	largeStripTiles = 128
	largeFilters    = 1 << 18 // transformed weights
)

// layerTiling returns the tiling for a Layer. It reports false where other engines
// are faster. Costs count products for each pair of a channel and a filter.
//
// For each pixel of the output these are:
//
//	F(2×2,3×3)   16 for  4 pixels   4      of 9
//	F(4×4,3×3)   36 for 16 pixels   2.25   of 9
//	F(2×2,5×5)   36 for  4 pixels   9      of 25
//
// and incomplete tiles at the edges cost as whole ones. The shape alone decides, as the
// tiling changes bits.
func (s Shape) layerTiling() (best tiling, ok bool) {
	const (
		reading = 32 // a weight takes about as long to read as so many products
		turning = 24 // and an element of a tile to transform as the products with so many filters
	)
	if _, ok := s.winogradTiling(); !ok {
		return best, false
	}
	cost := s.KH * s.KW * (s.N*s.OH*s.OW + reading)
	for _, t := range []tiling{{4, 2}, {6, 4}, {6, 2}} {
		if t.side+1-t.out != s.KH || t.out == 4 && max(s.C, s.F) > 256 {
			continue // F(4×4,3×3) loses too many digits over more channels
		}
		// The products of n tiles, their transformation, shared by the filters or channels
		// that they meet, and the reading of the transformed filters.
		n := s.N * t.tiles(s.OH) * t.tiles(s.OW)
		if c := t.area() * (n + n*turning/min(s.C, s.F) + reading); c < cost {
			best, cost = t, c
		}
	}
	return best, best.side > 0
}

// newTiled returns the engine for a tiling. The products end with a shift of zeros and
// no limits: what ends a convolution comes when tiles are transformed back.
func newTiled[T cpu.Float](s Shape, t tiling) *tiled[T] {
	e := &tiled[T]{
		Shape: s, tiling: t, filters: make([]gemm.Panels[T], t.area()),
		zero: make([]T, pixel.Width(s.F)), memory: NewShared[T](),
	}
	e.walk = gemm.Walk[T]{
		K: s.C, Mid: 1, Outer: 1, ARow: s.C, CRow: e.width(),
		Shift: e.zero, Low: T(math.Inf(-1)), High: T(math.Inf(1)),
	}
	e.evaluate, e.spread, e.multiply, e.combine, e.strips = e.evaluateSome, e.spreadRows, e.multiplyPanels, e.combineRows, e.stripsOf
	return e
}

// width is the number of channels of a pixel of the output.
func (e *tiled[T]) width() int { return pixel.Width(e.F) }

// tileRows and tileCols are the numbers of tiles of an image.
func (e *tiled[T]) tileRows() int { return e.tiles(e.OH) }
func (e *tiled[T]) tileCols() int { return e.tiles(e.OW) }

// stripRows is the number of rows of tiles in a strip.
//
// It changes no bits, and yet depends on the shape alone.
func (e *tiled[T]) stripRows() int {
	tiles := stripTiles
	if e.area()*e.C*e.width() > largeFilters {
		tiles = largeStripTiles
	}
	return max(1, tiles/e.tileCols())
}

// border makes all tiles whole: the last ones may reach beyond the padding. Tiles are
// read from pixels of C elements, which have to be tight.
func (e *tiled[T]) border() (b pixel.Border, tight bool) {
	h, w := e.out*e.tileRows()+e.KH-1, e.out*e.tileCols()+e.KW-1
	return pixel.Border{Top: e.PadTop, Bottom: max(0, h-e.PadTop-e.H), Left: e.PadLeft, Right: max(0, w-e.PadLeft-e.W)}, true
}

// pack transforms the filters: element q of all transformed filters is a matrix (C,F)
// of its own, in panels.
//
// The filters' scale is applied before: the transformation is linear, and what follows it
// only adds. Goroutines set different columns of the panels.
func (e *tiled[T]) pack(w, scale []T) {
	for q := range e.filters {
		e.filters[q].Resize(e.C, e.width())
	}
	e.w, e.scale = w, scale
	cpu.Parallel(e.width()/packCols, e.evaluate)
	e.w, e.scale = nil, nil
}

// packCols is the number of filters that are transformed together.
const packCols = 8

// evaluateSome transforms the filters [lo,hi), counted in packCols.
func (e *tiled[T]) evaluateSome(lo, hi int) {
	s := e.memory.strip()
	defer e.memory.strips.Put(s)
	size := e.C * e.KH * e.KW
	spatial, tiles := cpu.AtLeast(&s.m, size*packCols), cpu.AtLeast(&s.v, e.area()*e.C*packCols)
	for j := lo * packCols; j < hi*packCols; j += packCols {
		// Filters beyond F are zero, so that the columns beyond F of all panels are.
		clear(spatial)
		gemm.TransposeInto(spatial, packCols, e.w[j*size:], size, min(packCols, e.F-j), size)
		// spatial is (C, KH·KW, packCols): the filters are the last dimension.
		for i := range spatial {
			spatial[i] *= e.scale[j+i%packCols]
		}
		pixel.WinogradEvaluate(e.side, e.KH, e.C, packCols, tiles, spatial, e.KH*e.KW*packCols, e.KW*packCols, e.C*packCols)
		for q := range e.filters {
			e.filters[q].SetColumns(j, packCols, tiles[q*e.C*packCols:])
		}
	}
}

// run computes all images. Where tiles are few the work is shared out within each of
// the three steps: by rows of tiles, by elements and panels, by rows again. The second
// takes most of the time, and there each processor reads its own part of the filters.
// Where they are many each processor takes rows of tiles through all steps.
func (e *tiled[T]) run(l *Layer[T]) {
	e.layer = l
	rows := e.N * e.tileRows()
	if n := rows * e.tileCols(); n > fewTiles {
		cpu.Parallel(rows, e.strips)
		return
	}
	e.together = e.memory.strip()
	defer func() {
		e.memory.strips.Put(e.together)
		e.together = nil
	}()
	e.room(e.together, rows*e.tileCols())
	// Each step needs all of the one before: a pixel of y needs all elements q of its tile.
	cpu.Parallel(rows, e.spread)
	cpu.Parallel(len(e.filters)*e.filters[0].Len(), e.multiply)
	cpu.Parallel(rows, e.combine)
}

// room makes room for n tiles.
func (e *tiled[T]) room(s *strip[T], n int) {
	s.n, s.ofV, s.ofM = n, matrixOf(n, e.C), matrixOf(n, e.width())
	s.v, s.m = cpu.AtLeast(&s.v, e.area()*s.ofV), cpu.AtLeast(&s.m, e.area()*s.ofM)
}

// spreadRows transforms the rows of tiles [lo,hi) of all images' rows.
func (e *tiled[T]) spreadRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		e.spreadRow(e.together, r/e.tileRows(), r%e.tileRows(), r)
	}
}

// multiplyPanels computes the products [lo,hi), one for each element and panel.
//
// Panels of one element follow each other, so that a goroutine reads its V[q] again while
// it is in the cache.
func (e *tiled[T]) multiplyPanels(lo, hi int) {
	panels := e.filters[0].Len()
	for i := lo; i < hi; i++ {
		e.product(e.together, i/panels, i%panels)
	}
}

// combineRows ends the rows of tiles [lo,hi) of all images' rows.
func (e *tiled[T]) combineRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		e.combineRow(e.together, r/e.tileRows(), r%e.tileRows(), r)
	}
}

// stripsOf computes the rows of tiles [lo,hi) of all images' rows, strip by strip. A
// strip may go on in the next image.
func (e *tiled[T]) stripsOf(lo, hi int) {
	s := e.memory.strip()
	defer e.memory.strips.Put(s)
	for ; lo < hi; lo += e.stripRows() {
		e.strip(s, lo, min(lo+e.stripRows(), hi))
	}
}

// strip computes the rows of tiles [lo,hi) of all images' rows.
func (e *tiled[T]) strip(s *strip[T], lo, hi int) {
	e.room(s, (hi-lo)*e.tileCols())
	for r := lo; r < hi; r++ {
		e.spreadRow(s, r/e.tileRows(), r%e.tileRows(), r-lo)
	}
	// One element after the other: V[q] stays in the cache for all panels, and each panel
	// is read once for the whole strip.
	for q := range e.filters {
		for p := range e.filters[q].Len() {
			e.product(s, q, p)
		}
	}
	for r := lo; r < hi; r++ {
		e.combineRow(s, r/e.tileRows(), r%e.tileRows(), r-lo)
	}
}

// spreadRow transforms row r of image n's tiles, as row at of the strip.
func (e *tiled[T]) spreadRow(s *strip[T], n, r, at int) {
	in := e.layer.in
	from := in.At(n, e.out*r-e.PadTop, -e.PadLeft)
	pixel.WinogradImage(e.side, e.tileCols(), e.C, s.v[at*e.tileCols()*e.C:], e.layer.x[from:], e.out*e.C, in.Row(), s.ofV)
}

// product multiplies element q of all tiles with a panel of filters: (tiles, C) by
// (C, columns of the panel).
func (e *tiled[T]) product(s *strip[T], q, panel int) {
	e.filters[q].Multiply(panel, s.n, &e.walk, s.v[q*s.ofV:], s.m[q*s.ofM:], nil)
}

// combineRow transforms row at of the strip back and ends its pixels: row r of
// image n's tiles. Of the last tiles some pixels may be too many: of the last row all
// at once, of the last column of tiles by a call of its own.
func (e *tiled[T]) combineRow(s *strip[T], n, r, at int) {
	l := e.layer
	// The layer's shift, residual and limits come here, on sums that are complete.
	f := pixel.WinogradFinish[T]{
		Side: e.side, Pixels: e.out, Width: e.width(), Q: s.ofM,
		YPixel: l.out.Stride, YRow: l.out.Row(), ResidualPixel: l.rest.Stride, ResidualRow: l.rest.Row(),
		Shift: l.shift, Low: l.low, High: l.high,
	}
	first := e.out * r
	y, rest := l.y[l.out.At(n, first, 0):], l.rests(l.rest.At(n, first, 0))
	rows, m := min(e.out, e.OH-first), s.m[at*e.tileCols()*f.Width:]
	whole, left := e.OW/e.out, e.OW%e.out
	if whole > 0 {
		f.Tiles(whole, y, m, rest, rows, e.out)
	}
	if left > 0 {
		done := whole * e.out
		if rest != nil {
			rest = rest[done*f.ResidualPixel:]
		}
		f.Tiles(1, y[done*f.YPixel:], m[whole*f.Width:], rest, rows, left)
	}
	// A curve takes whole rows of pixels, which are in the cache since they were written.
	for i := range rows {
		l.curve(y[i*f.YRow:], e.OW, 0, f.Width)
	}
}

// share makes the engine use memory that others use too: for each goroutine as much as
// the filters take that it packs at a time, or the strip that it works on.
func (e *tiled[T]) share(s *Shared[T]) {
	e.memory, e.shared = s, true
	rows := e.N * e.tileRows()
	n, goroutines := rows*e.tileCols(), e.width()/packCols // all together, but packing
	if n > fewTiles {
		n = min(e.stripRows(), cpu.Most(rows)) * e.tileCols()
		goroutines = max(goroutines, rows)
	}
	s.single.include(e.area()*matrixOf(n, e.C), e.area()*matrixOf(n, e.width()))
	s.single.include(e.area()*e.C*packCols, e.KH*e.KW*e.C*packCols)
	s.goroutines = max(s.goroutines, goroutines)
}

// plans counts the filters.
func (e *tiled[T]) plans() int { return e.area() * e.C * e.width() }

func (e *tiled[T]) bytes() (n int) {
	if !e.shared {
		n = e.memory.Bytes()
	}
	for q := range e.filters {
		n += e.filters[q].Bytes()
	}
	return n
}
