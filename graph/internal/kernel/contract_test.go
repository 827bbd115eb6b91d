package kernel

import (
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

func TestContract(t *testing.T) {
	t.Run("float32", func(t *testing.T) { kerneltest.CheckContracts(t, contracts[float32]()) })
	t.Run("float64", func(t *testing.T) { kerneltest.CheckContracts(t, contracts[float64]()) })
}

func contracts[T cpu.Float]() []kerneltest.Contract[T] {
	pool := PoolShape{Planes: 4, H: 5, W: 5, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 2, OW: 2}
	square := func(x float64) float64 { return x * x }
	weighted := func(x []float64, target float64, gradient []float64) (sum float64) {
		for k, v := range x {
			sum += target * v * v
			gradient[k] = 2 * target * v
		}
		return sum
	}
	return []kerneltest.Contract[T]{
		{Name: "MaxPool2D", Kernel: NewMaxPool2D[T](pool), In: []int{100}, Out: 16},
		{Name: "AvgPool2D", Kernel: NewAvgPool2D[T](pool), In: []int{100}, Out: 16},
		{Name: "Mul", Kernel: &Mul[T]{M: 5, K: 4, N: 3}, In: []int{20, 12, 3}, Out: 15},
		{Name: "Activation", Kernel: NewActivation[T](vector.Curve{F: square, DF: square}), In: []int{20}, Out: 20},
		{Name: "ReLU", Kernel: NewReLU[T](), In: []int{20}, Out: 20},
		{Name: "BatchNorm", Kernel: &BatchNorm[T]{N: 4, C: 3, Pixels: 2, Epsilon: 0.1, Training: true}, In: []int{24, 3, 3, 3, 3}, Out: 24, Skipped: []int{3, 4}},
		{Name: "BatchNorm with ReLU", Kernel: &BatchNorm[T]{N: 4, C: 3, Pixels: 2, Epsilon: 0.1, Training: true, ReLU: true}, In: []int{24, 3, 3, 3, 3}, Out: 24, Skipped: []int{3, 4}},
		{Name: "BatchNorm of vectors", Kernel: &BatchNorm[T]{N: 4, C: 3, Pixels: 1, Epsilon: 0.1, Training: true}, In: []int{12, 3, 3, 3, 3}, Out: 12, Skipped: []int{3, 4}},
		{Name: "ReLU6", Kernel: NewReLU6[T](), In: []int{20}, Out: 20},
		{Name: "LayerNorm", Kernel: &LayerNorm[T]{N: 4, Size: 6, Epsilon: 0.1}, In: []int{24, 6, 6}, Out: 24},
		{Name: "Transpose", Kernel: &Transpose[T]{N: 2, Rows: 3, Cols: 4}, In: []int{24}, Out: 24},
		{Name: "PadChannels", Kernel: &PadChannels[T]{N: 2, From: 6, To: 10}, In: []int{12}, Out: 20},
		{Name: "Dropout", Kernel: &Dropout[T]{Rate: 0.5, Step: new(uint64)}, In: []int{20}, Out: 20},
		{Name: "SoftMax", Kernel: &SoftMax[T]{Classes: 4}, In: []int{20}, Out: 20},
		{Name: "CrossEntropy", Kernel: &CrossEntropy[T]{N: 4, Classes: 3}, In: []int{12, 4, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "generalized CrossEntropy", Kernel: &CrossEntropy[T]{N: 4, Classes: 3, Exponent: 0.7}, In: []int{12, 4, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "focal CrossEntropy", Kernel: &CrossEntropy[T]{N: 4, Classes: 3, Gamma: 2}, In: []int{12, 4, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "BinaryCrossEntropy", Kernel: &BinaryCrossEntropy[T]{N: 4, Classes: 3}, In: []int{12, 12, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "BinaryCrossEntropy of sets", Kernel: &BinaryCrossEntropy[T]{N: 4, Classes: 3, Table: []T{1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1}}, In: []int{12, 4, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "MSE", Kernel: &MSE[T]{N: 4, Size: 3}, In: []int{12, 12, 4}, Out: 1, Skipped: []int{1, 2}},
		{Name: "SampleLoss", Kernel: &SampleLoss[T]{N: 4, Classes: 3, F: weighted}, In: []int{12, 4}, Out: 1, Skipped: []int{1}},
		{Name: "Add", Kernel: NewAdd[T](2), In: []int{20, 20, 20}, Out: 20},
		{Name: "Combine", Kernel: NewCombine[T](new(float64), new(float64)), In: []int{20, 20}, Out: 20},
		{Name: "ReLU of an interval, centre", Kernel: NewReLUInterval[T](false), In: []int{20, 20}, Out: 20},
		{Name: "ReLU of an interval, radius", Kernel: NewReLUInterval[T](true), In: []int{20, 20}, Out: 20},
		{Name: "Margins", Kernel: &Margins[T]{N: 4, K: 5, Classes: 3, Bias: true}, In: []int{20, 20, 15, 4, 3}, Out: 12, Skipped: []int{3}},
		{Name: "Ball", Kernel: &Ball[T]{C: 2, Pixels: 5, Low: []float64{0, 1}, High: []float64{1, 2}, Scale: []float64{1, 2}, Epsilon: new(float64)}, In: []int{20}, Out: 20, Skipped: []int{0}},
		{Name: "Across", Kernel: &Across[T]{Outer: 2, Size: 3, Inner: 4, F: func(x []float64) float64 { return x[0] * x[1] * x[2] },
			D: func(x, d []float64) { d[0], d[1], d[2] = x[1]*x[2], x[0]*x[2], x[0]*x[1] }}, In: []int{24}, Out: 8},
		{Name: "Concat", Kernel: &Concat[T]{Outer: 2, Blocks: []int{3, 4}}, In: []int{6, 8}, Out: 14},
		{Name: "Copy", Kernel: Copy[T]{}, In: []int{20}, Out: 20},
		{Name: "Patches", Kernel: &Patches[T]{N: 2, C: 2, H: 4, W: 4, Size: 2}, In: []int{64}, Out: 64},
	}
}
