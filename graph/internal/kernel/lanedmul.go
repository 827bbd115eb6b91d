package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/vector"
)

// lanedMul is Mul for the lanes of a batch, with the bits that each lane has alone. Rows
// of a product do not depend on each other, so y and dx take the whole batch at once,
// and read the weights once. dw and dbias are sums over rows: one for each lane, added up
// by the tree of the lanes.
//
// A sum of each lane for all of dw would be written and read again and again. So dw goes
// piece by piece, and the lanes' sums of a piece stay in a cache until they are added up:
//
//	dw ├─ piece 0 ─┤├─ piece 1 ─┤ …
//	    lane 0: x[rows of lane 0]ᵀ·dy     into the piece itself
//	    lane 1: …                         into a spare one, and from there to the first
//	    …                                 as cpu.Tree says
//
// A piece is a tile of the product, if all lanes together have few rows: gemm.LaneProduct.
// Else it is a strip of some rows of dw. An element of dw is the same in whatever piece it
// is, see gemm.Gemm, and strips are shared out over the processors.
type lanedMul[T cpu.Float] struct {
	Mul[T]
	at []int // the first row of each lane, and the end

	x, dy, dw, db []T
	rows          int // of dw in a strip
	strips, tiles func(lo, hi int)
	idle          cpu.FreeList[mulStrip[T]]
	idleTiles     cpu.FreeList[gemm.LaneProduct[T]]
	ofBias        mulStrip[T]
}

// mulStrip is a strip of dw at work, or dbias, on one goroutine.
type mulStrip[T cpu.Float] struct {
	*lanedMul[T]
	first, last int   // rows of dw
	levels      [][]T // of the tree: the first is the result
	spare       []T
	product     func(lane, level int) // methods, made once
	sum         func(lane, level int)
	add         func(level int)
}

// stripSize is the number of elements of a strip, about: those of a tree of eight lanes
// are four strips, 256 KiB in float32, which a second cache holds.
const stripSize = 16 << 10

// Lanes returns the kernel that takes lanes of so many samples at once. ok is false
// unless x alone has samples, each of as many rows.
func (m *Mul[T]) Lanes(sizes []int, shared []bool) (all any, ok bool) {
	of := 0
	for _, n := range sizes {
		of += n
	}
	if m.M%of > 0 || !parameters(shared) {
		return nil, false
	}
	l := &lanedMul[T]{Mul: Mul[T]{M: m.M, K: m.K, N: m.N, Bias: m.Bias, ReLU: m.ReLU}, at: []int{0}, idle: cpu.NewFreeList[mulStrip[T]]()}
	for i, n := range sizes {
		l.at = append(l.at, l.at[i]+n*(m.M/of))
	}
	l.rows = min(max(stripSize/m.N, 1), m.K)
	l.strips, l.tiles, l.idleTiles = l.someStrips, l.someTiles, cpu.NewFreeList[gemm.LaneProduct[T]]()
	l.ofBias.begin(l, m.N)
	return l, true
}

// begin makes a strip with room for so many elements in each level of the tree.
func (s *mulStrip[T]) begin(l *lanedMul[T], size int) {
	depth := cpu.TreeDepth(len(l.at) - 1)
	s.lanedMul, s.spare, s.levels = l, make([]T, depth*size), make([][]T, 1+depth)
	s.product, s.sum, s.add = s.laneProduct, s.laneSum, s.addLevel
}

// take makes to the strip: the tree's sum goes there.
func (s *mulStrip[T]) take(to []T) {
	s.levels[0] = to
	for i := 1; i < len(s.levels); i++ {
		s.levels[i] = s.spare[(i-1)*len(to):][:len(to)]
	}
}

// laneProduct sets a level to a lane's x ᵀ·dy, for the rows of the strip.
func (s *mulStrip[T]) laneProduct(lane, level int) {
	lo, hi := s.at[lane], s.at[lane+1]
	gemm.Gemm(true, false, s.last-s.first, s.N, hi-lo, s.x[lo*s.K+s.first:], s.K, s.lanedMul.dy[lo*s.N:], s.N, false, s.levels[level], s.N)
}

// laneSum sets a level to the sum of a lane's rows of dy.
func (s *mulStrip[T]) laneSum(lane, level int) {
	lo, hi := s.at[lane], s.at[lane+1]
	vector.SumChunks(s.levels[level], s.lanedMul.dy[lo*s.N:], hi-lo)
}

func (s *mulStrip[T]) addLevel(level int) { vector.Add(s.levels[level], s.levels[level+1]) }

// Backward is that of Mul. Without a lane's end in it, nothing is different for dx.
func (l *lanedMul[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if l.ReLU {
		vector.ReLUGrad(l.masked, dy, l.masked)
		dy = l.masked
	}
	if dx := dIn[0]; dx != nil {
		gemm.GemmParallel(false, true, l.M, l.K, l.N, dy, l.N, in[1], l.N, false, dx, l.K)
	}
	l.x, l.dy, l.dw, l.db = in[0], dy, dIn[1], cpu.Operand(dIn, 2)
	switch {
	case l.dw == nil:
	case l.M <= gemm.MaxLaneRows:
		cpu.Parallel(l.K, l.tiles)
	default:
		cpu.Parallel((l.K+l.rows-1)/l.rows, l.strips)
	}
	if l.db != nil {
		l.ofBias.take(l.db)
		cpu.Tree(0, len(l.at)-1, 0, l.ofBias.sum, l.ofBias.add)
	}
}

// someTiles computes the rows [lo,hi) of dw, tile by tile.
func (l *lanedMul[T]) someTiles(lo, hi int) {
	p := l.idleTiles.Get()
	if p == nil {
		p = gemm.NewLaneProduct[T](l.at, vector.AddTo[T])
	}
	defer l.idleTiles.Put(p)
	p.Run(hi-lo, l.N, l.x[lo:], l.K, l.dy, l.N, l.dw[lo*l.N:], l.N)
}

// someStrips computes the strips [lo,hi) of dw.
func (l *lanedMul[T]) someStrips(lo, hi int) {
	s := l.idle.Get()
	if s == nil {
		s = new(mulStrip[T])
		s.begin(l, l.rows*l.N)
	}
	defer l.idle.Put(s)
	for i := lo; i < hi; i++ {
		s.first, s.last = i*l.rows, min((i+1)*l.rows, l.K)
		s.take(l.dw[s.first*l.N : s.last*l.N])
		cpu.Tree(0, len(l.at)-1, 0, s.product, s.add)
	}
}

// Bytes is the memory that the kernel keeps.
func (l *lanedMul[T]) Bytes() int {
	return l.Mul.Bytes() + cpu.BytesOf(l.ofBias.spare) + l.idleTiles.Sum((*gemm.LaneProduct[T]).Bytes) +
		l.idle.Sum(func(s *mulStrip[T]) int { return cpu.BytesOf(s.spare) })
}
