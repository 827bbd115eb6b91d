package gemm

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"packCols": packColsTwin,
	"Gemm":     gemmTwin,
}

func TestTwins(t *testing.T) { kerneltest.RunTwins(t, twins) }

func FuzzTwins(f *testing.F) { kerneltest.FuzzTwins(f, twins) }

// packColsTwin packs columns of n elements; there are always some.
func packColsTwin(r *rand.Rand, n int) kerneltest.Twin {
	n = max(n, 1)
	cols := 1 + r.IntN(40)
	ld, width := n+r.IntN(4), cols+r.IntN(9)
	return kerneltest.Twin{
		Floats: [][]float32{kerneltest.Values(r, n*width), kerneltest.Values(r, (cols-1)*ld+n)},
		Run: func(f [][]float32, _ [][]uint8) {
			tilesOf[float32](width).packCols(f[0], f[1], ld, n, cols, width)
		},
	}
}

// gemmTwin multiplies n rows. Between the rows of the matrices, and in C where
// it is to be overwritten, lies NaN.
func gemmTwin(r *rand.Rand, n int) kerneltest.Twin {
	m, n, k := n, 1+r.IntN(70), r.IntN(40)+blockK*r.IntN(2)
	transA, transB, accumulate := r.IntN(2) > 0, r.IntN(2) > 0, r.IntN(2) > 0
	a := newGuarded[float32](r, transA, m, k, r.IntN(4))
	b := newGuarded[float32](r, transB, k, n, r.IntN(4))
	c := newGuarded[float32](r, false, m, n, r.IntN(4))
	if !accumulate {
		copy(c.data, kerneltest.Unset[float32](len(c.data)))
	}
	return kerneltest.Twin{
		Floats: [][]float32{a.data, b.data, c.data},
		Run: func(f [][]float32, _ [][]uint8) {
			Gemm(transA, transB, m, n, k, f[0], a.ld, f[1], b.ld, accumulate, f[2], c.ld)
		},
		Roundings: 2 * (k + 2),
	}
}
