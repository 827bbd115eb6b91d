package op

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel/gemm"
)

// Gorgonia starts with gonum's BLAS. Another one is the program's choice, and
// stays.
func init() {
	if _, ok := gorgonia.WhichBLAS().(gonum.Implementation); ok {
		gorgonia.Use(implementation{})
	}
}

// implementation is gonum's BLAS, but for the matrix product in float32: that
// is the one of [Mul]. In float64 gonum's assembly is faster than package
// kernel's plain Go.
type implementation struct{ gonum.Implementation }

// Sgemm computes C = alpha·op(A)·op(B) + beta·C, where op(A) is m×k, op(B) is
// k×n and the matrices are row-major. Gorgonia asks for alpha = 1 and beta = 0;
// other factors, and arguments that do not fit each other, are left to gonum.
// Unlike gonum's product, 0·NaN is NaN.
func (i implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	usual := alpha == 1 && (beta == 0 || beta == 1)
	if !usual || !fits(tA, m, k, len(a), lda) || !fits(tB, k, n, len(b), ldb) || !fits(blas.NoTrans, m, n, len(c), ldc) {
		i.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	gemm.GemmParallel(tA != blas.NoTrans, tB != blas.NoTrans, m, n, k, a, lda, b, ldb, beta == 1, c, ldc)
}

// fits reports whether a matrix that has elements, or its transpose, lies
// within length elements when its rows are ld apart.
func fits(t blas.Transpose, rows, cols, length, ld int) bool {
	switch t {
	case blas.NoTrans:
	case blas.Trans, blas.ConjTrans:
		rows, cols = cols, rows
	default:
		return false
	}
	return rows > 0 && cols > 0 && ld >= cols && length >= (rows-1)*ld+cols
}
