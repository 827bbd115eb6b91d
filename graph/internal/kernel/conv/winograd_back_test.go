package conv

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// TestGradientsTogether: the gradients of image and filters are those that Backward gives
// where only one of them is wanted, bit by bit: for all engines, among them winograd's,
// which has both from the same tiles of several images, with rows of tiles that end in the
// middle of an image.
func TestGradientsTogether(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		shapes := append(backShapes(r),
			winogradOf(9, 16, 16, 32), // two images a time
			winogradOf(17, 24, 40, 30),
			winogradOf(20, 32, 16, 8), // many small images in each of the chunks
			winogradOf(2, 16, 16, 52), // less than an image
		)
		for _, s := range shapes {
			x := [][]float32{kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights())}
			dy := kerneltest.Normal[float32](r, s.N*s.OutSize())
			k := NewConv2d[float32](s, false)
			k.Forward(make([]float32, len(dy)), x)
			gradients := func(dx, dw bool) (d [][]float32) {
				d = make([][]float32, 2)
				for i, wanted := range []bool{dx, dw} {
					if wanted {
						d[i] = kerneltest.Unset[float32](len(x[i]))
					}
				}
				k.Backward(d, dy, x)
				return d
			}
			want := [][]float32{gradients(true, false)[0], gradients(false, true)[1]}
			for _, threads := range []int{1, 3} {
				before := runtime.GOMAXPROCS(threads)
				got := gradients(true, true)
				runtime.GOMAXPROCS(before)
				for i, name := range []string{"dx", "dw"} {
					if !slices.Equal(kerneltest.Float32Bits(got[i]), kerneltest.Float32Bits(want[i])) {
						t.Errorf("%+v, %d threads: %s has other bits than when it is computed alone", s, threads, name)
					}
				}
			}
		}
	})
}

// winogradOf is a shape of 3×3 filters on square images.
func winogradOf(n, c, f, side int) Shape {
	return Shape{
		N: n, C: c, H: side, W: side, F: f, KH: 3, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: side, OW: side,
	}
}
