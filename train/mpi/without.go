//go:build !mpi || !linux || !(amd64 || arm64)

package mpi

import (
	"fmt"
	"runtime"
)

// connect refuses: this program cannot speak to the others, and each of them would
// train alone and write to the same folder.
func connect(l Launcher, _ Options) (*Group, error) {
	started := "this process"
	if l.Size > 0 {
		started = fmt.Sprintf("%d processes", l.Size)
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return nil, fmt.Errorf("%w: %v started %s on %s/%s, want linux/amd64 or linux/arm64: start one process without it",
			ErrNotBuilt, l, started, runtime.GOOS, runtime.GOARCH)
	}
	return nil, fmt.Errorf("%w: %v started %s, want a program with the tag mpi (go build -tags mpi ./cmd/train)",
		ErrNotBuilt, l, started)
}
