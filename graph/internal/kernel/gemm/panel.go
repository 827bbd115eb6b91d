package gemm

import (
	"tapenet/graph/internal/hugepage"
	"tapenet/graph/internal/kernel/cpu"
)

// Panels are the weights of a convolution or a product, prepared once for many
// runs: a matrix of Depth rows and Cols columns, cut into panels of columns. In
// memory the panels lie one behind the other, each row by row. A processor's
// tier decides how wide panels are, which leaves the bits of results alone.
//
//	columns 0 … 31   32 … 63   64 … 79  80 … 87     of 88
//	┌──────────────┬─────────┬────────┬────────┐
//	│ 32           │ 32      │ 16     │ 8      │     Depth rows, the tiles of AVX-512
//	└──────────────┴─────────┴────────┴────────┘
//
// Row r of the panel that begins at column j is cols contiguous elements at
// j·Depth + r·cols, cols being the panel's width: a tile reads its panel from one end
// to the other.
//
// First Resize, then one way to set weights: Fill from filters (a column contiguous),
// FillRows from the matrix of a dense layer, SetColumns piece by piece. Scale folds a
// factor a column into them, as a BatchNorm behind has one. Then Multiply, any number
// of times. Columns that nobody has set are zero. The methods that set weights
// must not overlap with each other; SetColumns of different columns may. Multiply is
// safe for concurrent use.
type Panels[T cpu.Float] struct {
	Depth, Cols int
	tier        cpu.Tier
	panels      []panel[T]
	data        []T

	// The arguments of a call of Fill while it runs, and its method, which a field
	// holds so that no call makes a closure.
	filling  filling[T]
	fillSome func(lo, hi int)

	// The same for FillRows: rows of fromCols elements.
	from     []T
	fromCols int
	fill     func(lo, hi int)
}

// panel is one panel: its first column, where it begins in memory, and the tiles that
// multiply it, which know its width.
type panel[T cpu.Float] struct {
	first, at int
	tiles     *panelTiles[T]
}

// panelTiles are the functions for panels of one width.
type panelTiles[T cpu.Float] struct {
	cols int
	rows []panelFunc[T] // rows[r-1] computes r rows
}

// A panelFunc computes a tile of a fixed number of rows and columns and ends it.
// With the columns j of the panel b, which lies row by row,
//
//	for each i, j {
//		sum := 0
//		for q < outer, p < mid, l < k {
//			sum = fma(a[i*aRow + q*aOuter + p*aMid + l], b[((q*mid+p)*k + l)*cols + j], sum)
//		}
//		sum += shift[j]
//		if residual != nil {
//			sum += residual[i*residualRow + j]
//		}
//		c[i*cRow+j] = min(max(sum, low), high) // a NaN stays
//	}
//
// k, mid and outer are at least 1. How an element is rounded depends on its row of
// a and its column of b only. Strides count elements. Neither the assembly nor the
// plain Go checks bounds: the caller has made sure that the last row of a, of mid and
// of outer lies in its slice.
type panelFunc[T cpu.Float] func(k, mid, outer int, a *T, aRow, aMid, aOuter int, b, c *T, cRow int, shift, residual *T, residualRow int, low, high T)

// Resize prepares room for so many rows and columns, a multiple of eight, in the
// panels of the active tier. All weights are zero. It uses the memory again if nothing
// has changed, so that weights which are prepared at each run cost no allocation.
func (p *Panels[T]) Resize(depth, cols int) {
	if tier := cpu.Active(); p.Depth == depth && p.Cols == cols && p.tier == tier && p.panels != nil {
		clear(p.data)
		return
	}
	p.Depth, p.Cols, p.tier = depth, cols, cpu.Active()
	p.panels, p.data = nil, hugepage.Make[T](depth*cols)
	widths := panelWidths[T]()
	for first := 0; first < cols; {
		for _, t := range widths { // widest first
			if first+t.cols <= cols {
				p.panels = append(p.panels, panel[T]{first, first * depth, t})
				first += t.cols
				break
			}
		}
	}
}

// Prepared reports whether the panels suit the active tier.
func (p *Panels[T]) Prepared() bool { return p.panels != nil && p.tier == cpu.Active() }

// Fill sets the first n columns from w, where column j is contiguous and begins at
// w[j*size]; its element r belongs into row order(r). order may be nil: into row r.
func (p *Panels[T]) Fill(w []T, size, n int, order func(r int) int) {
	if p.fillSome == nil {
		p.fillSome = p.fillPanels
	}
	p.filling = filling[T]{w, size, n, order}
	cpu.Parallel(len(p.panels), p.fillSome)
	p.filling = filling[T]{}
}

// filling are the arguments of Fill.
type filling[T cpu.Float] struct {
	w       []T
	size, n int
	order   func(r int) int
}

// fillPanels sets the panels [lo,hi). In the order of w a panel is one transposition.
// In another order it goes bufferRows rows at a time: they are transposed into a
// buffer, in blocks of 8×8, and then each row is copied to its place. Filters come as
// (F,C,KH,KW) and are read as KH·KW·C, so that every convolution has another order.
func (p *Panels[T]) fillPanels(lo, hi int) {
	buffer := rowsBuffers[T]().Get()
	if buffer == nil {
		buffer = new(rowsBuffer[T])
	}
	for _, x := range p.panels[lo:hi] {
		f := p.filling
		own, cols := min(x.tiles.cols, f.n-x.first), x.tiles.cols
		if own <= 0 {
			continue
		}
		to, w := p.data[x.at:], f.w[x.first*f.size:]
		if f.order == nil {
			TransposeInto(to, cols, w, f.size, own, f.size)
			continue
		}
		for first := 0; first < f.size; first += bufferRows {
			some := min(bufferRows, f.size-first)
			TransposeInto(buffer[:], cols, w[first:], f.size, own, some)
			for r := range some {
				copy(to[f.order(first+r)*cols:][:own], buffer[r*cols:])
			}
		}
	}
	rowsBuffers[T]().Put(buffer)
}

// rowsBuffer is the memory for some rows of a panel.
type rowsBuffer[T cpu.Float] [bufferRows * widestPanel]T

const (
	bufferRows  = 256
	widestPanel = 32 // columns
)

var (
	rowsBuffers32 = cpu.NewFreeList[rowsBuffer[float32]]()
	rowsBuffers64 = cpu.NewFreeList[rowsBuffer[float64]]()
)

func rowsBuffers[T cpu.Float]() cpu.FreeList[rowsBuffer[T]] {
	var l any = rowsBuffers64
	if _, ok := any(T(0)).(float32); ok {
		l = rowsBuffers32
	}
	return l.(cpu.FreeList[rowsBuffer[T]])
}

// FillRows sets all rows from w, which has them row by row, of n elements each.
func (p *Panels[T]) FillRows(w []T, n int) {
	if p.fill == nil {
		p.fill = p.fillRows
	}
	p.from, p.fromCols = w, n
	cpu.Parallel(len(p.panels), p.fill)
	p.from = nil
}

// fillRows sets the panels [lo,hi): of each row, the part that is a panel's. The last
// panel gets less than its width if w has fewer than Cols columns.
func (p *Panels[T]) fillRows(lo, hi int) {
	for _, x := range p.panels[lo:hi] {
		cols, n := x.tiles.cols, p.fromCols
		for r := range p.Depth {
			copy(p.data[x.at+r*cols:][:cols], p.from[r*n+min(x.first, n):(r+1)*n])
		}
	}
}

// SetColumns sets the columns [first,first+n), which lie in one panel, from w, which
// has them row by row: Depth rows of n elements. Winograd's filters come so, eight at
// a time, from several goroutines.
func (p *Panels[T]) SetColumns(first, n int, w []T) {
	for _, x := range p.panels {
		if cols := x.tiles.cols; x.first <= first && first < x.first+cols {
			for r := range p.Depth {
				copy(p.data[x.at+r*cols+first-x.first:][:n], w[r*n:])
			}
		}
	}
}

// Scale multiplies each column by its factor.
func (p *Panels[T]) Scale(factors []T) {
	for _, x := range p.panels {
		cols := x.tiles.cols
		own := factors[min(x.first, len(factors)):min(x.first+cols, len(factors))]
		for r := range p.Depth {
			row := p.data[x.at+r*cols:][:len(own)]
			for j, f := range own {
				row[j] *= f
			}
		}
	}
}

// Len is the number of panels, and Bytes the memory that they take.
func (p *Panels[T]) Len() int   { return len(p.panels) }
func (p *Panels[T]) Bytes() int { return cpu.BytesOf(p.data) }

// Columns are the columns [first,last) of panels [lo,hi).
func (p *Panels[T]) Columns(lo, hi int) (first, last int) {
	x := p.panels[hi-1]
	return p.panels[lo].first, x.first + x.tiles.cols
}

// Walk says how a product's rows lie in memory, see panelFunc, and how it ends. A plain
// product has K elements a row, Mid and Outer 1. A filter sees Outer = KH rows of
// Mid = KW pixels of K = C channels of an image channels last:
//
//	row i of the product: output pixel i      a ┐ i·ARow
//	image  ┌──────────────────────────┐         ▼
//	       │     ┌K┬K┬K┐ q=0          │         the window's first pixel
//	       │     ├K┼K┼K┤ q=1, + AOuter│         K contiguous elements, then + AMid
//	       │     └K┴K┴K┘ q=2          │
//	       └──────────────────────────┘
//
// ARow is a pixel for a stride of 1 and two pixels for a stride of 2. Where pixels lie
// tight, Mid pixels of K channels are one run, and Mid is 1 with a larger K.
type Walk[T cpu.Float] struct {
	K, Mid, Outer      int
	ARow, AMid, AOuter int
	CRow, ResidualRow  int
	From               int // the first of the panels' rows that count
	Columns            int // of c, if they are fewer than Cols; 0 means Cols
	Shift              []T // Cols elements
	Low, High          T
}

// Multiply computes n rows of the columns of panel i. a begins at the first row; c and
// residual, which may be empty, begin at the first row and column 0. c may be the
// residual: so a long sum goes on where a part of it has ended. Rows are shared out
// evenly among the tiles, since tiles of few rows are slow: fifteen rows are two tiles
// of seven and eight, not one of fourteen and one of a row.
//
// Panels and rows may be shared out over goroutines in any way, with the same bits.
func (p *Panels[T]) Multiply(i, n int, w *Walk[T], a, c, residual []T) {
	x := &p.panels[i]
	if w.Columns > 0 && x.first+x.tiles.cols > w.Columns {
		p.multiplyLast(x, n, w, a, c, residual)
		return
	}
	b, shift := &p.data[x.at+w.From*x.tiles.cols], &w.Shift[x.first]
	most := len(x.tiles.rows)
	parts := (n + most - 1) / most
	for q := range parts {
		first, last := n*q/parts, n*(q+1)/parts
		var rest *T
		if len(residual) > 0 {
			rest = &residual[first*w.ResidualRow+x.first]
		}
		x.tiles.rows[last-first-1](w.K, w.Mid, w.Outer, &a[first*w.ARow], w.ARow, w.AMid, w.AOuter,
			b, &c[first*w.CRow+x.first], w.CRow, shift, rest, w.ResidualRow, w.Low, w.High)
	}
}

// multiplyLast computes a panel of which c has the first columns only. A tile writes
// all columns of its panel and reads as many of the residual: both would be beyond a
// row of c. So it goes row by row through a buffer, and copies the columns that c has.
func (p *Panels[T]) multiplyLast(x *panel[T], n int, w *Walk[T], a, c, residual []T) {
	buffer := lastRows[T]().Get()
	if buffer == nil {
		buffer = new(lastRow[T])
	}
	own := w.Columns - x.first
	for i := range n {
		var rest *T
		if len(residual) > 0 {
			copy(buffer.residual[:own], residual[i*w.ResidualRow+x.first:])
			rest = &buffer.residual[0]
		}
		x.tiles.rows[0](w.K, w.Mid, w.Outer, &a[i*w.ARow], w.ARow, w.AMid, w.AOuter,
			&p.data[x.at+w.From*x.tiles.cols], &buffer.sums[0], 0, &w.Shift[x.first], rest, 0, w.Low, w.High)
		copy(c[i*w.CRow+x.first:][:own], buffer.sums[:])
	}
	lastRows[T]().Put(buffer)
}

// lastRow is the memory for a row of a panel.
type lastRow[T cpu.Float] struct{ sums, residual [widestPanel]T }

var (
	lastRows32 = cpu.NewFreeList[lastRow[float32]]()
	lastRows64 = cpu.NewFreeList[lastRow[float64]]()
)

func lastRows[T cpu.Float]() cpu.FreeList[lastRow[T]] {
	var l any = lastRows64
	if _, ok := any(T(0)).(float32); ok {
		l = lastRows32
	}
	return l.(cpu.FreeList[lastRow[T]])
}

// panelWidths returns the tiles of the active tier, the widest first.
func panelWidths[T cpu.Float]() []*panelTiles[T] {
	var t any
	if _, ok := any(T(0)).(float32); ok {
		t = panelWidths32(cpu.Active())
	} else {
		t = panelsGo64
	}
	return t.([]*panelTiles[T])
}

var (
	panelsGo32 = []*panelTiles[float32]{newGoPanels[float32]()}
	panelsGo64 = []*panelTiles[float64]{newGoPanels[float64]()}
)

// goPanel is the number of columns of a panel in plain Go: the narrowest of the
// assembly's, so that Cols, a multiple of eight, has no rest.
const goPanel = 8
