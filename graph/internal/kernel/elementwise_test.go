package kernel

import (
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// Add sums every element once, whatever the number of blocks.
func TestAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	for _, n := range []int{0, 1, 2047, 2048, 2049, 5000} {
		a, b, c := kerneltest.Normal[float32](r, n), kerneltest.Normal[float32](r, n), kerneltest.Normal[float32](r, n)
		y := make([]float32, n)
		NewAdd[float32](2).Forward(y, [][]float32{a, b, c})
		for i := range y {
			if want := a[i] + b[i] + c[i]; y[i] != want {
				t.Fatalf("element %d of %d is %v, want %v", i, n, y[i], want)
			}
		}
	}
}
