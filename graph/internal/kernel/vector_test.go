package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// values are n numbers with all that is special among them.
func values(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-40, -1e-40, math.MaxFloat32}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(5) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

func float32Bits(xs ...[]float32) []uint32 {
	var bits []uint32
	for _, x := range xs {
		for _, v := range x {
			if v != v {
				v = float32(math.NaN()) // which NaN does not matter
			}
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

// Every vector loop gives the bits of its plain twin, for every length, and
// leaves what is beyond its slices alone.
func TestVectorsEqualPlainLoops(t *testing.T) {
	for name, loop := range map[string]func(a, b, c, d []float32){
		"relu":      func(a, b, _, _ []float32) { relu(a, b) },
		"reluGrad":  func(a, b, c, _ []float32) { reluGrad(a, b, c) },
		"add":       func(a, b, _, _ []float32) { add(a, b) },
		"addScalar": func(a, _, _, _ []float32) { addScalar(a, 0.3) },
		"SGD":       func(a, b, _, _ []float32) { SGD(a, b, 0.1) },
		"Momentum":  func(a, b, c, _ []float32) { Momentum(a, b, c, 0.1, 0.9) },
		"Adam":      func(a, b, c, d []float32) { Adam(a, b, c, d, AdamStep{0.001, 1e-7, 0.9, 0.999, 0.1, 0.001}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for n := range 70 {
				var in [4][]float32
				for i := range in {
					in[i] = values(r, n+9)
				}
				run := func(to tier) []uint32 {
					defer useTier(to)()
					var x [4][]float32
					for i := range x {
						x[i] = slices.Clone(in[i])
					}
					loop(x[0][:n], x[1][:n], x[2][:n], x[3][:n])
					return float32Bits(x[0], x[1], x[2], x[3])
				}
				want := run(tierGo)
				for to := tierAVX2; to <= bestTier(); to++ {
					if got := run(to); !slices.Equal(got, want) {
						t.Fatalf("%v: %d elements differ from the plain loop", to, n)
					}
				}
			}
		})
	}
}
