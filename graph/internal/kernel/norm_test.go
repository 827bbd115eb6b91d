package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// FuzzNorm holds the loops of a batch normalisation equal on all tiers: in
// bits, and the sums, whose order differs, within 1e-13 of their terms' size.
func FuzzNorm(f *testing.F) {
	for n := range uint16(20) {
		f.Add(uint64(n), n, n%2 == 0)
	}
	f.Add(uint64(3), uint16(784), true)
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, relu bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := channel[float32]{mean: r.Float32(), a: float32(r.NormFloat64()), beta: r.Float32(), floor: float32(math.Inf(-1))}
		if relu {
			c.floor = 0
		}
		x, dy, out := values(r, int(n)), values(r, int(n)), values(r, int(n))
		run := func(to tier) ([]uint32, [4]float64) {
			var sums [4]float64
			got := onFenced(t, to, func(v [][]float32) {
				sums[0], sums[1] = deviations(v[0], 0.25)
				sums[2], sums[3] = c.sums(v[1], v[0])
				c.normalise(v[2], v[0])
				c.gradient(v[1], v[1], v[0], 0.5, -0.25)
			}, x, dy, out)
			return float32Bits(got...), sums
		}
		bits, sums := run(tierGo)
		sizes := c.sizes(x, dy)
		for to := tierAVX2; to <= bestTier(); to++ {
			gotBits, gotSums := run(to)
			if !slices.Equal(gotBits, bits) {
				t.Fatalf("%v: %d elements differ from the plain loop", to, n)
			}
			for i, want := range sums {
				if got := gotSums[i]; !sameNumber(got, want, sizes[i]) {
					t.Fatalf("%v: sum %d of %d elements is %v, want %v", to, i, n, got, want)
				}
			}
		}
	})
}

// sizes returns the sums of FuzzNorm with all terms taken as positive.
func (c channel[T]) sizes(x, dy []T) (sizes [4]float64) {
	for i, v := range x {
		d := math.Abs(float64(v) - 0.25)
		sizes[0] += d
		sizes[1] += d * d
		if !(c.at(v) <= c.floor) {
			sizes[2] += math.Abs(float64(dy[i]))
			sizes[3] += math.Abs(float64(dy[i]) * float64(v-c.mean))
		}
	}
	return sizes
}

var normCases = []struct{ n, c, pixels int }{{3, 5, 49}, {2, 3, 64}, {4, 1, 6}, {19, 21, 1}, {8, 24, 1}, {1, 4, 1}, {1, 2, 100}}

// BatchNorm with ReLU gives the bits of BatchNorm and then ReLU, forward and
// backward, on every tier and for any number of threads.
func TestBatchNormReLU(t *testing.T) {
	for to := tierGo; to <= bestTier(); to++ {
		t.Run(to.String(), func(t *testing.T) {
			defer useTier(to)()
			testBatchNormReLU[float32](t)
		})
	}
	t.Run("float64", testBatchNormReLU[float64])
}

func testBatchNormReLU[T Float](t *testing.T) {
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
func normThenReLU[T Float](n, c, pixels int, training, fused bool) [][]T {
	r := rand.New(rand.NewPCG(uint64(n), uint64(pixels)))
	size := n * c * pixels
	in := [][]T{normal[T](r, size), normal[T](r, c), normal[T](r, c), normal[T](r, c), slices.Repeat([]T{2}, c)}
	y, dy := make([]T, size), normal[T](r, size)
	dIn := [][]T{make([]T, size), make([]T, c), make([]T, c), nil, nil}
	k := &BatchNorm[T]{N: n, C: c, Pixels: pixels, Epsilon: 1e-3, Momentum: 0.9, Training: training, ReLU: fused}
	k.Forward(y, in)
	if !fused {
		reluGrad(dy, dy, y)
		relu(y, y)
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
				x := normal[float64](r, s.n*s.c*s.pixels)
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

// sameNumber reports whether two sums are equal up to rounding, of which size
// is the measure: 1e-13 of it.
func sameNumber(got, want, size float64) bool {
	switch {
	case math.IsNaN(want):
		return math.IsNaN(got)
	case math.IsInf(want, 0):
		return got == want
	}
	return math.Abs(got-want) <= 1e-13*size
}
