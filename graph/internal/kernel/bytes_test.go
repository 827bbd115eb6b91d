package kernel

import (
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// Bytes counts what a kernel keeps after a run.
func TestBytes(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testBytes[float32](t, 4) })
	t.Run("float64", func(t *testing.T) { testBytes[float64](t, 8) })
}

func testBytes[T cpu.Float](t *testing.T, size int) {
	pool := PoolShape{Planes: 2, H: 4, W: 4, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 2, OW: 2}
	for _, c := range []struct {
		name   string
		kernel kerneltest.Operation[T]
		in     []int
		out    int
		want   int
	}{
		{"LayerNorm: mean and scale of a row", &LayerNorm[T]{N: 4, Size: 6}, []int{24, 6, 6}, 24, 2 * 4 * size},
		{"BatchNorm: mean and scale of a channel", &BatchNorm[T]{N: 4, C: 3, Pixels: 2}, []int{24, 3, 3, 3, 3}, 24, 2 * 3 * size},
		{"BatchNorm of vectors: two copies too", &BatchNorm[T]{N: 4, C: 3, Pixels: 1}, []int{12, 3, 3, 3, 3}, 12, (2*3 + 2*12) * size},
		{"SoftMax: its output", &SoftMax[T]{Classes: 4}, []int{8}, 8, 8 * size},
		{"CrossEntropy: the probabilities", &CrossEntropy[T]{N: 2, Classes: 4}, []int{8, 2, 2}, 1, 8 * size},
		{"SampleLoss: the gradients, and a row of both", &SampleLoss[T]{N: 2, Classes: 4, F: func(_ []float64, _ float64, _ []float64) float64 { return 0 }}, []int{8, 2}, 1, 8*size + 2*4*8},
		{"generalized CrossEntropy: and a power for each sample", &CrossEntropy[T]{N: 2, Classes: 4, Exponent: 1}, []int{8, 2, 2}, 1, (8 + 2) * size},
		{"Mul with ReLU: its output", &Mul[T]{M: 2, K: 3, N: 4, ReLU: true}, []int{6, 12}, 8, 8 * size},
		{"MaxPool2D: a window's winner", NewMaxPool2D[T](pool), []int{32}, 8, 8 * 4},
		{"MaxPool2D of planes, for inference: the same", lastlyOf[T](NewMaxPool2D[T](pool)), []int{32}, 8, 8 * 4},
		{"BatchNorm of planes, for inference: the same", lastlyOf[T](&BatchNorm[T]{N: 4, C: 3, Pixels: 2}), []int{24, 3, 3, 3, 3}, 24, 2 * 3 * size},
	} {
		in := make([][]T, len(c.in))
		for i, n := range c.in {
			in[i] = make([]T, n)
		}
		c.kernel.Forward(make([]T, c.out), in)
		if got := c.kernel.(interface{ Bytes() int }).Bytes(); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

// lastlyOf is the kernel for images channels last, which takes planes too.
func lastlyOf[T cpu.Float](k interface{ Lastly() (any, bool) }) kerneltest.Operation[T] {
	last, _ := k.Lastly()
	return last.(kerneltest.Operation[T])
}
