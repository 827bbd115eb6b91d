package pixel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestTapsInputIsTranspose: the gradient of the image is what each output pixel adds
// to the pixels that it has seen, bit by bit, with and without a border of zeros.
func TestTapsInputIsTranspose(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testTapsInput[float32])
		t.Run("float64", testTapsInput[float64])
	})
}

func testTapsInput[T cpu.Float](t *testing.T) {
	const width = 8
	for _, a := range []Axis{
		{Image: 7, Out: 7, Filter: 3, Stride: 1, Dilation: 1, Pad: 1},
		{Image: 14, Out: 7, Filter: 3, Stride: 2, Dilation: 1, Pad: 1},
		{Image: 13, Out: 7, Filter: 5, Stride: 2, Dilation: 1, Pad: 2},
		{Image: 11, Out: 7, Filter: 3, Stride: 1, Dilation: 2},
		{Image: 20, Out: 4, Filter: 3, Stride: 4, Dilation: 2, Pad: 3},
		{Image: 20, Out: 4, Filter: 2, Stride: 4, Dilation: 1},
		{Image: 9, Out: 3, Filter: 1, Stride: 3, Dilation: 1},
		{Image: 5, Out: 2, Filter: 7, Stride: 1, Dilation: 1, Pad: 1},
	} {
		for _, bordered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v/%v", a, bordered), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				if bordered {
					a.Before, a.After = a.Border()
				}
				taps := TapsImage{Down: a, Across: a, Width: width, Row: a.Image * width, OutRow: (a.Before + a.Out + a.After) * width}
				dy := make([]T, taps.OutRow/width*taps.OutRow)
				first := a.Before * (taps.OutRow + width)
				for i := range a.Out {
					copy(dy[first+i*taps.OutRow:], kerneltest.Normal[T](r, a.Out*width))
				}
				w, got := kerneltest.Normal[T](r, a.Filter*a.Filter*width), kerneltest.Unset[T](a.Image*taps.Row)
				TapsInput(&taps, got, dy, first, w, 0, a.Image)
				if want := scattered(a, width, dy[first:], taps.OutRow, w); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
}

// scattered is the gradient of the image, from the output's point of view.
func scattered[T cpu.Float](a Axis, width int, dy []T, row int, w []T) []T {
	dx := make([]T, a.Image*a.Image*width)
	for n := range a.Out * a.Out {
		for t := range a.Filter * a.Filter {
			i, j, u, v := n/a.Out, n%a.Out, t/a.Filter, t%a.Filter
			h, e := i*a.Stride+u*a.Dilation-a.Pad, j*a.Stride+v*a.Dilation-a.Pad
			if h < 0 || h >= a.Image || e < 0 || e >= a.Image {
				continue
			}
			for f := range width {
				sum := &dx[(h*a.Image+e)*width+f]
				*sum = multiplyAdd(dy[i*row+j*width+f], w[t*width+f], *sum)
			}
		}
	}
	return dx
}

// multiplyAdd is x·y+z as the active tier computes it: the convolution of one pixel
// does so in assembly.
func multiplyAdd[T cpu.Float](x, y, z T) T {
	if _, ok := cpu.Float32s([]T{x}); !ok {
		return z + T(x*y)
	}
	const width = 8
	sum, pixels, weights := make([]T, width), make([]T, 2*width), make([]T, 2*width)
	pixels[0], weights[0] = z, 1
	pixels[width], weights[width] = x, y
	TapsForward(Taps{Cols: 1, Width: width, KH: 1, KW: 2, Pixel: width, Column: width}, sum, pixels, weights)
	return sum[0]
}
