package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/vector"
)

// Mul is the matrix product y = x·w + bias of x (M,K), w (K,N) and, optionally,
// a bias (N) that is added to every row; with ReLU, max(x·w + bias, 0). It is a
// dense layer.
//
// All matrices lie row by row without a gap. With ReLU a NaN stays NaN.
type Mul[T cpu.Float] struct {
	M, K, N int
	Bias    bool // there is one
	ReLU    bool

	forwardOnly bool // no Backward follows: nothing is kept for it
	masked      []T  // with ReLU: the last output, then the gradient before ReLU
}

// ForwardOnly says whether no Backward follows a Forward, so that nothing has to be
// kept for it. At first it is false.
func (m *Mul[T]) ForwardOnly(on bool) { m.forwardOnly = on }

// Forward computes y (M,N) from the operands x, w and bias. The bias is written to y
// first, and the product added to it. So no pass over the finished product is needed
// for it. With ReLU the kernel keeps a copy of y, M·N elements, since y itself may be
// overwritten before Backward.
func (m *Mul[T]) Forward(y []T, in [][]T) {
	bias := cpu.Operand(in, 2)
	for i := 0; bias != nil && i < m.M; i++ {
		copy(y[i*m.N:], bias)
	}
	gemm.GemmParallel(false, false, m.M, m.N, m.K, in[0], m.K, in[1], m.N, bias != nil, y, m.N)
	if m.ReLU {
		vector.ReLU(y, y)
		if !m.forwardOnly {
			m.masked = append(m.masked[:0], y...)
		}
	}
}

// Backward computes dx = dy·wᵀ, dw = xᵀ·dy and dbias = Σ_rows dy, skipping
// those that are nil. With ReLU, dy counts where the last output was positive.
//
//	y[i,j] = Σ_k x[i,k]·w[k,j] + bias[j]
//
//	dx[i,k] = Σ_j dy[i,j]·w[k,j]      (M,K), a product of (M,N) and (N,K)
//	dw[k,j] = Σ_i x[i,k]·dy[i,j]      (K,N), a product of (K,M) and (M,N)
//	dbias[j] = Σ_i dy[i,j]            row after row
//
// The transposed operands are not written anywhere: gemm reads them so. With ReLU the
// gradient takes the place of the kept output, so that each Forward allows one Backward.
// The output's sign says enough: it is positive exactly where its input was.
func (m *Mul[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	if m.ReLU {
		vector.ReLUGrad(m.masked, dy, m.masked) // not in dy, which is not ours
		dy = m.masked
	}
	if dx := dIn[0]; dx != nil {
		gemm.GemmParallel(false, true, m.M, m.K, m.N, dy, m.N, in[1], m.N, false, dx, m.K)
	}
	if dw := dIn[1]; dw != nil {
		gemm.GemmParallel(true, false, m.K, m.N, m.M, in[0], m.K, dy, m.N, false, dw, m.N)
	}
	if db := cpu.Operand(dIn, 2); db != nil {
		vector.SumChunks(db, dy, m.M)
	}
}

// Bytes is the memory that the kernel keeps.
func (m *Mul[T]) Bytes() int { return cpu.BytesOf(m.masked) }
