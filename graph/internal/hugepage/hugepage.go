// Package hugepage has memory on large pages, for what no cache holds and is gone over
// again and again: the weights of large dense layers, and the values of training.
package hugepage

import "unsafe"

// hugePage is the size of a large page of memory on amd64 and arm64, and hugeFrom
// the size of buffers, in bytes, from which on Make asks for some: two, as one
// large page at least then lies in the buffer whole, wherever it begins.
const (
	hugePage = 2 << 20
	hugeFrom = 2 * hugePage
)

// Make is make([]T, n), on large pages where the system has them. A loop over a
// buffer that no cache holds waits for the tables of pages too: with 4 KiB a page one
// thread of a virtual machine reads two thirds of the bytes that it reads with 2 MiB
// a page.
//
//	data   ├ skip ┤├── 2 MiB ──┤├── 2 MiB ──┤├ rest ┤
//	               └──────── inner ─────────┘           large pages
//
// The elements are zero, as after make. The pages come when they are touched.
func Make[T any](n int) []T {
	data := make([]T, n)
	if size := n * int(unsafe.Sizeof(*new(T))); size >= hugeFrom {
		begin := unsafe.Pointer(unsafe.SliceData(data))
		skip := int(-uintptr(begin) & (hugePage - 1))
		inner := (size - skip) &^ (hugePage - 1)
		enlargePages(unsafe.Slice((*byte)(unsafe.Add(begin, skip)), inner))
	}
	return data
}
