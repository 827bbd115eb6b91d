package kernel

import (
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fence returns whole pages between two that are inaccessible, and where in
// them size bytes begin so that they adjoin the last page, or else the first.
// Touching one of these ends the process: the trace shows which kernel it was.
func fence(t testing.TB, size int, atEnd bool) (area []byte, at int) {
	t.Helper()
	page := os.Getpagesize()
	pages := size/page + 1
	all, err := syscall.Mmap(-1, 0, (pages+2)*page, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	area = all[page : (pages+1)*page]
	if err := syscall.Mprotect(area, syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	if atEnd {
		at = len(area) - size
	}
	return area, at
}

// TestFence touches what adjoins fenced slices of whole and broken pages.
func TestFence(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 7, 1023, 1024, 1025} {
		for _, atEnd := range []bool{false, true} {
			x := fenced[float32](t, n, atEnd)
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
