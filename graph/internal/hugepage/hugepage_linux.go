package hugepage

import "syscall"

// enlargePages asks for large pages under a piece of memory that consists of whole
// ones. It is a wish, so that an error does not count: where the system has no large
// pages, or none is free, memory stays as it is. The default of most systems gives
// large pages to those alone who ask (madvise in
// /sys/kernel/mm/transparent_hugepage/enabled).
func enlargePages(memory []byte) {
	if len(memory) > 0 {
		_ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE)
	}
}
