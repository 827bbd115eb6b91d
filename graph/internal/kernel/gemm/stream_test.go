package gemm

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestFMA: fma rounds once, also where float64 lies in the middle between two
// float32 numbers.
func TestFMA(t *testing.T) {
	const tiny = 0x1p-23
	r := rand.New(rand.NewPCG(1, 2))
	cases := [][3]float32{
		{(1 + tiny) * 0x1p-12, (1 - tiny) * 0x1p-12, 1 + tiny},     // just below the middle
		{-(1 + tiny) * 0x1p-12, (1 - tiny) * 0x1p-12, -(1 + tiny)}, // the same below zero
		{(1 - tiny/2) * 0x1p-12, (1 + 2*tiny) * 0x1p-12, 1},        // above a middle
		{(1 + tiny) * 0x1p-12, (1 - tiny) * -0x1p-12, 1 + 3*tiny},  // the middle from above
		{0x1p-75, 0x1p-75, 0}, {0x1p-74, 1.5 * 0x1p-75, -0x1p-149}, // results that underflow
		{3, 5, -15}, {math.MaxFloat32, 2, -math.MaxFloat32}, {0, 0, 0},
	}
	for range 20000 {
		z := float32(1 + r.Float64())
		cases = append(cases, [3]float32{float32(r.NormFloat64()), float32(r.NormFloat64()), z})
		x := math.Float32frombits(math.Float32bits(0x1p-12) + uint32(r.IntN(4)))
		y := math.Float32frombits(math.Float32bits(0x1p-12) - uint32(r.IntN(4)))
		cases = append(cases, [3]float32{x, y, z})
	}
	for _, c := range cases {
		x, y := big.NewFloat(float64(c[0])), big.NewFloat(float64(c[1]))
		sum := new(big.Float).SetPrec(500).Mul(x, y)
		want, _ := sum.Add(sum, big.NewFloat(float64(c[2]))).Float32()
		if got := fma(c[0], c[1], c[2]); got != want {
			t.Fatalf("fma(%g, %g, %g) is %g, want %g", c[0], c[1], c[2], got, want)
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range [][4]float32{{inf, 1, 2, inf}, {1, 2, -inf, -inf}, {inf, 1, -inf, nan}, {nan, 1, 1, nan}, {1, 1, nan, nan}, {inf, 0, 1, nan}} {
		if got := fma(c[0], c[1], c[2]); !same(got, c[3]) {
			t.Errorf("fma(%g, %g, %g) is %g, want %g", c[0], c[1], c[2], got, c[3])
		}
	}
}

// TestStream compares with the loop in float64. The columns before lo and from hi on
// it leaves alone.
func TestStream(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testStream[float32])
		t.Run("float64", testStream[float64])
	})
}

func testStream[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 150 {
		n, k := 1+r.IntN(300), 1+r.IntN(40)
		if r.IntN(3) == 0 {
			k += blockK * (1 + r.IntN(2))
		}
		lo := r.IntN(n)
		hi := lo + 1 + r.IntN(n-lo)
		x, w := kerneltest.Normal[T](r, k), kerneltest.Normal[T](r, k*n)
		if r.IntN(2) > 0 {
			w[r.IntN(len(w))] = T(math.NaN())
		}
		operands := kerneltest.CopyFenced(t, [][]T{x, w}, true)
		y, partial := kerneltest.Fenced[T](t, n, true), kerneltest.Fenced[T](t, n, true)
		Stream(y, partial, operands[0], operands[1], n, lo, hi)
		for j, got := range y {
			sum, scale := 0., 0.
			for i, v := range x {
				sum += float64(v) * float64(w[i*n+j])
				scale += math.Abs(float64(v) * float64(w[i*n+j]))
			}
			if j < lo || j >= hi {
				sum = math.NaN() // as it was
			}
			if !near(float64(got), sum, float64(k+3)*kerneltest.Epsilon[T]()*scale) {
				t.Fatalf("n %d, k %d, columns [%d,%d): y[%d] is %v, want %v", n, k, lo, hi, j, got, sum)
			}
		}
	}
}

// TestStreamBits: how columns are shared out leaves the bits, which are those of Gemm
// on the tiers with assembly.
func TestStreamBits(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		const n, k = 200, 2*blockK + 37
		x, w := kerneltest.Randoms[float32](k), kerneltest.Randoms[float32](k*n)
		whole, partial := make([]float32, n), make([]float32, n)
		Stream(whole, partial, x, w, n, 0, n)
		for _, step := range []int{1, 7, 32, 33, 64, 65, 96, 128, 150} {
			y := kerneltest.Unset[float32](n)
			for lo := 0; lo < n; lo += step {
				Stream(y, partial, x, w, n, lo, min(lo+step, n))
			}
			if !slices.Equal(y, whole) {
				t.Errorf("%d columns at a time: other bits than at once", step)
			}
		}
		product := make([]float32, n)
		Gemm(false, false, 1, n, k, x, k, w, n, false, product, n)
		if cpu.Active() == cpu.TierGo {
			kerneltest.CheckRelative(t, "y", whole, product, 1e-5)
		} else if i := firstDifference(whole, product); i >= 0 {
			t.Errorf("column %d is %v, of Gemm %v", i, whole[i], product[i])
		}
	})
}

// TestStreamTies: on the tiers with assembly the columns that plain Go computes have
// the bits of the others, also where float64 rounds to the middle between two numbers.
// Plain Go by itself rounds product and sum where the compiler does, on amd64, and
// fuses them where it may, on arm64.
func TestStreamTies(t *testing.T) {
	const tiny, n = 0x1p-23, 200
	x := []float32{1, (1 + tiny) * 0x1p-12}
	w := append(slices.Repeat([]float32{1 + tiny}, n), slices.Repeat([]float32{(1 - tiny) * 0x1p-12}, n)...)
	kerneltest.EachTier(t, func(t *testing.T) {
		for cols := 1; cols < n; cols++ {
			y, partial := make([]float32, n), make([]float32, n)
			Stream(y, partial, x, w, n, 0, cols)
			for j, got := range y[:cols] {
				want := float32(1 + tiny)
				if cpu.Active() == cpu.TierGo && runtime.GOARCH == "amd64" {
					want = 1 + 2*tiny
				}
				if got != want {
					t.Fatalf("%d columns: y[%d] is %v, want %v", cols, j, got, want)
				}
			}
		}
	})
}

// TestStreamOfNothing: an empty sum is zero.
func TestStreamOfNothing(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		y := kerneltest.Unset[float32](70)
		Stream(y, make([]float32, 70), nil, nil, 70, 0, 70)
		if !slices.Equal(y, make([]float32, 70)) {
			t.Errorf("got %v, want zeros", fmt.Sprint(y))
		}
	})
}
