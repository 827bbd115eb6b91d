package kerneltest

import (
	"runtime/debug"
	"testing"
	"unsafe"
)

// TestFence touches what adjoins fenced slices of whole and broken pages.
func TestFence(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 7, 1023, 1024, 1025} {
		for _, atEnd := range []bool{false, true} {
			x := Fenced[float32](t, n, atEnd)
			beside := unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), -1)
			if atEnd {
				beside = unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), 4*n)
			}
			if !faults(func() { *(*byte)(beside)++ }) {
				t.Errorf("%d elements, fence at end %v: got no fault", n, atEnd)
			}
			if faults(func() { x[0], x[n-1] = 1, 2 }) {
				t.Errorf("%d elements, fence at end %v: got a fault inside", n, atEnd)
			}
		}
	}
}

func faults(f func()) (fault bool) {
	defer func() { fault = recover() != nil }()
	f()
	return false
}
