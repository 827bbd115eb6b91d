package kerneltest

import (
	"os"
	"syscall"
	"testing"
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
