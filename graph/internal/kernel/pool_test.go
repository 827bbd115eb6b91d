package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzPairs holds the pooling of windows of 2×2 equal on all tiers, in bits.
func FuzzPairs(f *testing.F) {
	for cols := range uint8(20) {
		f.Add(uint64(cols), cols%4, cols, cols%3)
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, over uint8) {
		rows, cols, over = 1+rows%8, 1+cols%40, over%4
		m, n, width := int(rows), int(cols), 2*int(cols)+int(over)
		r := rand.New(rand.NewPCG(seed, 3))
		x, y, dx := values(r, 2*m*width), values(r, m*n), values(r, 2*m*width)
		for i := range x {
			if r.IntN(3) == 0 {
				x[i] = float32(r.IntN(3)) // equal pixels
			}
		}
		run := func(to tier) ([]uint32, []int32) {
			winner := slices.Repeat([]int32{-1}, m*n+8)
			got := onFenced(t, to, func(v [][]float32) {
				maxPairs(m, n, v[0], winner[:m*n], v[1], width)
				for i := range m {
					avgPairs(v[2][i*n:][:n], v[1][2*i*width:], v[1][(2*i+1)*width:])
					avgPairsGrad(v[3][2*i*width:], v[3][(2*i+1)*width:], v[0][i*n:][:n])
				}
			}, y, x, y, dx)
			return float32Bits(got...), winner
		}
		bits, winner := run(tierGo)
		for to := tierAVX2; to <= bestTier(); to++ {
			gotBits, gotWinner := run(to)
			if !slices.Equal(gotBits, bits) || !slices.Equal(gotWinner, winner) {
				t.Fatalf("%v: %d rows of %d windows differ from the plain loop", to, m, n)
			}
		}
	})
}

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
		x, dy := normal[float32](r, s.Planes*s.H*s.W), normal[float32](r, s.Planes*s.OH*s.OW)
		for to := tierGo; to <= bestTier(); to++ {
			undo := useTier(to)
			for name, k := range map[string]operation[float32]{"largest": NewMaxPool2D[float32](s), "mean": NewAvgPool2D[float32](s)} {
				y, dx := make([]float32, len(dy)), unset[float32](len(x))
				k.Forward(y, [][]float32{x})
				k.Backward([][]float32{dx}, dy, [][]float32{x})
				wantY, wantDx := s.naive(x, dy, name == "mean")
				checkRelative(t, name, y, wantY, 1e-6)
				checkRelative(t, name+" gradient", dx, wantDx, 1e-6)
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
	for to := tierGo; to <= bestTier(); to++ {
		undo := useTier(to)
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
