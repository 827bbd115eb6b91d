package vector

import "testing"

// TestSum, of Dot too, covers all remainders of the four partial sums.
func TestSum(t *testing.T) {
	for n := range 20 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i + 1)
		}
		if got, want := Sum(x), float32(n*(n+1)/2); got != want {
			t.Errorf("sum of 1 to %d is %v, want %v", n, got, want)
		}
		if got, want := Dot(x, x), float32(n*(n+1)*(2*n+1)/6); got != want {
			t.Errorf("sum of the squares of 1 to %d is %v, want %v", n, got, want)
		}
	}
}
