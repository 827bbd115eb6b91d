package pixel

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestNumbers: numbers come from planes and from pixels, of each image and of all, and
// pixels are multiplied with those of their image, beyond C with zero.
func TestNumbers(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testNumbers[float32])
		t.Run("float64", testNumbers[float64])
	})
}

func testNumbers[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		images, channels, pixels := 1+r.IntN(3), 1+r.IntN(40), 1+r.IntN(30)
		as, step := Layout{}, channels
		if r.IntN(2) > 0 {
			as = Planes(images, channels, 1, 1).Lastly(Border{})
			as.Stride += Align * r.IntN(3)
			step = as.Stride
		}
		s := kerneltest.Normal[T](r, images*step)
		var n Numbers[T]
		n.Place(images, channels, as)
		n.Take(kerneltest.CopyFenced(t, [][]T{s}, true)[0])
		yPixel, xPixel := n.Width+Align*r.IntN(2), n.Width+Align*r.IntN(2)
		for image := range images {
			x, y := kerneltest.Normal[T](r, pixels*xPixel), kerneltest.Unset[T](pixels*yPixel)
			n.Scale(image, pixels, y, yPixel, x, xPixel)
			for i, got := range y {
				p, c, want := i/yPixel, i%yPixel, T(0)
				switch {
				case c >= n.Width:
					if got == got {
						t.Fatalf("channel %d of %d is written: %v", c, n.Width, got)
					}
					continue
				case c < channels:
					want = x[p*xPixel+c] * s[image*step+c]
				}
				if got != want {
					t.Fatalf("%+v: image %d, pixel %d, channel %d of %d is %v, want %v", as, image, p, c, channels, got, want)
				}
			}
		}
		if got, want := n.Bytes(), cpu.SizeOf[T]((images+1)*n.Width); got != want {
			t.Errorf("%d bytes, want %d", got, want)
		}
	}
}

// TestWantNumbers: numbers are wanted as they lie, without what lies around them.
func TestWantNumbers(t *testing.T) {
	planes := Planes(2, 12, 1, 1)
	wide := planes.Lastly(Border{Top: 1})
	wide.Stride = 40
	for _, test := range []struct{ lie, want Layout }{
		{Layout{}, Layout{}}, {planes, Layout{}}, {planes.Lastly(Border{}), planes.Lastly(Border{})}, {wide, planes.Lastly(Border{})},
	} {
		if got := WantNumbers(test.lie); got != (Want{Layout: test.want}) {
			t.Errorf("%+v: want %+v, expected %+v", test.lie, got, test.want)
		}
	}
}
