package kerneltest

import (
	"testing"
	"unsafe"

	"tapenet/graph/internal/kernel/cpu"
)

// Fenced returns a slice of n elements, all bits set, that a fence adjoins: at
// its end, or else in front of it. A fence is memory that cannot be read or
// written; where the system has none for us (see fence) it is bytes like those
// around the slice on its other side: all bits set, which makes NaN of a float,
// and the test fails if they have changed when it ends.
func Fenced[E float32 | float64 | uint8](t testing.TB, n int, atEnd bool) []E {
	t.Helper()
	size := n * int(unsafe.Sizeof(E(0)))
	area, at := fence(t, size, atEnd)
	for i := range area {
		area[i] = 0xFF
	}
	t.Cleanup(func() {
		for i, b := range area {
			if (i < at || i >= at+size) && b != 0xFF {
				t.Fatalf("got byte %d of a slice of %d bytes written", i-at, size)
			}
		}
	})
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(area[at:]))), n)
}

// CopyFenced returns fenced copies of slices.
func CopyFenced[E float32 | float64 | uint8](t testing.TB, xs [][]E, atEnd bool) [][]E {
	t.Helper()
	copies := make([][]E, len(xs))
	for i, x := range xs {
		copies[i] = Fenced[E](t, len(x), atEnd)
		copy(copies[i], x)
	}
	return copies
}

// OnFenced runs a loop on a tier, on fenced copies of its operands, and returns
// what they are then.
func OnFenced(t *testing.T, to cpu.Tier, loop func(x [][]float32), operands ...[]float32) [][]float32 {
	t.Helper()
	defer cpu.Use(to)()
	x := CopyFenced(t, operands, true)
	loop(x)
	return x
}
