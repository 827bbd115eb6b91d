package conv

import (
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

func TestContract(t *testing.T) {
	t.Run("float32", func(t *testing.T) { kerneltest.CheckContracts(t, contracts[float32]()) })
	t.Run("float64", func(t *testing.T) { kerneltest.CheckContracts(t, contracts[float64]()) })
}

func contracts[T cpu.Float]() []kerneltest.Contract[T] {
	conv := Shape{N: 9, C: 4, H: 4, W: 5, F: 6, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 1, DilationH: 1, DilationW: 2, Groups: 2, OH: 2, OW: 3}
	planar := Shape{N: 9, C: 2, H: 4, W: 30, F: 6, KH: 3, KW: 2, StrideH: 1, StrideW: 1, PadTop: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 3, OW: 29}
	point := Shape{N: 2, C: 3, H: 4, W: 5, F: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 4, OW: 5}
	return []kerneltest.Contract[T]{
		{Name: "Conv2d", Kernel: NewConv2d[T](conv, true), In: []int{9 * 4 * 20, 6 * 2 * 6, 6}, Out: 9 * 6 * 6},
		{Name: "Conv2d planar", Kernel: NewConv2d[T](planar, true), In: []int{9 * 2 * 4 * 30, 6 * 2 * 6, 6}, Out: 9 * 6 * 3 * 29},
		{Name: "PlanarBlock", Kernel: NewPlanarBlock[T](planar, true), In: []int{9 * 2 * 4 * 30, 6 * 2 * 6, 6}, Out: 9 * 6 * 1 * 14},
		{Name: "Conv2d pointwise", Kernel: NewConv2d[T](point, false), In: []int{2 * 3 * 20, 6}, Out: 2 * 2 * 20},
	}
}
