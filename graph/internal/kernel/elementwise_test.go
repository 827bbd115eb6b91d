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
		for operands := 1; operands <= 3; operands++ {
			in, y := [][]float32{a, b, c}[:operands], make([]float32, n)
			NewAdd[float32](operands).Forward(y, in)
			for i := range y {
				want := a[i]
				for _, x := range in[1:] {
					want += x[i]
				}
				if y[i] != want {
					t.Fatalf("element %d of %d from %d operands is %v, want %v", i, n, operands, y[i], want)
				}
			}
		}
	}
}
