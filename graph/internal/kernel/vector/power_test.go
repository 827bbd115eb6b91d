package vector

import (
	"math"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestPowSpecialCases goes through those of math.Pow, at places of a vector and
// behind it. The sign of a zero counts.
func TestPowSpecialCases(t *testing.T) {
	inf, zero := math.Inf(1), math.Copysign(0, -1)
	for _, p := range []float64{-3, -2, -1, -0.5, 0, 1e-9, 1e-3, 1. / 3, 0.5, 1, 1.5, 2, 3, 4, 1e7, inf, -inf, math.NaN()} {
		curve := Pow(p)
		kerneltest.EachTier(t, func(t *testing.T) {
			for n := 1; n < 40; n += 7 {
				for _, x := range []float64{0, zero, 1, -1, inf, -inf, math.NaN(), 2, -2, 0.5, 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32} {
					in, y, dx := make([]float32, n), make([]float32, n), make([]float32, n)
					in[n-1], dx[n-1] = float32(x), 1
					curve.both(y, dx, in)
					x = float64(in[n-1])
					for name, pair := range map[string][2]float64{"": {float64(y[n-1]), curve.F(x)}, "derivative of ": {float64(dx[n-1]), curve.DF(x)}} {
						got, want := pair[0], float64(float32(pair[1]))
						if !within(float32(got), want, 2e-7*math.Abs(want)) || math.Signbit(got) != math.Signbit(want) && want == want {
							t.Errorf("%v%v to the power %v is %v, want %v", name, x, p, got, want)
						}
					}
				}
			}
		})
	}
}

// Powers of whole exponents are exact where the result has few bits.
func TestPowOfFewBits(t *testing.T) {
	x := []float32{2, -3, 0.5, 10, -7, 1.5}
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		for _, p := range []float64{2, 3, 4, 5, -1} {
			undo := cpu.Use(to)
			y := make([]float32, len(x))
			Activate(Pow(p), y, x)
			undo()
			for i, v := range x {
				if want := float32(math.Pow(float64(v), p)); y[i] != want {
					t.Errorf("%v: %v to the power %v is %v, want %v", to, v, p, y[i], want)
				}
			}
		}
	}
}

// TestExpAtItsEnds: the largest finite result, infinity, and 0.
func TestExpAtItsEnds(t *testing.T) {
	x := []float32{88.72283, 88.72284, 89, 1000, -86.9, -87.4, -1000, 0, -0.6931472, 88.4}
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		undo := cpu.Use(to)
		y := make([]float32, len(x))
		Activate(Exp, y, x)
		undo()
		for i, v := range x {
			if want := math.Exp(float64(v)); !within(y[i], want, 2e-7*want+2e-38) {
				t.Errorf("%v: exp of %v is %v, want %v", to, v, y[i], want)
			}
		}
	}
}
