//go:build !linux

package hugepage

// enlargePages has nothing to ask for: the system decides by itself.
func enlargePages([]byte) {}
