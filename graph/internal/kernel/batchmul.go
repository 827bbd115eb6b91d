package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
)

// BatchMul multiplies many pairs of matrices: y_i = Scale·a_i·b_i, where each
// a_i is M×K, each b_i is K×N and each y_i is M×N. The matrices lie anywhere in
// their tensors: attention takes the queries, keys and values of all heads out
// of one tensor, without a copy (Vaswani et al. 2017, with Scale = 1/√D).
//
//	x (N,L,3·H·D) with H = 2 heads, one sample, a line for each of L positions
//	│ q₀ │ q₁ │ k₀ │ k₁ │ v₀ │ v₁ │     D elements each, lines 3·H·D apart
//	│ q₀ │ q₁ │ k₀ │ k₁ │ v₀ │ v₁ │
//
// There the matrix q₁ of sample n begins at n·L·3·H·D + D and has Stride 3·H·D; the
// transpose of k₁, which it is multiplied with, is D×L, begins at n·L·3·H·D + 3·D, has
// the same Stride and is Turned.
//
// The bits of a product depend on its own matrices and the tier, not on how many there
// are or who computes them, see gemm.Gemm. Sums that are added up do so in the order of
// the products.
type BatchMul[T cpu.Float] struct {
	M, N, K int
	A, B, Y Matrices
	Scale   float64

	y, dy             []T
	in, dIn           [][]T
	scaled            []T // Scale·dy, if Scale is not 1
	forward, backward func(lo, hi int)
}

// Matrices says where matrices lie in a tensor. The elements of one column are
// Stride apart and those of a row lie side by side, or the other way round if
// Turned. The gradient of an operand lies in the same way.
//
// Those of the result are never Turned, do not overlap and leave no element out: so
// Forward needs to clear nothing.
type Matrices struct {
	At     []int // the first element of each matrix
	Stride int
	Turned bool

	// Shared means that matrices overlap: their gradients are added up, in order.
	// Parts means that there are elements of the tensor in no matrix: their gradient is
	// zero, and the kernel writes that. Without the two a gradient is set as it comes.
	Shared, Parts bool
}

// NewBatchMul returns the kernel. All three have as many matrices.
func NewBatchMul[T cpu.Float](m, n, k int, a, b, y Matrices, scale float64) *BatchMul[T] {
	g := &BatchMul[T]{M: m, N: n, K: k, A: a, B: b, Y: y, Scale: scale}
	g.forward, g.backward = g.products, g.gradients
	return g
}

// fewProducts is up to how many products run one after the other, each with its
// rows or columns shared out over the processors. More of them are shared out whole:
// then the processors need not wait for each other behind every product.
const fewProducts = 3

// each calls f for all products, if alone in order and one by one: that is for sums
// into shared memory, which two goroutines must not write to. Many products alone run
// on the caller's processor only.
func (g *BatchMul[T]) each(alone bool, f func(lo, hi int)) {
	if n := len(g.Y.At); alone || n <= fewProducts {
		f(0, n)
	} else {
		cpu.Parallel(n, f)
	}
}

// Forward computes y from the operands a and b. No product may overlap its operands.
func (g *BatchMul[T]) Forward(y []T, in [][]T) {
	g.y, g.in = y, in
	g.each(false, g.forward)
}

// products computes the products [lo,hi). The scale comes behind the sum, as a rounding
// of its own; a power of two, 1/√64 for example, rounds nothing unless the result is
// subnormal. A sum that exceeds T's range is infinite before the scale makes it small.
func (g *BatchMul[T]) products(lo, hi int) {
	for i := lo; i < hi; i++ {
		y := g.y[g.Y.At[i]:]
		g.gemm(g.A.Turned, g.B.Turned, g.M, g.N, g.K, g.in[0][g.A.At[i]:], g.A.Stride, g.in[1][g.B.At[i]:], g.B.Stride, false, y, g.Y.Stride)
		if g.Scale == 1 {
			continue
		}
		scale := T(g.Scale)
		for r := range g.M {
			row := y[r*g.Y.Stride:][:g.N]
			for j := range row {
				row[j] *= scale
			}
		}
	}
}

// gemm shares one product out over the processors only if products do not.
func (g *BatchMul[T]) gemm(transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, accumulate bool, c []T, ldc int) {
	if len(g.Y.At) <= fewProducts {
		gemm.GemmParallel(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
	} else {
		gemm.Gemm(transA, transB, m, n, k, a, lda, b, ldb, accumulate, c, ldc)
	}
}

// Backward computes da_i = Scale·dy_i·b_iᵀ and db_i = Scale·a_iᵀ·dy_i, since
//
//	∂L/∂a[m,k] = Σ_n dy[m,n]·∂y[m,n]/∂a[m,k] = Scale · Σ_n dy[m,n]·b[k,n]
//	∂L/∂b[k,n] = Σ_m dy[m,n]·∂y[m,n]/∂b[k,n] = Scale · Σ_m a[m,k]·dy[m,n]
//
// dy is scaled once for both, in memory of the kernel: dy is the caller's. If one
// tensor is both operands, it has two gradients of its whole size here, and whoever runs
// the graph adds them.
func (g *BatchMul[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if g.Scale != 1 {
		g.scaled = cpu.Grow(g.scaled, dy, 1)
		scale := T(g.Scale)
		for i, d := range dy {
			g.scaled[i] = d * scale
		}
		dy = g.scaled
	}
	for i, m := range []Matrices{g.A, g.B} {
		if dIn[i] != nil && (m.Shared || m.Parts) {
			clear(dIn[i])
		}
	}
	g.dIn, g.dy, g.in = dIn, dy, in
	g.each(g.A.Shared || g.B.Shared, g.backward)
}

// gradients computes those of the products [lo,hi). A gemm writes its result row by row,
// so that a gradient which is Turned comes as its transpose, with exchanged factors:
//
//	a lies as   da is written as            b lies as   db is written as
//	M×K         da  = dy·bᵀ    (M×K)        K×N         db  = aᵀ·dy    (K×N)
//	K×M Turned  daᵀ = b·dyᵀ    (K×M)        N×K Turned  dbᵀ = dyᵀ·a    (N×K)
//
// Whether gemm transposes a factor depends on the formula and on how the factor lies:
// for b it transposes what is Turned, for bᵀ what is not.
func (g *BatchMul[T]) gradients(lo, hi int) {
	for i := lo; i < hi; i++ {
		dy := g.dy[g.Y.At[i]:]
		if g.dIn[0] != nil {
			da, b := g.dIn[0][g.A.At[i]:], g.in[1][g.B.At[i]:]
			if g.A.Turned { // daᵀ = b·dyᵀ
				g.gemm(g.B.Turned, true, g.K, g.M, g.N, b, g.B.Stride, dy, g.Y.Stride, g.A.Shared, da, g.A.Stride)
			} else {
				g.gemm(false, !g.B.Turned, g.M, g.K, g.N, dy, g.Y.Stride, b, g.B.Stride, g.A.Shared, da, g.A.Stride)
			}
		}
		if g.dIn[1] != nil {
			db, a := g.dIn[1][g.B.At[i]:], g.in[0][g.A.At[i]:]
			if g.B.Turned { // dbᵀ = dyᵀ·a
				g.gemm(true, g.A.Turned, g.N, g.K, g.M, dy, g.Y.Stride, a, g.A.Stride, g.B.Shared, db, g.B.Stride)
			} else {
				g.gemm(!g.A.Turned, false, g.K, g.N, g.M, a, g.A.Stride, dy, g.Y.Stride, g.B.Shared, db, g.B.Stride)
			}
		}
	}
}

// Bytes is the memory that the kernel keeps.
func (g *BatchMul[T]) Bytes() int {
	return cpu.BytesOf(g.scaled) + 8*(len(g.A.At)+len(g.B.At)+len(g.Y.At))
}
