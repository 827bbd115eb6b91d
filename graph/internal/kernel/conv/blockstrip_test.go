package conv_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// stripCases are convolutions of images that are cut into strips of rows, the last
// one smaller.
var stripCases = []conv.Shape{
	{N: 3, C: 16, H: 41, W: 40, F: 96, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 41, OW: 40},
	{N: 2, C: 144, H: 30, W: 30, F: 24, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 30, OW: 30},
	{N: 2, C: 40, H: 43, W: 42, F: 40, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 40, OH: 43, OW: 42},
	{N: 2, C: 64, H: 47, W: 48, F: 64, KH: 5, KW: 3, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 64, OH: 24, OW: 24},
	{N: 1, C: 64, H: 40, W: 40, F: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 2, PadLeft: 2, DilationH: 2, DilationW: 2, Groups: 64, OH: 40, OW: 40},
	{N: 2, C: 3, H: 81, W: 80, F: 48, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 41, OW: 40},
	// Winograd's tiles of twelve small images, or eight, are multiplied together.
	{N: 14, C: 16, H: 8, W: 8, F: 24, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 8, OW: 8},
	{N: 13, C: 24, H: 7, W: 9, F: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 7, OW: 9},
}

// stripOperands are random x, w, γ, β and statistics, perhaps a residual image, and dy, as
// planes.
func stripOperands[T cpu.Float](s conv.Shape, residual bool) (in [][]T, dy []T) {
	r := rand.New(rand.NewPCG(5, uint64(s.C)))
	random := func(n int) []T {
		v := make([]T, n)
		for i := range v {
			v[i] = T(float32(r.NormFloat64()))
		}
		return v
	}
	in = [][]T{random(s.N * s.InSize()), random(s.Weights()), random(s.F), random(s.F), random(s.F), make([]T, s.F)}
	if residual {
		in = append(in, random(s.N*s.OutSize()))
	}
	return in, random(s.N * s.OutSize())
}

// runStrips returns y, and the gradients of x, w, γ, β and perhaps the residual image as
// planes, of images that lie channels last or as planes.
func runStrips[T cpu.Float](s conv.Shape, top float64, residual, last bool) (out [][]T) {
	in, dy := stripOperands[T](s, residual)
	k := conv.NewConvBlock[T](s, conv.Block{Norm: &conv.Norm{Epsilon: 1e-3, Momentum: 0.9, Training: true}, Top: top, Residual: residual, KH: 1, KW: 1})
	x, y := pixel.Planes(s.N, s.C, s.H, s.W), pixel.Planes(s.N, s.F, s.OH, s.OW)
	if last {
		layouts := make([]pixel.Layout, len(in))
		layouts[0] = x.Lastly(pixel.Border{})
		want, out, _ := k.LayBack(layouts, true)
		x, y = want[0].Layout, out
		layouts[0] = x
		if residual {
			layouts[6] = y
		}
		k.Place(layouts, y)
	}
	in[0], dy = laid(in[0], x), laid(dy, y)
	result := make([]T, y.Size())
	dIn := [][]T{make([]T, x.Unbordered().Size()), make([]T, len(in[1])), make([]T, s.F), make([]T, s.F), nil, nil}
	if residual {
		in[6], dIn = laid(in[6], y), append(dIn, make([]T, y.Size()))
	}
	for range 2 { // memory is reused at the second run
		k.Forward(result, in)
		k.Backward(dIn, dy, in)
	}
	out = [][]T{planesOf(result, y), planesOf(dIn[0], x.Unbordered()), dIn[1], dIn[2], dIn[3]}
	if residual {
		out = append(out, planesOf(dIn[6], y))
	}
	return out
}

// laid lays planes out, planesOf is the way back.
func laid[T cpu.Float](planes []T, l pixel.Layout) []T {
	if !l.Last {
		return planes
	}
	data := make([]T, l.Size())
	eachElement(l, func(plane, at int) { data[at] = planes[plane] })
	return data
}

func planesOf[T cpu.Float](data []T, l pixel.Layout) []T {
	if !l.Last {
		return data
	}
	planes := make([]T, l.N*l.C*l.H*l.W)
	eachElement(l, func(plane, at int) { planes[plane] = data[at] })
	return planes
}

func eachElement(l pixel.Layout, do func(plane, at int)) {
	for i := range l.N * l.C * l.H * l.W {
		do(i, l.At(i/(l.C*l.H*l.W), i/l.W%l.H, i%l.W)+i/(l.H*l.W)%l.C)
	}
}

// TestConvBlockStrips compares blocks that are worked on by strips with the one in
// float64 that unrolls whole images, on every tier.
func TestConvBlockStrips(t *testing.T) {
	for _, s := range stripCases {
		bound := 2e-5
		if s.C >= 16 && s.KH*s.KW == 9 && s.Groups == 1 { // Winograd's tiles
			bound = 1e-4
		}
		for _, mode := range []struct {
			top      float64
			residual bool
		}{{0, false}, {1.5, false}, {1.5, true}} {
			want := runStrips[float64](s, mode.top, mode.residual, false)
			t.Run(fmt.Sprintf("%v/%v", s, mode), func(t *testing.T) {
				kerneltest.EachTier(t, func(t *testing.T) {
					for i, got := range runStrips[float32](s, mode.top, mode.residual, true) {
						rounded := make([]float32, len(want[i]))
						for j, v := range want[i] {
							rounded[j] = float32(v)
						}
						kerneltest.CheckRelative(t, []string{"y", "dx", "dw", "dγ", "dβ", "dr"}[i], got, rounded, bound)
					}
				})
			})
		}
	}
}

// TestConvBlockStripsBits: the tiers of assembly, and any number of threads, give the
// same bits. Where there is no assembly, plain Go does for any number of threads.
func TestConvBlockStripsBits(t *testing.T) {
	lowest := min(cpu.TierAVX2, cpu.Best())
	for _, s := range stripCases {
		var first []uint32
		for to := lowest; to <= cpu.Best(); to++ {
			for _, threads := range []int{1, 3} {
				func() {
					defer cpu.Use(to)()
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
					bits := kerneltest.Float32Bits(runStrips[float32](s, 6, true, true)...)
					if first == nil {
						first = bits
					}
					if !slices.Equal(bits, first) {
						t.Errorf("%v: %v with %d threads gives other bits than %v with one", s, to, threads, lowest)
					}
				}()
			}
		}
	}
}
