package conv

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// TestScatter compares the gradient of an image with loops: of grey images under small
// filters, which go by planes, and of others.
func TestScatter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	planes := 0
	for range 60 {
		s := Shape{N: 1, C: 1 + r.IntN(2), H: 3 + r.IntN(20), W: 3 + r.IntN(40), F: 1 + r.IntN(20), KH: 1 + r.IntN(6), KW: 1 + r.IntN(6),
			StrideH: 1 + r.IntN(4)/3, StrideW: 1 + r.IntN(4)/3, PadTop: r.IntN(3), PadLeft: r.IntN(3), DilationH: 1, DilationW: 1, Groups: 1}
		s.OH, s.OW = (s.PadTop+s.H-s.KH)/s.StrideH+1, (s.PadLeft+s.W-s.KW)/s.StrideW+1
		if s.PadTop+s.H < s.KH || s.PadLeft+s.W < s.KW || gemm.WholeTiles[float32](8) == nil {
			continue
		}
		if s.byPlanes() {
			planes++
		}
		w, dy := kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F*s.OH*s.OW)
		got, want := scattered(s, w, dy), gathered64(s, w, dy)
		for i := range want {
			if !(math.Abs(float64(got[i])-want[i]) <= 1e-4) {
				t.Fatalf("%+v: gradient %d is %v, want %v", s, i, got[i], want[i])
			}
		}
	}
	if gemm.WholeTiles[float32](8) != nil && planes < 5 {
		t.Errorf("%d shapes went by planes, want 5 or more", planes)
	}
}

// scattered is the gradient as planes, from dy as planes, in memory full of NaN.
func scattered(s Shape, w, dy []float32) []float32 {
	var k scatter[float32]
	k.pack(s, w)
	width := pixel.Width(s.F)
	last := make([]float32, s.OH*s.OW*width)
	pixel.FromPlanes(last, width, dy, s.OH*s.OW, s.F, s.OH*s.OW)
	nan := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.NaN())
		}
		return x
	}
	f := k.gradient(frameOf[float32](s.OH, s.OW, width, pixel.Border{}).over(last), nan(k.patchesSize()), nan(k.size()))
	dx := make([]float32, s.C*s.H*s.W)
	for c := range s.C {
		for h := range s.H {
			for x := range s.W {
				dx[(c*s.H+h)*s.W+x] = f.data[f.first+h*f.row+x*s.C+c]
			}
		}
	}
	return dx
}

// gathered64 is the same by loops in float64.
func gathered64(s Shape, w, dy []float32) []float64 {
	dx := make([]float64, s.C*s.H*s.W)
	for f := range s.F {
		for i := range s.OH * s.OW {
			for t := range s.C * s.KH * s.KW {
				c, h, x := t/(s.KH*s.KW), i/s.OW*s.StrideH+t/s.KW%s.KH-s.PadTop, i%s.OW*s.StrideW+t%s.KW-s.PadLeft
				if h >= 0 && h < s.H && x >= 0 && x < s.W {
					dx[(c*s.H+h)*s.W+x] += float64(w[f*s.C*s.KH*s.KW+t]) * float64(dy[f*s.OH*s.OW+i])
				}
			}
		}
	}
	return dx
}
