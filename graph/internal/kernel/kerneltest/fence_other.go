//go:build !linux

package kerneltest

import "testing"

// fence returns memory with room around the size bytes that begin at at.
func fence(_ testing.TB, size int, _ bool) (area []byte, at int) {
	const room = 64
	return make([]byte, room+size+room), room
}
