package conv

import (
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// BenchmarkWinograd measures the steps of a convolution of resnet18 at 224×224, and
// all of them together.
func BenchmarkWinograd(b *testing.B) {
	kerneltest.BenchTiers(b, cpu.TierAVX2, func(b *testing.B) {
		s := Shape{N: 1, C: 64, H: 56, W: 56, F: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 56, OW: 56}
		e, scratch := &winograd[float32]{}, &convScratch[float32]{}
		if !e.prepare(s, kerneltest.Randoms[float32](s.Weights())) {
			b.Fatal("the engine does not take the shape")
		}
		image := e.image().over(nil)
		image.load(kerneltest.Randoms[float32](s.InSize()), s.W, s.H*s.W, s.C)
		scratch.image = image
		y := make([]float32, s.OH*s.OW*e.width)
		steps := func(b *testing.B, do func(first, rows int, v, m []float32, ofV, ofM int)) {
			for b.Loop() {
				e.strips(scratch, 0, e.tileRows(), do)
			}
		}
		b.Run("image", func(b *testing.B) {
			steps(b, func(first, rows int, v, _ []float32, ofV, _ int) {
				for i := range rows {
					e.imageTiles(v[i*e.tileCols()*e.C:], image, first+i, ofV)
				}
			})
		})
		b.Run("multiply", func(b *testing.B) {
			steps(b, func(_, rows int, v, m []float32, ofV, ofM int) {
				e.forward.multiply(m, v, ofM, ofV, rows*e.tileCols())
			})
		})
		b.Run("combine", func(b *testing.B) {
			steps(b, func(first, rows int, _, m []float32, _, ofM int) {
				for i := range rows {
					top := e.out * (first + i)
					e.finish(y[top*e.OW*e.width:], m[i*e.tileCols()*e.width:], ofM, min(e.out, e.OH-top))
				}
			})
		})
		b.Run("all", func(b *testing.B) {
			for b.Loop() {
				e.convolve(y, scratch, 0, s.OH)
			}
		})
	})
}
