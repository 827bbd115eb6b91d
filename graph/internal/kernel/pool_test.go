package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// Windows of 2×2, and windows as large as the image, give what the loops for
// windows of any geometry give.
func TestPoolsEqualGeneralLoops(t *testing.T) {
	for _, s := range []PoolShape{
		{Planes: 3, H: 6, W: 38, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 3, OW: 19},
		{Planes: 2, H: 7, W: 15, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 3, OW: 7},
		{Planes: 5, H: 7, W: 7, KH: 7, KW: 7, StrideH: 7, StrideW: 7, OH: 1, OW: 1},
		{Planes: 2, H: 9, W: 4, KH: 3, KW: 4, StrideH: 3, StrideW: 4, OH: 3, OW: 1},
	} {
		r := rand.New(rand.NewPCG(8, 9))
		x, dy := kerneltest.Normal[float32](r, s.Planes*s.H*s.W), kerneltest.Normal[float32](r, s.Planes*s.OH*s.OW)
		for to := cpu.TierGo; to <= cpu.Best(); to++ {
			undo := cpu.Use(to)
			for name, k := range map[string]kerneltest.Operation[float32]{"largest": NewMaxPool2D[float32](s), "mean": NewAvgPool2D[float32](s)} {
				y, dx := make([]float32, len(dy)), kerneltest.Unset[float32](len(x))
				k.Forward(y, [][]float32{x})
				k.Backward([][]float32{dx}, dy, [][]float32{x})
				wantY, wantDx := s.naive(x, dy, name == "mean")
				kerneltest.CheckRelative(t, name, y, wantY, 1e-6)
				kerneltest.CheckRelative(t, name+" gradient", dx, wantDx, 1e-6)
			}
			undo()
		}
	}
}

// naive pools pixel by pixel, windows being inside the image.
func (s PoolShape) naive(x, dy []float32, mean bool) (y, dx []float32) {
	y, dx = make([]float32, len(dy)), make([]float32, len(x))
	for out := range y {
		p, i, j := out/(s.OH*s.OW), out/s.OW%s.OH, out%s.OW
		best, total := -1, 0.
		for u := range s.KH {
			for v := range s.KW {
				at := (p*s.H+i*s.StrideH+u)*s.W + j*s.StrideW + v
				if total += float64(x[at]); best < 0 || x[at] > x[best] {
					best = at
				}
				if mean {
					dx[at] += dy[out] / float32(s.KH*s.KW)
				}
			}
		}
		if y[out] = x[best]; mean {
			y[out] = float32(total / float64(s.KH*s.KW))
		} else {
			dx[best] += dy[out]
		}
	}
	return y, dx
}

// A window of -Inf alone has a winner, and a NaN wins over every number.
func TestMaxPoolOfSpecialNumbers(t *testing.T) {
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	s := PoolShape{Planes: 1, H: 2, W: 20, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 1, OW: 10}
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		undo := cpu.Use(to)
		x := slices.Repeat([]float32{inf}, 40)
		x[21], x[38] = nan, nan
		k, y, dx := NewMaxPool2D[float32](s), make([]float32, 10), make([]float32, 40)
		k.Forward(y, [][]float32{x})
		k.Backward([][]float32{dx}, slices.Repeat([]float32{1}, 10), nil)
		undo()
		want := make([]float32, 40)
		for j := range 10 {
			want[2*j] = 1
		}
		want[0], want[21], want[18], want[38] = 0, 1, 0, 1
		if !slices.Equal(dx, want) {
			t.Errorf("%v: gradient %v, want %v", to, dx, want)
		}
		if y[0] == y[0] || y[9] == y[9] || y[5] != inf {
			t.Errorf("%v: y is %v, want NaN at 0 and 9 and -Inf elsewhere", to, y)
		}
	}
}

// TestAvgPoolLaidBack: on images channels last the mean, and its gradient, are those of
// planes: of windows side by side, with pixels that no window covers, that overlap, that
// reach into padding, and of one pixel.
func TestAvgPoolLaidBack(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range []PoolShape{
			{H: 6, W: 10, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 3, OW: 5},
			{H: 7, W: 11, KH: 2, KW: 3, StrideH: 2, StrideW: 3, OH: 3, OW: 3},
			{H: 7, W: 7, KH: 3, KW: 3, StrideH: 2, StrideW: 2, OH: 3, OW: 3},
			{H: 8, W: 8, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, OH: 4, OW: 4},
			{H: 5, W: 5, KH: 1, KW: 1, StrideH: 2, StrideW: 2, OH: 3, OW: 3},
			{H: 17, W: 17, KH: 17, KW: 17, StrideH: 17, StrideW: 17, OH: 1, OW: 1},
		} {
			const n, c = 3, 11
			s.Planes = n * c
			in, out := pixel.Planes(n, c, s.H, s.W).Lastly(pixel.Border{}), pixel.Planes(n, c, s.OH, s.OW).Lastly(pixel.Border{})
			x, dy := kerneltest.Normal[float32](r, s.Planes*s.H*s.W), kerneltest.Normal[float32](r, s.Planes*s.OH*s.OW)
			planes, last := NewAvgPool2D[float32](s), NewAvgPool2D[float32](s)
			wantY, wantDx := make([]float32, len(dy)), make([]float32, len(x))
			planes.Forward(wantY, [][]float32{x})
			planes.Backward([][]float32{wantDx}, dy, nil)
			last.Place([]pixel.Layout{in}, out)
			y, dx := kerneltest.Unset[float32](length(out)), kerneltest.Unset[float32](length(in))
			last.Forward(y, [][]float32{lay(x, in)})
			last.Backward([][]float32{dx}, lay(dy, out), nil)
			kerneltest.CheckRelative(t, "mean", unlay(t, y, out), wantY, 1e-6)
			kerneltest.CheckRelative(t, "gradient", unlay(t, dx, in), wantDx, 1e-6)
		}
	})
}
