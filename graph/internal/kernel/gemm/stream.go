package gemm

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Stream computes the columns [lo,hi) of y = x·w, the product of a row x of k
// elements with the matrix w (k,n). It reads w once, in the order in which it lies in
// memory, and needs no preparation: for matrices that are larger than the cache. As
// that of Gemm, the sum of a column is rounded to y's precision at each multiple of
// blockK; partial is memory for one such part, as long as y.
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

// streamBlockK adds the products of a few elements of x to the columns [lo,hi) of y.
func streamBlockK[T cpu.Float](y, x, w []T, n, lo, hi int) {
	const rows = 16 // that y is read and written for once
	for k := 0; k < len(x); k += rows {
		some := x[k:min(k+rows, len(x))]
		done := lo
		if y32, ok := cpu.Float32s(y); ok {
			x32, _ := cpu.Float32s(some)
			w32, _ := cpu.Float32s(w)
			block := streamBlock(cpu.Active())
			if cols := (hi - lo) / block * block; cols > 0 {
				streamRows(cpu.Active(), len(some), cols, &x32[0], &w32[k*n+lo], n, &y32[lo])
				done += cols
			}
		}
		streamGo(y[done:hi], some, w[k*n+done:], n)
	}
}

// streamGo adds to y[j] the products of x[i] and w[i*n+j], in the order of i. In
// float32 each product and sum is rounded once, as the assembly does.
func streamGo[T cpu.Float](y, x, w []T, n int) {
	for j := range y {
		sum := y[j]
		for i, v := range x {
			sum = fma(v, w[i*n+j], sum)
		}
		y[j] = sum
	}
}

// fma is x·y+z; in float32 rounded once, but for the rare case that float64 rounds
// to the middle between two numbers.
func fma[T cpu.Float](x, y, z T) T { return T(math.FMA(float64(x), float64(y), float64(z))) }
