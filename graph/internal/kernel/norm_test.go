package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

var normCases = []struct{ n, c, pixels int }{{3, 5, 49}, {2, 3, 64}, {4, 1, 6}, {19, 21, 1}, {8, 24, 1}, {1, 4, 1}, {1, 2, 100}}

// BatchNorm with ReLU gives the bits of BatchNorm and then ReLU, forward and
// backward, on every tier and for any number of threads.
func TestBatchNormReLU(t *testing.T) {
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		t.Run(to.String(), func(t *testing.T) {
			defer cpu.Use(to)()
			testBatchNormReLU[float32](t)
		})
	}
	t.Run("float64", testBatchNormReLU[float64])
}

func testBatchNormReLU[T cpu.Float](t *testing.T) {
	for _, s := range normCases {
		for _, training := range []bool{true, false} {
			want := normThenReLU[T](s.n, s.c, s.pixels, training, false)
			for threads := 1; threads <= 3; threads++ {
				before := runtime.GOMAXPROCS(threads)
				got := normThenReLU[T](s.n, s.c, s.pixels, training, true)
				runtime.GOMAXPROCS(before)
				for i, name := range []string{"y", "dx", "dgamma", "dbeta"} {
					if !slices.Equal(got[i], want[i]) {
						t.Fatalf("%v, training %v, %d threads: %s is %v, want %v", s, training, threads, name, got[i], want[i])
					}
				}
			}
		}
	}
}

// normThenReLU returns y and the gradients of x, γ and β, in one kernel or two.
func normThenReLU[T cpu.Float](n, c, pixels int, training, fused bool) [][]T {
	r := rand.New(rand.NewPCG(uint64(n), uint64(pixels)))
	size := n * c * pixels
	in := [][]T{kerneltest.Normal[T](r, size), kerneltest.Normal[T](r, c), kerneltest.Normal[T](r, c), kerneltest.Normal[T](r, c), slices.Repeat([]T{2}, c)}
	y, dy := make([]T, size), kerneltest.Normal[T](r, size)
	dIn := [][]T{make([]T, size), make([]T, c), make([]T, c), nil, nil}
	k := &BatchNorm[T]{N: n, C: c, Pixels: pixels, Epsilon: 1e-3, Momentum: 0.9, Training: training, ReLU: fused}
	k.Forward(y, in)
	if !fused {
		vector.ReLUGrad(dy, dy, y)
		vector.ReLU(y, y)
	}
	out := slices.Clone(y)
	clear(y) // Gorgonia may overwrite it
	k.Backward(dIn, dy, in)
	return append([][]T{out}, dIn[:3]...)
}

// The variance keeps its digits where the mean is 10⁵ deviations away, and
// where the element that distances are taken from is far from all others.
func TestBatchNormStatistics(t *testing.T) {
	for _, s := range normCases {
		for _, first := range []float64{0, 1e4} {
			t.Run(fmt.Sprint(s, " first ", first), func(t *testing.T) {
				r := rand.New(rand.NewPCG(5, 6))
				x := kerneltest.Normal[float64](r, s.n*s.c*s.pixels)
				for i := range x {
					x[i] = 1e5 + x[i]
				}
				x[0] += first
				in := [][]float64{x, make([]float64, s.c), make([]float64, s.c), make([]float64, s.c), make([]float64, s.c)}
				k := &BatchNorm[float64]{N: s.n, C: s.c, Pixels: s.pixels, Epsilon: 1e-3, Training: true}
				k.Forward(make([]float64, len(x)), in)
				for c := range s.c {
					mean, variance := naiveMoments(x, c, s.c, s.pixels)
					if got := in[3][c]; math.Abs(got-mean) > 1e-9 {
						t.Errorf("channel %d: mean %v, want %v", c, got, mean)
					}
					if got := in[4][c]; math.Abs(got-variance) > 1e-9*(1+variance) {
						t.Errorf("channel %d: variance %v, want %v", c, got, variance)
					}
				}
			})
		}
	}
}

// naiveMoments returns the mean and the unbiased variance of a channel.
func naiveMoments(x []float64, c, channels, pixels int) (mean, variance float64) {
	var own []float64
	for i, v := range x {
		if i/pixels%channels == c {
			own = append(own, v)
		}
	}
	for _, v := range own {
		mean += v / float64(len(own))
	}
	for _, v := range own {
		variance += (v - mean) * (v - mean) / max(float64(len(own)-1), 1)
	}
	return mean, variance
}
