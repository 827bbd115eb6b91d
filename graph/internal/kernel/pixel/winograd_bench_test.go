package pixel

import (
	"fmt"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// The shapes of resnet18's convolutions at 224×224, and the strips that they are
// worked on in.
var winogradShapes = []struct{ size, width, strip int }{{56, 64, 48}, {28, 128, 48}, {14, 256, 48}}

// BenchmarkWinograd measures the transformations of an image, strip by strip: the
// matrices of a strip stay in the cache.
func BenchmarkWinograd(b *testing.B) {
	for _, side := range []int{4, 6} {
		out := side - 2
		for _, s := range winogradShapes {
			tiles := (s.size + out - 1) / out
			rows := max(1, s.strip/tiles)
			c := tileCase{side: side, n: tiles, width: s.width, step: out * s.width, row: (out*tiles + 2) * s.width}
			c.q = rows*tiles*s.width + 16
			image := kerneltest.Randoms[float32]((out*tiles + 2) * c.row)
			matrices := kerneltest.Randoms[float32](side * side * c.q)
			run := func(name string, row func(matrices, image []float32)) {
				b.Run(fmt.Sprintf("%s/F%d/%dx%dx%d", name, out, s.size, s.size, s.width), func(b *testing.B) {
					kerneltest.BenchTiers(b, cpu.TierAVX2, func(b *testing.B) {
						b.SetBytes(int64(4 * tiles * tiles * (side*side + out*out) * s.width))
						for b.Loop() {
							for r := range tiles {
								row(matrices[r%rows*tiles*s.width:], image[r*out*c.row:])
							}
						}
					})
				})
			}
			run("image", func(m, x []float32) { WinogradImage(side, c.n, c.width, m, x, c.step, c.row, c.q) })
			run("evaluate", func(m, x []float32) { WinogradEvaluate(side, out, c.n, c.width, m, x, c.step, c.row, c.q) })
			run("combine", func(m, x []float32) { WinogradCombine(side, out, c.n, c.width, x, m, c.step, c.row, c.q, out, out) })
			f := WinogradFinish[float32]{Side: side, Pixels: out, Width: s.width, Q: c.q, YPixel: s.width, YRow: c.row, Shift: make([]float32, s.width)}
			run("finish", func(m, x []float32) { f.Tiles(c.n, x, m, nil, out, out) })
			f.ResidualPixel, f.ResidualRow = f.YPixel, f.YRow
			run("finish+residual", func(m, x []float32) { f.Tiles(c.n, x, m, x, out, out) })
			run("spread", func(m, x []float32) { WinogradSpread(side, c.n, c.width, x, m, c.step, c.row, c.q) })
		}
	}
}
