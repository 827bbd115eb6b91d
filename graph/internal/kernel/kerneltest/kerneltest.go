// Package kerneltest has what the tests of the kernels' rooms share: random
// operands, memory between fences, the comparison of a kernel's tiers (see Twin)
// and the rules that every operation keeps (see Contract).
package kerneltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
)

// Values are n numbers with all that is special among them.
func Values(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-40, -1e-40, math.MaxFloat32}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(5) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// Normal returns n normally distributed numbers.
func Normal[T cpu.Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// Unset returns n NaN: what a kernel must overwrite.
func Unset[T cpu.Float](n int) []T { return slices.Repeat([]T{T(math.NaN())}, n) }

// Randoms returns n numbers from -1 to 1, always the same ones.
func Randoms[T cpu.Float](n int) []T {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.Float64()*2 - 1)
	}
	return x
}

// Float32Bits returns the bits of all numbers, with one NaN for all.
func Float32Bits(xs ...[]float32) []uint32 {
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

// Epsilon returns half the distance from 1 to the next T.
func Epsilon[T cpu.Float]() float64 {
	if _, ok := any(T(0)).(float32); ok {
		return 0x1p-24
	}
	return 0x1p-53
}

// EachTier runs f as a subtest on every tier of this machine.
func EachTier(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for tier := cpu.TierGo; tier <= cpu.Best(); tier++ {
		t.Run(tier.String(), func(t *testing.T) {
			defer cpu.Use(tier)()
			f(t)
		})
	}
}

// CheckRelative compares with a bound relative to the largest value.
func CheckRelative[T cpu.Float](t *testing.T, name string, got, want []T, bound float64) {
	t.Helper()
	scale := 1e-30
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]-want[i])) / scale; !(d <= bound) {
			t.Fatalf("%s[%d] is %v, want %v", name, i, got[i], want[i])
		}
	}
}
