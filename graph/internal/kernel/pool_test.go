package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
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
