package pixel

import (
	"fmt"
	"math"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// images are rows of pixels of networks at 32×32 and 224×224.
var images = []struct{ rows, cols, width int }{{32, 32, 16}, {28, 28, 32}, {56, 56, 64}, {112, 112, 64}, {14, 14, 256}, {28, 28, 40}}

// benchImages measures a loop over an image, given memory of its size, by tier. It
// moves the given number of images.
func benchImages(b *testing.B, moved int, loop func(b *testing.B, x, y []float32, rows, cols, width int)) {
	for _, i := range images {
		b.Run(fmt.Sprintf("%dx%dx%d", i.rows, i.cols, i.width), func(b *testing.B) {
			n := i.rows * i.cols * i.width
			x, y := kerneltest.Randoms[float32](n), kerneltest.Randoms[float32](n)
			kerneltest.BenchTiers(b, cpu.TierAVX2, func(b *testing.B) {
				b.SetBytes(int64(4 * n * moved))
				loop(b, x, y, i.rows, i.cols, i.width)
			})
		})
	}
}

func BenchmarkChannels(b *testing.B) {
	for _, c := range []struct {
		name  string
		moved int
		run   func(sum, dot, mean, x, y []float32, n, width int)
	}{
		{"sums", 1, func(sum, _, _, x, _ []float32, n, width int) { Sums(sum, x, n, width) }},
		{"squares", 1, func(sum, _, mean, x, _ []float32, n, width int) { Squares(sum, x, mean, n, width) }},
		{"dots", 2, func(sum, dot, mean, x, y []float32, n, width int) { Dots(sum, dot, x, y, mean, n, width) }},
		{"normGrad", 3, func(sum, dot, mean, x, y []float32, n, width int) { NormGrad(x, x, y, mean, sum, dot, mean, n, width) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchImages(b, c.moved, func(b *testing.B, x, y []float32, rows, cols, width int) {
				sum, dot, mean := make([]float32, width), make([]float32, width), make([]float32, width)
				for b.Loop() {
					c.run(sum, dot, mean, x, y, rows*cols, width)
				}
			})
		})
	}
}

func BenchmarkPool(b *testing.B) {
	for _, name := range []string{"largest", "highest", "spread"} {
		b.Run(name, func(b *testing.B) {
			benchImages(b, 1, func(b *testing.B, x, y []float32, rows, cols, width int) {
				w := Windows[float32]{Cols: cols / 2, Width: width, KH: 2, KW: 2, Row: cols * width, Scale: make([]float32, width), Shift: make([]float32, width), Unscaled: true, Top: float32(math.Inf(1))}
				at, row := make([]uint8, cols/2*width), cols*width
				for b.Loop() {
					for i := range rows / 2 {
						pixels, pooled := x[2*i*row:], y[i*row/2:]
						switch name {
						case "largest":
							w.Largest(pooled, at, pixels)
						case "highest":
							w.Largest(pooled, nil, pixels)
						case "spread":
							w.Spread(pixels, pooled, at)
						}
					}
				}
			})
		})
	}
}

func BenchmarkAddPatches(b *testing.B) {
	benchImages(b, 4, func(b *testing.B, x, _ []float32, rows, cols, width int) {
		n := cols / 2
		patches := kerneltest.Randoms[float32](n * 3 * 3 * width)
		for b.Loop() {
			for i := range rows/2 - 1 {
				AddPatches(x[2*i*cols*width:], patches, n-1, 3, 3*width, 2*width, cols*width)
			}
		}
	})
}

func BenchmarkTaps(b *testing.B) {
	for _, c := range []struct{ size, width, k, stride int }{
		{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 192, 3, 1}, {14, 384, 3, 1}, {14, 576, 3, 2}, {7, 960, 3, 1}, {28, 240, 5, 1}, {14, 672, 5, 2}, {14, 384, 7, 1}, {8, 40, 3, 1},
	} {
		out := c.size / c.stride
		t := Taps{Cols: out, Width: c.width, KH: c.k, KW: c.k, Pixel: c.stride * c.width, Column: c.width, Row: (c.size + c.k - 1) * c.width}
		x, y, w := kerneltest.Randoms[float32]((c.size+c.k-1)*t.Row), kerneltest.Randoms[float32](out*out*c.width), kerneltest.Randoms[float32](c.k*c.k*c.width)
		bordered := kerneltest.Randoms[float32](out * (out + 2*c.k) * c.width)
		for _, name := range []string{"forward", "filter", "input"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d,%d,%d", name, c.size, c.size, c.width, c.k, c.stride), func(b *testing.B) {
				kerneltest.BenchTiers(b, cpu.TierAVX2, func(b *testing.B) {
					b.SetBytes(int64(out * out * c.k * c.k * c.width)) // multiply-adds
					axis := Axis{Image: c.size, Out: out, Filter: c.k, Stride: c.stride, Dilation: 1, Pad: c.k / 2}
					back := TapsImage{Down: axis, Across: axis, Width: c.width, Row: c.size * c.width}
					back.Across.Before, back.Across.After = axis.Border()
					back.OutRow = (out + back.Across.Before + back.Across.After) * c.width
					for b.Loop() {
						if name == "input" {
							TapsInput(&back, x, bordered, back.Across.Before*c.width, w, 0, axis.Image)
							continue
						}
						for i := range out {
							image, pixels := x[i*c.stride*t.Row:], y[i*out*c.width:]
							switch name {
							case "forward":
								TapsForward(t, pixels, image, w)
							case "filter":
								TapsFilter(t, w, image, pixels)
							}
						}
					}
				})
			})
		}
	}
}

// BenchmarkTurn compares with a copy, which moves as many bytes.
func BenchmarkTurn(b *testing.B) {
	for _, s := range []struct{ size, channels, width int }{{224, 3, 3}, {224, 3, 8}, {112, 8, 8}, {32, 16, 16}, {56, 32, 32}, {56, 64, 64}, {112, 64, 64}, {28, 128, 128}, {14, 20, 24}, {7, 960, 960}} {
		n, width := s.size*s.size, s.width
		planes, pixels := kerneltest.Randoms[float32](n*width), kerneltest.Randoms[float32](n*width)
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"copy", func() { copy(pixels, planes) }},
			{"from", func() { FromPlanes(pixels, width, planes, n, s.channels, n) }},
			{"to", func() { ToPlanes(planes, n, pixels, width, s.channels, n) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d,%d", c.name, s.size, s.size, s.channels, width), func(b *testing.B) {
				kerneltest.BenchTiers(b, cpu.TierAVX2, func(b *testing.B) {
					b.SetBytes(int64(4 * n * (s.channels + width)))
					for b.Loop() {
						c.run()
					}
				})
			})
		}
	}
}
