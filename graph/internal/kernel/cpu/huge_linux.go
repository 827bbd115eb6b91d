package cpu

import "syscall"

// enlargePages asks for large pages for whole ones of them. It is a wish: where the
// system has none, memory stays as it is.
func enlargePages(memory []byte) {
	if len(memory) > 0 {
		_ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE)
	}
}
