package kernel

import (
	"math"
	"slices"
	"testing"
)

// fence returns a copy of x that stands between numbers which must not change,
// and a function that checks them.
func fence(x []float32) (inside []float32, check func(t *testing.T)) {
	const posts, post = 16, 12345
	all := slices.Concat(slices.Repeat([]float32{post}, posts), x, slices.Repeat([]float32{post}, posts))
	return all[posts:][:len(x):len(x)], func(t *testing.T) {
		t.Helper()
		for i, v := range slices.Concat(all[:posts], all[posts+len(x):]) {
			if v != post {
				t.Fatalf("element %d beyond the slice has become %v", i, v)
			}
		}
	}
}

// fenced runs a loop on copies of its operands on the given tier, checks that
// it wrote nowhere else, and returns what they are then.
func fenced(t *testing.T, to tier, loop func(x [][]float32), operands ...[]float32) [][]float32 {
	t.Helper()
	defer useTier(to)()
	x := make([][]float32, len(operands))
	checks := make([]func(*testing.T), len(operands))
	for i, o := range operands {
		x[i], checks[i] = fence(o)
	}
	loop(x)
	for _, check := range checks {
		check(t)
	}
	return x
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
