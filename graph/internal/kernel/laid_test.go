package kernel

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// This file lays images out for the tests of kernels that take them channels last.

// grown is a layout of the same images with a border and, unless pixels have to be
// tight, as parts of wider ones.
func grown(r *rand.Rand, l pixel.Layout, tight bool) pixel.Layout {
	if r.IntN(2) > 0 {
		l.Border = l.Border.Max(pixel.Border{Top: r.IntN(3), Bottom: r.IntN(3), Left: r.IntN(3), Right: r.IntN(3)})
	}
	if !tight && r.IntN(2) > 0 {
		l.Stride += pixel.Align * r.IntN(3)
	}
	return l
}

// length is the number of elements up to the last channel of the last pixel: behind
// it lie other values, or nothing.
func length(l pixel.Layout) int {
	if !l.Last {
		return l.Size()
	}
	return l.Size() - l.Stride + l.Width()
}

// lay returns images in a layout: zeros in the border and in the channels beyond C,
// NaN where other values' channels lie.
func lay[T cpu.Float](planes []T, l pixel.Layout) []T {
	if !l.Last {
		return planes
	}
	data := kerneltest.Unset[T](length(l))
	pixel.Clear(l, data, 0, l.N)
	for i := range l.N * l.H * l.W {
		n, h, w := i/(l.H*l.W), i/l.W%l.H, i%l.W
		to := data[l.At(n, h, w):][:l.Width()]
		clear(to)
		for ch := range l.C {
			to[ch] = planes[((n*l.C+ch)*l.H+h)*l.W+w]
		}
	}
	return data
}

// unlay returns the planes of images in a layout. The test fails unless the channels
// beyond C are zero, and what lies beside the images is NaN, as it was.
func unlay[T cpu.Float](t *testing.T, data []T, l pixel.Layout) []T {
	t.Helper()
	if !l.Last {
		return data
	}
	planes := make([]T, l.N*l.C*l.H*l.W)
	for at, v := range data {
		p := at / l.Stride
		row, pixels := l.Top+l.H+l.Bottom, l.Left+l.W+l.Right
		n, h, w, ch := p/pixels/row, p/pixels%row-l.Top, p%pixels-l.Left, at%l.Stride
		inside := h >= 0 && h < l.H && w >= 0 && w < l.W
		switch {
		case inside && ch < l.C:
			planes[((n*l.C+ch)*l.H+h)*l.W+w] = v
		case inside && ch < l.Width() && v != 0:
			t.Fatalf("layout %v: channel %d of %d of pixel (%d,%d) is %v, want 0", l, ch, l.C, h, w, v)
		case (!inside || ch >= l.Width()) && v == v:
			t.Fatalf("layout %v: got %v written beside the image, at channel %d of pixel (%d,%d)", l, v, ch, h, w)
		}
	}
	return planes
}

// randomImages is the layout of some images, as planes.
func randomImages(r *rand.Rand) pixel.Layout {
	return pixel.Planes(1+r.IntN(3), 1+r.IntN(40), 1+r.IntN(8), 1+r.IntN(8))
}

// TestTurn turns images from any layout to any other.
func TestTurn(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testTurn[float32])
		t.Run("float64", testTurn[float64])
	})
}

func testTurn[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		images := randomImages(r)
		layout := func() pixel.Layout {
			l := images.Lastly(pixel.Border{})
			switch r.IntN(4) {
			case 0:
				return images
			case 1:
				l.Stride = l.C // without room for others, as for a few channels
			}
			return grown(r, l, l.Stride == l.C)
		}
		from, to := layout(), layout()
		if !from.Last && !to.Last {
			continue // which no program asks for
		}
		x := kerneltest.Normal[T](r, images.Size())
		for _, atEnd := range []bool{false, true} {
			in := kerneltest.CopyFenced(t, [][]T{lay(x, from)}, atEnd)
			y := kerneltest.Fenced[T](t, length(to), atEnd) // all NaN
			k := NewTurn[T]()
			k.Place([]pixel.Layout{from}, to)
			k.Forward(y, in)
			for i, got := range unlay(t, y, to) {
				if got != x[i] {
					t.Fatalf("%v to %v: element %d of %v is %v, want %v", from, to, i, images, got, x[i])
				}
			}
		}
	}
}
