//go:build !linux

package cpu

// enlargePages has nothing to ask for: the system decides by itself.
func enlargePages([]byte) {}
