package conv

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"Conv2d":    convTwin,
	"depthwise": depthwiseTwin,
	"winograd":  winogradTwin,
	"gathered":  gatheredTwin,
	"patched":   patchedTwin,
	"planar":    planarTwin,
}

func TestTwins(t *testing.T) { kerneltest.RunTwins(t, twins) }

func FuzzTwins(f *testing.F) { kerneltest.FuzzTwins(f, twins) }

// convTwin convolves images of n columns, forward and backward.
func convTwin(r *rand.Rand, n int) kerneltest.Twin {
	s := randomConv(r, n)
	s.C, s.F = 1+r.IntN(18), 1+r.IntN(40)
	return convolution(r, s)
}

// depthwiseTwin has a filter for each channel.
func depthwiseTwin(r *rand.Rand, n int) kerneltest.Twin {
	s := randomConv(r, n)
	s.C = 1 + r.IntN(20)
	s.F, s.Groups = s.C, s.C
	s.DilationH, s.DilationW = 1+r.IntN(2), 1+r.IntN(2)
	s.OH, s.OW = max(1, s.OH-s.KH), max(1, s.OW-s.KW)
	return convolution(r, s)
}

// winogradTwin has 3×3 or 5×5 filters, and channels and pixels enough for them.
func winogradTwin(r *rand.Rand, n int) kerneltest.Twin {
	c := convolution(r, winogradShape(r, n))
	c.Tiled = true
	return c
}

func winogradShape(r *rand.Rand, n int) Shape {
	k := 3 + 2*r.IntN(2)
	s := Shape{N: 2, C: 8 * (2 + r.IntN(3)), F: 16 + r.IntN(30), KH: k, KW: k, PadTop: r.IntN(k), PadLeft: r.IntN(k)}
	s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.Groups = 1, 1, 1, 1, 1
	s.OW = 1 + n%40
	s.OH = 256/s.OW + 1
	s.H, s.W = max(1, s.OH+k-1-s.PadTop-r.IntN(k)), max(1, s.OW+k-1-s.PadLeft-r.IntN(k))
	return s
}

// gatheredTwin is winogradTwin with the engine for large filters, in rounds of an
// image, of two or of all.
func gatheredTwin(r *rand.Rand, n int) kerneltest.Twin {
	s := winogradShape(r, n)
	s.N = 4
	c := NewConv2d[float32](s, false)
	for _, e := range c.engines {
		if g, ok := e.(*gathered[float32]); ok {
			g.least, g.most = 0, 1<<(14+r.IntN(7))
		}
	}
	t := convolutionOf(r, c)
	t.Tiled = true
	return t
}

// patchedTwin has filters of any size and stride, and rounds of an image, of two or
// of all.
func patchedTwin(r *rand.Rand, n int) kerneltest.Twin {
	s := randomConv(r, n)
	s.N, s.C, s.F = 4, 8*(1+r.IntN(3)), 1+r.IntN(40)
	s.PadTop, s.PadLeft = r.IntN(s.KH), r.IntN(s.KW)
	c := NewConv2d[float32](s, r.IntN(2) == 0)
	p := newPatched[float32]()
	p.always, p.most = true, 1<<(8+r.IntN(10))
	c.engines = []engine[float32]{p}
	return convolutionOf(r, c)
}

// planarTwin has few channels, and rows that fill blocks of pixels.
func planarTwin(r *rand.Rand, n int) kerneltest.Twin {
	s := Shape{
		N: 1 + r.IntN(10), C: 1 + r.IntN(4), F: 1 + r.IntN(8), KH: 1 + r.IntN(5), KW: 2 + r.IntN(5),
		StrideH: 1, StrideW: 1, PadTop: r.IntN(3), PadLeft: r.IntN(3), DilationH: 1, DilationW: 1, Groups: 1,
	}
	s.OH, s.OW = 1+r.IntN(9), 24+n%9
	s.H, s.W = max(1, s.OH+s.KH-1-s.PadTop-r.IntN(3)), s.OW+s.KW-1-s.PadLeft-r.IntN(3)
	return convolution(r, s)
}

// randomConv is a geometry of images of n columns, at least one.
func randomConv(r *rand.Rand, n int) Shape {
	s := Shape{
		N: 1 + r.IntN(3), H: 1 + r.IntN(9), W: max(n, 1), KH: 1 + r.IntN(3), KW: 1 + r.IntN(3),
		StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2), PadTop: r.IntN(3), PadLeft: r.IntN(3), DilationH: 1, DilationW: 1, Groups: 1,
	}
	s.OH = max(1, (s.H+s.PadTop+r.IntN(3)-s.KH)/s.StrideH+1)
	s.OW = max(1, (s.W+s.PadLeft+r.IntN(3)-s.KW)/s.StrideW+1)
	return s
}

// convolution runs Conv2d forward and backward.
func convolution(r *rand.Rand, s Shape) kerneltest.Twin {
	return convolutionOf(r, NewConv2d[float32](s, false))
}

func convolutionOf(r *rand.Rand, c *Conv2d[float32]) kerneltest.Twin {
	s := c.Shape
	x, w, b, y := kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F), kerneltest.Normal[float32](r, s.N*s.OutSize())
	return kerneltest.Twin{
		Floats: [][]float32{x, w, b, y, kerneltest.Unset[float32](len(y)), kerneltest.Unset[float32](len(x)), kerneltest.Unset[float32](len(w)), kerneltest.Unset[float32](len(b))},
		Run: func(f [][]float32, _ [][]uint8) {
			c.Forward(f[4], f[:3])
			c.Backward(f[5:], f[3], f[:3])
		},
		Roundings: 2 * (s.N*s.pixels() + s.patch()*s.F + 8),
	}
}

// TestDirectAfterAnotherTier: the channels beyond F stay zero when the panels of another
// tier have been in the memory of the filters.
func TestDirectAfterAnotherTier(t *testing.T) {
	s := Shape{N: 1, C: 5, H: 6, W: 7, F: 28, KH: 2, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 5, OW: 6}
	w, x := kerneltest.Randoms[float32](s.Weights()), kerneltest.Randoms[float32](s.InSize())
	e, scratch := &direct[float32]{}, &convScratch[float32]{}
	for tier := cpu.Best(); tier > cpu.TierGo; tier-- {
		func() {
			defer cpu.Use(tier)()
			if !e.prepare(s, w) {
				t.Fatalf("%v: the engine does not take the shape", tier)
			}
			scratch.image = e.image().over(nil)
			scratch.image.load(x, s.W, s.H*s.W, s.C)
			y := kerneltest.Unset[float32](s.pixels() * e.width)
			e.convolve(y, scratch, 0, s.OH)
			for i, v := range y {
				if i%e.width >= s.F && v != 0 {
					t.Fatalf("%v: channel %d of pixel %d is %v, want 0", tier, i%e.width, i/e.width, v)
				}
			}
		}()
	}
}
