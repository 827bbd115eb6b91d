package pixel

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// TestLayout walks over every element of random layouts: pixels lie where At says,
// one behind the other, and Clear makes zeros of the border's channels alone.
func TestLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := Border{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)}
		l := Planes(1+r.IntN(3), 1+r.IntN(20), 1+r.IntN(4), 1+r.IntN(4)).Lastly(b)
		switch r.IntN(3) {
		case 0:
			l.Stride += 8 * r.IntN(4)
		case 1:
			l.Stride = l.C // without room for others
		}
		data := kerneltest.Unset[float32](l.Size())
		lo := r.IntN(l.N + 1)
		hi := lo + r.IntN(l.N-lo+1)
		Clear(l, data, lo, hi)
		at, width := 0, min((l.C+7)/8*8, l.Stride)
		for n := range l.N {
			for i := -l.Top; i < l.H+l.Bottom; i++ {
				for j := -l.Left; j < l.W+l.Right; j++ {
					if got := l.At(n, i, j); got != at {
						t.Fatalf("%+v: pixel (%d,%d) of image %d is at %d, want %d", l, i, j, n, got, at)
					}
					inside := i >= 0 && i < l.H && j >= 0 && j < l.W
					for f := range l.Stride {
						got, cleared := data[at+f], !inside && f < width && lo <= n && n < hi
						if cleared && got != 0 || !cleared && got == got {
							t.Fatalf("%+v: images [%d,%d): element %d of pixel (%d,%d) of image %d is %v", l, lo, hi, f, i, j, n, got)
						}
					}
					at += l.Stride
				}
			}
		}
		if at != l.Size() {
			t.Fatalf("%+v: size is %d, want %d", l, l.Size(), at)
		}
		if got, want := l.Whole(), b == (Border{}); got != want {
			t.Errorf("%+v: whole is %v, want %v", l, got, want)
		}
	}
}

// TestPlanes: planes have no border, nothing to clear, and the size of their shape.
func TestPlanes(t *testing.T) {
	l := Planes(2, 3, 4, 5)
	data := kerneltest.Unset[float64](l.Size())
	Clear(l, data, 0, 2)
	for i, v := range data {
		if !math.IsNaN(v) {
			t.Errorf("element %d is %v, want it left alone", i, v)
		}
	}
	if l.Size() != 120 || l.Whole() {
		t.Errorf("size %d, whole %v, want 120 and false", l.Size(), l.Whole())
	}
}

// TestLayoutString: what printed programs show.
func TestLayoutString(t *testing.T) {
	last := Planes(1, 20, 5, 5).Lastly(Border{})
	part, few := last, Planes(1, 3, 5, 5).Lastly(Border{})
	part.Stride, few.Stride = 256, 3
	for _, test := range []struct {
		layout Layout
		want   string
	}{
		{Layout{}, "planes"},
		{Planes(1, 20, 5, 5), "planes"},
		{last, "last"},
		{last.Lastly(Border{1, 2, 3, 4}), "last+1,2,3,4"},
		{part, "last/256"},
		{few, "last/3"},
	} {
		if got := test.layout.String(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.layout, got, test.want)
		}
	}
}

// TestBorderMax: the border that covers two is at least as wide as each on each side.
func TestBorderMax(t *testing.T) {
	if got, want := (Border{1, 5, 0, 2}).Max(Border{2, 3, 1, 2}), (Border{2, 5, 1, 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
