package hugepage_test

import (
	"testing"

	"tapenet/graph/internal/hugepage"
)

// TestMake makes buffers around the sizes at which large pages begin: they have the
// length that was asked for, are zero, and are written to from end to end.
func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20, 3<<20 + 77} {
		data := hugepage.Make[float32](n)
		if len(data) != n {
			t.Fatalf("Make(%d) has length %d", n, len(data))
		}
		for i, x := range data {
			if x != 0 {
				t.Fatalf("Make(%d): element %d is %g, want 0", n, i, x)
			}
			data[i] = 1
		}
	}
}
