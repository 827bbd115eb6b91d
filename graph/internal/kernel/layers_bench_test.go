package kernel

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// BenchmarkLayers times the kernels that move memory rather than multiply,
// on batches as they occur in small networks. Bytes are those of the larger of x
// and y.
func BenchmarkLayers(b *testing.B) {
	image := func(channels, size int) *BatchNorm[float32] {
		return &BatchNorm[float32]{N: 64, C: channels, Pixels: size * size, Epsilon: 1e-5, Momentum: 0.9, Training: true}
	}
	norm := func(k *BatchNorm[float32]) layer {
		return layer{k, []int{k.N * k.C * k.Pixels, k.C, k.C, k.C, k.C}, k.N * k.C * k.Pixels}
	}
	pool := func(size, window int) PoolShape {
		out := size / window
		return PoolShape{Planes: 64 * 32, H: size, W: size, KH: window, KW: window, StrideH: window, StrideW: window, OH: out, OW: out}
	}
	pooled := func(k kerneltest.Operation[float32], s PoolShape) layer {
		return layer{k, []int{s.Planes * s.H * s.W}, s.Planes * s.OH * s.OW}
	}
	elementwise := func(k kerneltest.Operation[float32], operands int) layer {
		const n = 1 << 20
		in := make([]int, operands)
		for i := range in {
			in[i] = n
		}
		return layer{k, in, n}
	}
	rows := func(k kerneltest.Operation[float32], n, cols int) layer { return layer{k, []int{n * cols}, n * cols} }
	normed := func(n, size int) layer {
		return layer{&LayerNorm[float32]{N: n, Size: size, Epsilon: 1e-6}, []int{n * size, size, size}, n * size}
	}
	for _, bench := range []struct {
		name string
		layer
	}{
		{"BatchNorm/32x28x28", norm(image(32, 28))},
		{"BatchNorm/64x7x7", norm(image(64, 7))},
		{"BatchNorm/dense128", norm(&BatchNorm[float32]{N: 128, C: 128, Pixels: 1, Epsilon: 1e-5, Training: true})},
		{"BatchNorm/dense512", norm(&BatchNorm[float32]{N: 256, C: 512, Pixels: 1, Epsilon: 1e-5, Training: true})},
		{"Tanh", elementwise(NewActivation[float32](vector.Tanh), 1)},
		{"Sigmoid", elementwise(NewActivation[float32](vector.Sigmoid), 1)},
		{"SiLU", elementwise(NewActivation[float32](vector.SiLU), 1)},
		{"ELU", elementwise(NewActivation[float32](vector.ELU(1)), 1)},
		{"GELU", elementwise(NewActivation[float32](vector.GELU), 1)},
		{"LeakyReLU", elementwise(NewActivation[float32](vector.LeakyReLU(0.1)), 1)},
		{"ReLU", elementwise(NewReLU[float32](), 1)},
		{"ReLU6", elementwise(NewReLU6[float32](), 1)},
		{"HardSwish", elementwise(NewActivation[float32](vector.HardSwish), 1)},
		{"Exp", elementwise(NewActivation[float32](vector.Exp), 1)},
		{"Erf", elementwise(NewActivation[float32](vector.Erf), 1)},
		{"Sqrt", elementwise(NewActivation[float32](vector.Sqrt), 1)},
		{"Reciprocal", elementwise(NewActivation[float32](vector.Reciprocal), 1)},
		{"Pow2", elementwise(NewActivation[float32](vector.Pow(2)), 1)},
		{"Pow", elementwise(NewActivation[float32](vector.Pow(1.3)), 1)},
		{"Hadamard", elementwise(NewHadamard[float32](), 2)},
		{"Add", elementwise(NewAdd[float32](2), 2)},
		{"SoftMax/2364x197", rows(&SoftMax[float32]{Classes: 197}, 2364, 197)},
		{"SoftMax/128x10", rows(&SoftMax[float32]{Classes: 10}, 128, 10)},
		{"LayerNorm/3136x96", normed(3136, 96)},
		{"LayerNorm/197x768", normed(197, 768)},
		{"MaxPool2D/28x28", pooled(NewMaxPool2D[float32](pool(28, 2)), pool(28, 2))},
		{"MaxPool2D/8x8", pooled(NewMaxPool2D[float32](pool(8, 2)), pool(8, 2))},
		{"AvgPool2D/28x28", pooled(NewAvgPool2D[float32](pool(28, 2)), pool(28, 2))},
		{"AvgPool2D/8x8", pooled(NewAvgPool2D[float32](pool(8, 2)), pool(8, 2))},
		{"AvgPool2D/global7x7", pooled(NewAvgPool2D[float32](pool(7, 7)), pool(7, 7))},
	} {
		b.Run(bench.name, bench.run)
	}
}

// layer is a kernel with the sizes of its operands and of its output.
type layer struct {
	kernel kerneltest.Operation[float32]
	in     []int
	out    int
}

// run times Forward and Backward.
func (l layer) run(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var in, dIn [][]float32
	for _, n := range l.in {
		in = append(in, kerneltest.Normal[float32](r, n))
		dIn = append(dIn, make([]float32, n))
	}
	y, dy := make([]float32, l.out), kerneltest.Normal[float32](r, l.out)
	l.kernel.Forward(y, in)
	for name, f := range map[string]func(){
		"forward":  func() { l.kernel.Forward(y, in) },
		"backward": func() { l.kernel.Backward(dIn, dy, in) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * int64(max(l.in[0], l.out)))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
