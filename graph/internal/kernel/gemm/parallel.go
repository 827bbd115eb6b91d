package gemm

import "tapenet/graph/internal/kernel/cpu"

// GemmParallel is Gemm with the rows or the columns of C, whichever are more,
// shared out over the worker pool:
//
//	m > n: rows of C         else: columns, in whole tiles
//	A ├ part 0 ┤ · B         A · B ├ part 0 ┤├ part 1 ┤
//	  ├ part 1 ┤
//
// Each part is a product of its own that packs its B: with rows every part packs all
// of B, with columns each packs its own columns. The bits are the same as Gemm's, as
// an element depends on its row and column alone. A small product runs on the caller.
func GemmParallel[T cpu.Float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, accumulate bool, c []T, ldc int) {
	t := tilesOf[T](n)
	g := newProduct(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
	if m*n*k < minParallel {
		g.run(t)
		return
	}
	j := t.jobs.Get()
	if j == nil {
		j = newGemmJob(t)
	}
	j.product = g
	if m > n {
		cpu.Parallel(m, j.rows)
	} else {
		cpu.Parallel((n+t.Cols-1)/t.Cols, j.cols)
	}
	j.product = product[T]{}
	t.jobs.Put(j)
}

// minParallel is the number of multiplications from which on waking a worker pays:
// some microseconds of work.
const minParallel = 1 << 18

// gemmJob is a product that several goroutines compute. It is used again, for
// the sake of its functions: a new closure would be an allocation.
type gemmJob[T cpu.Float] struct {
	product[T]
	rows func(lo, hi int) // computes rows [lo,hi) of C
	cols func(lo, hi int) // computes columns of C, counted in tiles
}

// newGemmJob returns a job whose functions compute parts of its product with
// the tiles t. Each part packs its own operands.
func newGemmJob[T cpu.Float](t *Tiles[T]) *gemmJob[T] {
	j := new(gemmJob[T])
	j.rows = func(lo, hi int) {
		g := j.product
		g.a, g.c, g.m = g.a.at(lo, 0), g.c.at(lo, 0), hi-lo
		g.run(t)
	}
	j.cols = func(lo, hi int) {
		g := j.product
		lo, hi = lo*t.Cols, min(hi*t.Cols, g.n)
		g.b, g.c, g.n = g.b.at(0, lo), g.c.at(0, lo), hi-lo
		g.run(t)
	}
	return j
}
