package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// FuzzSoftMax holds the assembly of SoftMax and of its gradient within their
// bounds of the plain loop, the bits of all vectors' widths equal, and those of a
// row independent of the rows around it.
func FuzzSoftMax(f *testing.F) {
	for cols := range uint16(40) {
		f.Add(uint64(cols), cols, uint8(3))
	}
	f.Add(uint64(1), uint16(196), uint8(5))
	f.Add(uint64(2), uint16(1000), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, cols uint16, rows uint8) {
		k, n := 1+int(cols)%1200, int(rows%8)
		r := rand.New(rand.NewPCG(seed, 4))
		x, dy, unset := scores(r, k*n), kerneltest.Normal[float32](r, k*n), kerneltest.Unset[float32](k*n)
		run := func(to cpu.Tier, x, dy, unset []float32) [][]float32 {
			return kerneltest.OnFenced(t, to, func(v [][]float32) {
				SoftMax(v[0], v[2], k)
				SoftMaxGrad(v[3], v[1], v[0], k)
			}, unset, dy, x, unset)
		}
		want := run(cpu.TierGo, x, dy, unset)
		for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
			got := run(to, x, dy, unset)
			checkSoftMax(t, to, k, got[0], want[0])
			checkSoftMaxGrad(t, to, k, got[3], want[3], dy, want[0])
			if !sameRows(got, run(cpu.TierAVX2, x, dy, unset), 0) {
				t.Fatalf("%v: other bits than %v in rows of %d", to, cpu.TierAVX2, k)
			}
			if n > 1 && !sameRows(got, run(to, x[k:], dy[k:], unset[k:]), k) {
				t.Fatalf("%v: other bits without the first row of %d", to, k)
			}
		}
	})
}

// scores are n numbers of some size, a few of them special.
func scores(r *rand.Rand, n int) []float32 {
	x, size := kerneltest.Normal[float32](r, n), float32(math.Exp(6*r.Float64()-2))
	for i := range x {
		if x[i] *= size; r.IntN(40) == 0 {
			x[i] = []float32{float32(math.Inf(-1)), -3e38, 3e38, 0, -1e-40}[r.IntN(5)]
		}
		if r.IntN(2000) == 0 {
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1))}[r.IntN(2)]
		}
	}
	return x
}

// sameRows compares the results of FuzzSoftMax from an element on.
func sameRows(a, b [][]float32, from int) bool {
	return slices.Equal(kerneltest.Float32Bits(a[0][from:], a[3][from:]), kerneltest.Float32Bits(b[0], b[3]))
}

func checkSoftMax(t *testing.T, to cpu.Tier, cols int, got, want []float32) {
	t.Helper()
	bound := float64(cols/16+10) * 0x1p-24
	for i, p := range want {
		if !within(got[i], float64(p), bound*float64(p)+1e-35) {
			t.Fatalf("%v: probability %d of rows of %d is %v, want %v", to, i, cols, got[i], p)
		}
	}
}

// checkSoftMaxGrad allows for what a probability and a sum over the row may be off.
func checkSoftMaxGrad(t *testing.T, to cpu.Tier, cols int, got, want, dy, p []float32) {
	t.Helper()
	for i, d := range want {
		var size float64
		for j := i / cols * cols; j < i/cols*cols+cols; j++ {
			size += math.Abs(float64(dy[j]) * float64(p[j]))
		}
		size = float64(p[i]) * (math.Abs(float64(dy[i])) + size)
		if !within(got[i], float64(d), float64(2*cols+30)*0x1p-24*size+1e-35) {
			t.Fatalf("%v: gradient %d of rows of %d is %v, want %v", to, i, cols, got[i], d)
		}
	}
}

// SoftMax may write over its scores, and SoftMaxGrad over either operand.
func TestSoftMaxInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, cols := range []int{1, 5, 16, 17, 40} {
			x, dy := kerneltest.Normal[float32](r, 3*cols), kerneltest.Normal[float32](r, 3*cols)
			p, dx := make([]float32, 3*cols), make([]float32, 3*cols)
			SoftMax(p, x, cols)
			SoftMaxGrad(dx, dy, p, cols)
			overX, overP, overDy := slices.Clone(x), slices.Clone(p), slices.Clone(dy)
			SoftMax(overX, overX, cols)
			SoftMaxGrad(overP, dy, overP, cols)
			SoftMaxGrad(overDy, overDy, p, cols)
			if !slices.Equal(overX, p) || !slices.Equal(overP, dx) || !slices.Equal(overDy, dx) {
				t.Errorf("rows of %d: p over x %v, want %v; dx over p %v and over dy %v, want %v", cols, overX, p, overP, overDy, dx)
			}
		}
	})
}
