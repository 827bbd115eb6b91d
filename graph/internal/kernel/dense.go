package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/vector"
)

// Dense is the matrix product y = act(x·w + bias + residual) of x (M,K) and w (K,N),
// for inference. Its operands are x, w and, as far as it has them, the bias (N) and
// the residual (M,N).
//
// Weights that never change are prepared once, unless one row is all that they are
// multiplied with and they are too large for the cache: then they are read as they
// are, on all processors.
//
//	x large  (M > N)   rows of x are shared out; each processor reads all weights
//	w large  (M ≤ N)   panels of w are shared out; each processor reads all of x
//	w larger than the cache, one row   columns of w are streamed, once
//
// Weights that change, in inference beside training, are packed at each run, so that
// the bits are the same.
//
// For each element of y the order of the sum is
//
//	s₀ = (Σ_{k in part 0} x[m,k]·w[k,n]) + bias[n] + residual[m,n]
//	s₁ = (Σ_{k in part 1} x[m,k]·w[k,n]) + s₀        and so on, then y[m,n] = act(s)
//
// The parts depend on K alone: so the bits of a row do not depend on the rows beside it,
// the width of the panels, or the number of processors. Streamed columns have the parts
// of gemm.Stream, and bias and residual behind the last one; M, K and N decide which of
// the two it is. A NaN passes all limits.
//
// y must not overlap an operand: it is written part by part while x is still read.
type Dense[T cpu.Float] struct {
	M, K, N        int
	Bias, Residual bool
	Act            conv.Act

	fixed, ready bool
	weights      gemm.Panels[T]
	walk         gemm.Walk[T]
	shift, zeros []T // the bias, or zeros, as wide as the panels
	partial      []T // sums of a part of x, while weights are streamed
	y            []T
	in           [][]T
	streams      func(lo, hi int)
	byRows       func(lo, hi int)
	byPanels     func(lo, hi int)
}

// largeWeights is the number of weights that no cache near a processor holds: 4 MiB
// in float32. One row uses each weight once, so that reading them from memory is what
// takes the time; panels would be a second copy of them, and no fewer bytes to read.
const largeWeights = 1 << 20

// streamed reports whether weights are read as they are.
func (d *Dense[T]) streamed() bool { return d.M == 1 && d.K*d.N >= largeWeights }

// Prepares lists the operands that are prepared.
func (d *Dense[T]) Prepares() []int {
	if d.Bias {
		return []int{1, 2}
	}
	return []int{1}
}

// Fix says that these never change any more.
func (d *Dense[T]) Fix() { d.fixed = true }

// Forward computes y from the operands.
func (d *Dense[T]) Forward(y []T, in [][]T) {
	d.y, d.in = y, in
	if d.streams == nil {
		d.streams, d.byRows, d.byPanels = d.streamColumns, d.someRows, d.somePanels
	}
	switch {
	case d.streamed():
		d.partial = cpu.Sized(d.partial, d.N)
		cpu.Parallel((d.N+streamColumns-1)/streamColumns, d.streams)
	case d.M > d.N:
		d.prepare(in)
		cpu.Parallel((d.M+tileRows-1)/tileRows, d.byRows)
	default:
		d.prepare(in)
		cpu.Parallel(d.weights.Len(), d.byPanels)
	}
}

// streamColumns is the number of columns that are handed to a processor together: one
// block of the assembly for AVX-512, two for AVX2, so that only the last columns of all
// are too few for it.
const streamColumns = 64

// Rows that are worked on together with a part of the weights, and the largest such
// part: both stay in the cache while all panels pass by. They are part of what a
// product computes: sums are rounded where a part ends. In float32 a block of rows has
// up to 672 KiB of x, and a panel of 32 columns up to 96 KiB of weights.
//
//	          ┌ w ──────────────┐
//	          │ panel │ panel │…│ part 0, up to blockDeep rows
//	          ├───────┼───────┼─┤
//	          │ panel │ panel │…│ part 1
//	┌ x ─────┐└───────┴───────┴─┘
//	│ p0 │ p1│┌ y ──────────────┐
//	│    │   ││ sums of part 0, │ a block of up to blockRows rows: part 0 for all
//	│    │   ││ then part 1     │ panels, then part 1 for all panels, …
//	└────────┘└─────────────────┘
const (
	tileRows  = 14 // of the largest tile, that of AVX-512
	blockRows = 16 * tileRows
	blockDeep = 768
)

// streamColumns computes columns of the one row.
func (d *Dense[T]) streamColumns(lo, hi int) {
	lo, hi = lo*streamColumns, min(hi*streamColumns, d.N)
	gemm.Stream(d.y, d.partial, d.in[0], d.in[1], d.N, lo, hi)
	d.end(d.y[lo:hi], lo)
}

// end does what follows a streamed product, for columns from the given one on of one
// row.
func (d *Dense[T]) end(y []T, at int) {
	if d.Bias {
		vector.Add(y, d.in[2][at%d.N:][:len(y)])
	}
	if d.Residual {
		vector.Add(y, d.in[len(d.in)-1][at:][:len(y)])
	}
	activate(d.Act, y)
}

// activate applies an activation in place. Whatever limits lets a NaN through.
func activate[T cpu.Float](a conv.Act, y []T) {
	switch {
	case a.Curve != nil:
		vector.Activate(*a.Curve, y, y)
	case a.Limited && a.Low == 0 && math.IsInf(a.High, 1):
		vector.ReLU(y, y)
	case a.Limited:
		for i, v := range y {
			y[i] = min(max(v, T(a.Low)), T(a.High))
		}
	}
}

// prepare packs the weights: at each run, or once if they are fixed. It packs again if
// the tier has changed, as the panels of another one are as wide as its own tiles.
//
// Panels have whole vectors: width is N rounded up to eight columns, and what is beyond
// N is zero in the panels and in the shift. Walk.Columns keeps it out of y. With a curve
// the limits are infinite.
func (d *Dense[T]) prepare(in [][]T) {
	if d.fixed && d.ready && d.weights.Prepared() {
		return
	}
	width := (d.N + 7) &^ 7
	d.weights.Resize(d.K, width)
	d.weights.FillRows(in[1], d.N)
	d.shift, d.zeros = cpu.Sized(d.shift, width), cpu.Sized(d.zeros, width)
	if d.Bias {
		copy(d.shift, in[2])
	}
	low, high := math.Inf(-1), math.Inf(1)
	if d.Act.Limited {
		low, high = d.Act.Low, d.Act.High
	}
	d.walk = gemm.Walk[T]{
		K: d.K, Mid: 1, Outer: 1, ARow: d.K, CRow: d.N, ResidualRow: d.N, Columns: d.N,
		Shift: d.shift, Low: T(low), High: T(high),
	}
	d.ready = true
}

// someRows computes rows, counted in tiles, for all panels.
func (d *Dense[T]) someRows(lo, hi int) {
	d.blocks(lo*tileRows, min(hi*tileRows, d.M), 0, d.weights.Len())
}

// somePanels computes panels for all rows.
func (d *Dense[T]) somePanels(lo, hi int) { d.blocks(0, d.M, lo, hi) }

// blocks computes the panels [first,last) of the rows [lo,hi), block by block. The
// blocks are of nearly one size, rather than the last one of what is left over.
func (d *Dense[T]) blocks(lo, hi, first, last int) {
	n := (hi - lo + blockRows - 1) / blockRows
	for i := range n {
		d.block(lo+(hi-lo)*i/n, lo+(hi-lo)*(i+1)/n, first, last)
	}
}

// block computes a block of rows, part by part of the weights: what the parts before
// gave is a part's residual. The first part has the bias and the residual, the last one
// the limits, and behind it comes the curve. Between them the sums wait in y: a limit
// would cut what a later part takes back.
func (d *Dense[T]) block(lo, hi, first, last int) {
	x, y := d.in[0][lo*d.K:], d.y[lo*d.N:]
	var residual []T
	if d.Residual {
		residual = d.in[len(d.in)-1][lo*d.N:]
	}
	parts := (d.K + blockDeep - 1) / blockDeep
	for q := range parts {
		from, to := d.K*q/parts, d.K*(q+1)/parts
		w := d.walk
		if w.From, w.K = from, to-from; q > 0 {
			w.Shift, residual = d.zeros, y
		}
		if to < d.K {
			w.Low, w.High = T(math.Inf(-1)), T(math.Inf(1))
		}
		for p := first; p < last; p++ {
			d.weights.Multiply(p, hi-lo, &w, x[from:], y, residual)
			if to == d.K {
				d.curve(p, hi-lo, y)
			}
		}
	}
}

// curve applies the activation's curve to the columns of a panel, which the product has
// just left in the cache.
func (d *Dense[T]) curve(panel, rows int, y []T) {
	if d.Act.Curve == nil {
		return
	}
	from, to := d.weights.Columns(panel, panel+1)
	for i := range rows {
		row := y[i*d.N+from : i*d.N+min(to, d.N)]
		vector.Activate(*d.Act.Curve, row, row)
	}
}

// Backward is not there: Dense is for inference.
func (d *Dense[T]) Backward([][]T, []T, [][]T) { panic("kernel: Dense has no gradient") }

// Bytes is the memory that the kernel keeps.
func (d *Dense[T]) Bytes() int { return d.weights.Bytes() + cpu.BytesOf(d.shift, d.zeros, d.partial) }

// Plans is the memory that it will keep: all of Bytes, from the first run on.
func (d *Dense[T]) Plans() int {
	if d.streamed() {
		return cpu.SizeOf[T](d.N)
	}
	return cpu.SizeOf[T]((d.K + 2) * ((d.N + 7) &^ 7))
}

// Lastly returns the kernel for inference.
func (m *Mul[T]) Lastly() (last any, ok bool) { return m.dense(), true }

// dense is the kernel for inference. Its operands are as many as m's.
func (m *Mul[T]) dense() *Dense[T] {
	d := &Dense[T]{M: m.M, K: m.K, N: m.N, Bias: m.Bias}
	if m.ReLU {
		d.Act = conv.Act{Limited: true, High: math.Inf(1)}
	}
	return d
}

// End returns the kernel for inference that does the work of the op behind m too.
func (m *Mul[T]) End(next conv.Ending) (both any, ok bool) { return m.dense().End(next) }

// End returns a Dense that does the work of the op behind d too. It takes them in the
// order of its formula, a bias, a residual, an activation, each once and each of them
// optional: another order would be another result, and stays a step of its own. d is
// not changed; the new kernel has d's sizes, and packs weights of its own.
func (d *Dense[T]) End(next conv.Ending) (both any, ok bool) {
	e := Dense[T]{M: d.M, K: d.K, N: d.N, Bias: d.Bias, Residual: d.Residual, Act: d.Act}
	switch plain := e.Act == (conv.Act{}); {
	case next.Bias == e.N && plain && !e.Bias && !e.Residual:
		e.Bias = true
	case next.Sum && plain && !e.Residual:
		e.Residual = true
	case next.Act != nil && plain:
		e.Act = *next.Act
	default:
		return nil, false
	}
	return &e, true
}
