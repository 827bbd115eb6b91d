package gemm

import "tapenet/graph/internal/kernel/cpu"

// LaneProduct is the gradient of a dense layer's weights where a batch is cut into lanes:
// a product for each lane, of its rows alone, added up by the tree of the lanes,
//
//	C (m,n) = tree over the lanes l of A_lᵀ·B_l      A (rows,m), B (rows,n)
//
// with the bits of a Gemm for each lane and sums behind them. These would go through C
// once for each lane. Here each tile of C goes through all lanes before the next tile is
// begun, and the lanes' sums never leave the first cache:
//
//	A, packed  │ lane 0 │ lane 1 │ …    blockM columns
//	B, packed  │ lane 0 │ lane 1 │ …    a panel
//	tile       lane 0, + lane 1, …      levels of cpu.Tree ──▶ C
//
// A tile adds what it computes to what is there, as one more rounding: so a lane on the
// right of its node needs no level of its own.
//
// It serves one goroutine at a time; others have products of their own.
type LaneProduct[T cpu.Float] struct {
	at     []int                     // the first row of each lane, and the end
	addTo  func(to, left, right []T) // adds vectors: the loop is that of room vector
	levels [][maxTile]T              // of the tree

	block[T]           // at work
	rows     int       // of the tile
	strip    matrix[T] // of A
	beam     matrix[T] // the panel of B
}

// MaxLaneRows is the number of rows that all lanes together may have: those of larger
// products are too many for the caches, and Gemm rounds their sums more than once.
const MaxLaneRows = blockK

// NewLaneProduct returns the product for lanes that begin at these rows, and end with the
// last number, which is at most MaxLaneRows. addTo sets to[i] = left[i] + right[i], where to
// may be left.
func NewLaneProduct[T cpu.Float](at []int, addTo func(to, left, right []T)) *LaneProduct[T] {
	return &LaneProduct[T]{at: at, addTo: addTo, levels: make([][maxTile]T, 1+cpu.TreeDepth(len(at)-1))}
}

// Run computes C. The strides are those of the matrices as stored: lda of A, whose first m
// columns count, ldb and ldc. C must not overlap A or B.
func (p *LaneProduct[T]) Run(m, n int, a []T, lda int, b []T, ldb int, c []T, ldc int) {
	k, t := p.at[len(p.at)-1], tilesOf[T](n)
	w := t.work.Get()
	if w == nil {
		w = new(workspace[T])
	}
	defer t.work.Put(w)
	g := newProduct(true, false, m, n, k, a, lda, b, ldb, false, c, ldc)
	for j := 0; j < n; j += blockN {
		p.block = block[T]{Tiles: t, w: w, n: min(blockN, n-j), k: k, b: g.b.at(0, j)}
		p.packB(m)
		for i := 0; i < m; i += blockM {
			p.m, p.a, p.c = min(blockM, m-i), g.a.at(i, 0), g.c.at(i, j)
			p.packA()
			p.tiles()
		}
	}
	p.block = block[T]{} // which would keep the caller's matrices alive
	p.strip, p.beam = matrix[T]{}, matrix[T]{}
}

// tiles computes the block tile by tile, in the order of block.run.
func (p *LaneProduct[T]) tiles() {
	strips := (p.m + len(p.Rows) - 1) / len(p.Rows)
	for s := range strips {
		lo, hi := p.m*s/strips, p.m*(s+1)/strips
		p.rows, p.strip = hi-lo, p.a.at(lo, 0)
		for j := 0; j < p.n; j += p.Cols {
			p.beam = p.panel(j)
			p.all(p.c.at(lo, j), min(p.Cols, p.n-j))
		}
	}
}

// all computes a tile of C, of which cols columns are there. The last sum of the tree is
// written to C itself.
func (p *LaneProduct[T]) all(c matrix[T], cols int) {
	lanes := len(p.at) - 1
	if half := cpu.TreeHalf(lanes); lanes-half > 1 {
		p.node(0, half, 0)
		p.node(half, lanes, 1)
		left, right := p.levels[0][:], p.levels[1][:]
		for i := range p.rows {
			p.addTo(c.data[i*c.row:][:cols], left[i*p.Cols:], right[i*p.Cols:])
		}
		return
	}
	p.node(0, lanes, 0)
	copyRows(c, matrix[T]{p.levels[0][:], p.Cols, 1}, p.rows, cols)
}

// node sets a level to what the lanes [lo,hi), a node of the tree, add up to.
func (p *LaneProduct[T]) node(lo, hi, level int) {
	if hi-lo == 1 {
		p.lane(lo, level, false)
		return
	}
	half := lo + cpu.TreeHalf(hi-lo)
	p.node(lo, half, level)
	if hi-half == 1 {
		p.lane(half, level, true)
		return
	}
	p.node(half, hi, level+1)
	n := p.rows * p.Cols
	p.addTo(p.levels[level][:n], p.levels[level][:n], p.levels[level+1][:n])
}

// lane sets a level to a lane's tile, or adds that.
func (p *LaneProduct[T]) lane(lane, level int, add bool) {
	lo, hi := p.at[lane], p.at[lane+1]
	a, b := p.strip.at(0, lo), p.beam.at(lo, 0)
	p.Rows[p.rows-1](hi-lo, 1, a.data, a.row, a.col, 0, b.data, b.row, 0, p.levels[level][:], p.Cols, add)
}

// Bytes is the memory that it keeps.
func (p *LaneProduct[T]) Bytes() int { return cpu.SizeOf[T](len(p.levels) * maxTile) }
