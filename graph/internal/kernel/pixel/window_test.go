package pixel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// windowCase is a call of Slide, with operands of exactly the length that it may
// touch.
type windowCase[T cpu.Float] struct {
	Window[T]
	n    int
	x, w []T
}

// newWindowCase makes a call at random, for n places. Windows overlap, lie apart, or
// are all the same one.
func newWindowCase[T cpu.Float](r *rand.Rand, kind WindowKind, n int) windowCase[T] {
	c := windowCase[T]{n: n, Window: Window[T]{Kind: kind, Width: 8 * (1 + r.IntN(6)), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4)}}
	pixel := c.Width + 8*r.IntN(3)
	c.XPixel, c.XColumn, c.XRow = r.IntN(4)*pixel, r.IntN(3)*pixel, r.IntN(200)
	c.WPixel, c.YPixel = c.Width+8*r.IntN(2), c.Width+8*r.IntN(2)
	c.x = kerneltest.Normal[T](r, (n-1)*c.XPixel+(c.KH-1)*c.XRow+(c.KW-1)*c.XColumn+c.Width)
	if kind == Dot {
		c.w = kerneltest.Normal[T](r, (c.KH*c.KW-1)*c.WPixel+c.Width)
	}
	c.Shift = kerneltest.Normal[T](r, c.Width)
	c.Low, c.High = T(math.Inf(-1)), T(math.Inf(1))
	if r.IntN(2) > 0 {
		c.Low, c.High = 0, T(r.Float64())
	}
	return c
}

// want is what the loop in the comment of windowFunc computes, sums in float64, and
// how far off each element may be.
func (c windowCase[T]) want() (y, bound []float64) {
	for j := range c.n {
		for f := range c.Width {
			value, scale, largest := 0., 0., math.Inf(-1)
			for u := range c.KH {
				for v := range c.KW {
					x := float64(c.x[j*c.XPixel+u*c.XRow+v*c.XColumn+f])
					if largest = max(largest, x); c.Kind == Dot {
						x *= float64(c.w[(u*c.KW+v)*c.WPixel+f])
					}
					value, scale = value+x, scale+math.Abs(x)
				}
			}
			if c.Kind == Max {
				value, scale = largest, math.Abs(largest)
			}
			shift := float64(c.Shift[f])
			y = append(y, min(max(value+shift, float64(c.Low)), float64(c.High)))
			bound = append(bound, float64(c.KH*c.KW+2)*kerneltest.Epsilon[T]()*(scale+math.Abs(shift)))
		}
	}
	return y, bound
}

// run slides over fenced copies of the operands and returns the pixels of y. The test
// fails if something is written between them.
func (c windowCase[T]) run(t *testing.T, atEnd bool) []T {
	t.Helper()
	x := kerneltest.CopyFenced(t, [][]T{c.x, c.w, c.Shift}, atEnd)
	y := kerneltest.Fenced[T](t, (c.n-1)*c.YPixel+c.Width, atEnd) // all NaN
	c.Shift = x[2]
	c.Slide(c.n, y, x[0], x[1])
	var pixels []T
	for i, v := range y {
		if i%c.YPixel < c.Width {
			pixels = append(pixels, v)
		} else if v == v {
			t.Fatalf("got %v written behind the channels of pixel %d", v, i/c.YPixel)
		}
	}
	return pixels
}

// TestWindow: every kind for every number of places computes its loop, and AVX-512
// has the bits of AVX2. A NaN under a window makes NaN of its pixel, of the largest
// one too.
func TestWindow(t *testing.T) {
	for kind, name := range []string{"dot", "sum", "max"} {
		t.Run(name, func(t *testing.T) {
			t.Run("float32", func(t *testing.T) { testWindow[float32](t, WindowKind(kind)) })
			t.Run("float64", func(t *testing.T) { testWindow[float64](t, WindowKind(kind)) })
		})
	}
}

func testWindow[T cpu.Float](t *testing.T, kind WindowKind) {
	r := rand.New(rand.NewPCG(1, uint64(kind)))
	for n := 1; n <= 30; n++ {
		for spoiled := range 6 {
			c := newWindowCase[T](r, kind, n)
			for range spoiled {
				c.x[r.IntN(len(c.x))] = T(math.NaN())
			}
			t.Run(fmt.Sprintf("%d places, %d NaN", n, spoiled), c.check)
		}
	}
}

// check compares all tiers with the loop, and those with assembly with each other.
func (c windowCase[T]) check(t *testing.T) {
	want, bound := c.want()
	var first []T // of the tiers with assembly
	for tier := cpu.TierGo; tier <= cpu.Best(); tier++ {
		undo := cpu.Use(tier)
		for _, atEnd := range []bool{false, true} {
			got := c.run(t, atEnd)
			for i, v := range got {
				if float := float64(v); !(math.Abs(float-want[i]) <= bound[i] || v != v && want[i] != want[i]) {
					t.Fatalf("%v: pixel %d, channel %d is %v, want %v ± %v", tier, i/c.Width, i%c.Width, v, want[i], bound[i])
				}
				if first != nil && !same(v, first[i]) {
					t.Fatalf("%v: pixel %d, channel %d is %v, on AVX2 %v", tier, i/c.Width, i%c.Width, v, first[i])
				}
			}
			if tier == cpu.TierAVX2 {
				first = got
			}
		}
		undo()
	}
}

// same reports whether two numbers have the same bits, or are NaN both.
func same[T cpu.Float](a, b T) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || a != a && b != b
}

// TestLargestIsNaN: wherever a NaN lies under a window, it wins.
func TestLargestIsNaN(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for n := 1; n <= 15; n++ {
			for place := range 9 {
				o := Window[float32]{
					Kind: Max, Width: 24, KH: 3, KW: 3, XPixel: 24, XColumn: 24, XRow: 24 * (n + 2), YPixel: 24,
					Shift: make([]float32, 24), Low: float32(math.Inf(-1)), High: float32(math.Inf(1)),
				}
				x, y := kerneltest.Randoms[float32](3*o.XRow), make([]float32, 24*n)
				for f := range 24 {
					x[place/3*o.XRow+(place%3)*24+f] = float32(math.NaN())
				}
				o.Slide(n, y, x, nil)
				for f, v := range y[:24] {
					if v == v {
						t.Fatalf("%d places, NaN in pixel %d: channel %d of place 0 is %v, want NaN", n, place, f, v)
					}
				}
			}
		}
	})
}

// TestEnd compares with the formula, in place and not, with a residual and without.
func TestEnd(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testEnd[float32])
		t.Run("float64", testEnd[float64])
	})
}

func testEnd[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 40; n++ {
		e := End[T]{Width: 8 * (1 + r.IntN(5))}
		e.YPixel, e.XPixel, e.ResidualPixel = e.Width+8*r.IntN(2), e.Width+8*r.IntN(2), e.Width+8*r.IntN(2)
		e.Shift, e.Low, e.High = kerneltest.Normal[T](r, e.Width), 0, T(1+r.Float64())
		x, residual := kerneltest.Normal[T](r, (n-1)*e.XPixel+e.Width), []T{}
		if n%2 == 0 {
			residual = kerneltest.Normal[T](r, (n-1)*e.ResidualPixel+e.Width)
		}
		x[r.IntN(len(x))] = T(math.NaN())
		want := make([]T, n*e.Width)
		for i := range want {
			j, f := i/e.Width, i%e.Width
			v := x[j*e.XPixel+f] + e.Shift[f]
			if len(residual) > 0 {
				v += residual[j*e.ResidualPixel+f]
			}
			want[i] = min(max(v, e.Low), e.High)
		}
		for _, atEnd := range []bool{false, true} {
			operands := kerneltest.CopyFenced(t, [][]T{x, residual, e.Shift}, atEnd)
			e := e
			e.Shift = operands[2]
			y := kerneltest.Fenced[T](t, (n-1)*e.YPixel+e.Width, atEnd)
			e.Pixels(n, y, operands[0], operands[1])
			e.checkPixels(t, y, want)
			if e.YPixel == e.XPixel {
				e.Pixels(n, operands[0], operands[0], operands[1])
				for i := range operands[0] {
					if i%e.XPixel >= e.Width {
						operands[0][i] = T(math.NaN())
					}
				}
				e.checkPixels(t, operands[0], want)
			}
		}
	}
}

// checkPixels compares the channels of y, and what lies between them with NaN.
func (e *End[T]) checkPixels(t *testing.T, y, want []T) {
	t.Helper()
	for i, got := range y {
		j, f := i/e.YPixel, i%e.YPixel
		wanted := T(math.NaN())
		if f < e.Width {
			wanted = want[j*e.Width+f]
		}
		if got != wanted && (got == got || wanted == wanted) {
			t.Fatalf("width %d: pixel %d, channel %d is %v, want %v", e.Width, j, f, got, wanted)
		}
	}
}
