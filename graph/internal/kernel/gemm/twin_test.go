package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"packCols": packColsTwin,
	"Gemm":     gemmTwin,
	"Panels":   panelsTwin,
	"Stream":   streamTwin,
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

// panelsTwin multiplies n rows with prepared weights, whose columns may be odd, and
// ends them with a residual or without.
func panelsTwin(r *rand.Rand, n int) kerneltest.Twin {
	rows, cols, depth := n%50, 1+r.IntN(70), 1+r.IntN(30)
	w := Walk[float32]{K: depth, Mid: 1, Outer: 1, ARow: depth + r.IntN(9), CRow: cols + r.IntN(9), ResidualRow: cols + r.IntN(9), Columns: cols}
	w.Low, w.High = float32(math.Inf(-1)), float32(math.Inf(1))
	last := max(rows-1, 0)
	residual := make([]float32, 0)
	if r.IntN(2) > 0 {
		residual = kerneltest.Normal[float32](r, last*w.ResidualRow+cols)
	}
	return kerneltest.Twin{
		Floats: [][]float32{
			kerneltest.Normal[float32](r, last*w.ARow+depth), kerneltest.Normal[float32](r, cols*depth),
			kerneltest.Normal[float32](r, width(cols)), residual, kerneltest.Unset[float32](last*w.CRow + cols),
		},
		Run: func(f [][]float32, _ [][]uint8) {
			var p Panels[float32]
			p.Resize(depth, width(cols))
			p.Fill(f[1], depth, cols, nil)
			w := w
			w.Shift = f[2]
			for i := range p.Len() {
				p.Multiply(i, rows, &w, f[0], f[4], f[3])
			}
		},
		Roundings: 2 * (depth + 3),
	}
}

// width is n rounded up to a multiple of eight.
func width(n int) int { return (n + 7) &^ 7 }

// streamTwin multiplies a row with some of n columns.
func streamTwin(r *rand.Rand, n int) kerneltest.Twin {
	n = max(n, 1)
	k, lo := 1+r.IntN(40)+blockK*r.IntN(2), r.IntN(n)
	hi := lo + r.IntN(n-lo+1)
	return kerneltest.Twin{
		Floats: [][]float32{
			kerneltest.Normal[float32](r, k), kerneltest.Normal[float32](r, k*n),
			kerneltest.Unset[float32](n), kerneltest.Unset[float32](n),
		},
		Run:       func(f [][]float32, _ [][]uint8) { Stream(f[2], f[3], f[0], f[1], n, lo, hi) },
		Roundings: 2 * (k + 2),
	}
}
