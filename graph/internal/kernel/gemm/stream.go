package gemm

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Stream computes the columns [lo,hi) of y = x·w, the product of a row x of k
// elements with the matrix w (k,n). It reads w once, in the order in which it lies in
// memory, and needs no preparation: for matrices that are larger than the cache, the
// dense layers of one image. There reading w takes all of the time.
//
//	x ├ 16 ┤ ·  w  ┌ lo ─────────── hi ┐
//	               │ 16 rows, of each  │ → y[lo:hi], sums in registers, 64 columns
//	               │ 64 columns, …     │   (or 32) at a time
//	               └───────────────────┘
//
// The sum of a column is rounded to y's precision at each multiple of blockK, as the
// sums of Gemm are; partial is memory for one such part, as long as y. So the bits are
// Gemm's, and do not depend on lo and hi: the caller shares out the columns.
func Stream[T cpu.Float](y, partial, x, w []T, n, lo, hi int) {
	clear(y[lo:hi])
	for k := 0; k < len(x); k += blockK {
		clear(partial[lo:hi])
		streamBlockK(partial, x[k:min(k+blockK, len(x))], w[k*n:], n, lo, hi)
		for j, v := range partial[lo:hi] {
			y[lo+j] += v
		}
	}
}

// streamRowsOnce is the number of rows of w for which y is read and written once.
// Each row is a stream of memory of its own, of which a processor follows a few dozen.
const streamRowsOnce = 16

// streamBlockK adds the products of a few elements of x to the columns [lo,hi) of y.
// Where there is assembly, the columns that do not fill its blocks get the same bits.
func streamBlockK[T cpu.Float](y, x, w []T, n, lo, hi int) {
	for k := 0; k < len(x); k += streamRowsOnce {
		some := x[k:min(k+streamRowsOnce, len(x))]
		y32, ok := cpu.Float32s(y)
		if !ok {
			streamGo(y[lo:hi], some, w[k*n+lo:], n)
			continue
		}
		x32, _ := cpu.Float32s(some)
		w32, _ := cpu.Float32s(w)
		streamSome(y32[:hi], x32, w32[k*n:], n, lo)
	}
}

// streamSome is streamBlockK for the few rows of w that are taken together: y ends with
// the last of the columns. The assembly takes whole blocks of columns. What is left over
// is the end of one more block, which begins further left, as most columns have
// neighbours there:
//
//	columns  │ block │ block │ bloc┊k │ rest │
//	                         ├ last block ───┤   only the rest of it is added to y
//
// Only where w has fewer columns than a block does plain Go the work, ten times slower.
func streamSome(y, x, w []float32, n, lo int) {
	block := streamBlock(cpu.Active())
	done := len(y) - (len(y)-lo)%block
	if done > lo {
		streamRows(cpu.Active(), len(x), done-lo, &x[0], &w[lo], n, &y[lo])
	}
	switch rest, from := y[done:], len(y)-block; {
	case len(rest) == 0:
	case from < 0:
		streamFused(rest, x, w[done:], n)
	default:
		var last [maxStreamBlock]float32
		copy(last[done-from:], rest)
		streamRows(cpu.Active(), len(x), block, &x[0], &w[from], n, &last[0])
		copy(rest, last[done-from:])
	}
}

// maxStreamBlock is the largest number of columns that streamRows takes at a time.
const maxStreamBlock = 64

// streamGo adds to y[j] the products of x[i] and w[i*n+j], in the order of i. It is for
// float64 and for plain Go.
func streamGo[T cpu.Float](y, x, w []T, n int) {
	for j := range y {
		sum := y[j]
		for i, v := range x {
			sum += v * w[i*n+j]
		}
		y[j] = sum
	}
}

// streamFused is streamGo with each product and sum rounded once, as the assembly
// does. It is for matrices of fewer columns than a block: a column's bits must not depend
// on how many there are.
func streamFused(y, x, w []float32, n int) {
	for j := range y {
		sum := y[j]
		for i, v := range x {
			sum = fma(v, w[i*n+j], sum)
		}
		y[j] = sum
	}
}

// fma returns x·y+z, rounded once to float32. math.FMA works in float64, and a second
// rounding to float32 can go wrong where the first result lies in the middle between
// two float32 numbers.
//
// So the sum is first rounded to odd: if it has no exact float64, it becomes the one of
// its two neighbours whose last bit is set. Unlike the nearest neighbour that one never
// lies in the middle between two float32 numbers, and rounding it again gives the same
// as rounding x·y+z (Boldo and Melquiond 2008).
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z) // exact: 48 bits
	sum := p + c
	q := sum - p
	rest := (p - (sum - q)) + (c - q) // the rounding error of sum (Knuth's TwoSum)
	if !(rest < 0 || rest > 0) {      // nothing, or a NaN
		return float32(sum)
	}
	bits := math.Float64bits(sum)
	switch {
	case bits&1 != 0:
	case (rest > 0) == (sum > 0):
		bits++
	default:
		bits--
	}
	return float32(math.Float64frombits(bits))
}
