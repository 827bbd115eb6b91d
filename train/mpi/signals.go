//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"syscall"
	"unsafe"
)

// sigaction is the kernel's, on amd64 and on arm64.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	numSignals = 64
	onStack    = 0x08000000 // SA_ONSTACK
)

// handlers is the handlers of the signals, from signal 1 on.
type handlers [numSignals]sigaction

// saveHandlers reads them all.
func saveHandlers() (h handlers) {
	for i := range h {
		rtSigaction(i+1, nil, &h[i])
	}
	return h
}

// restore puts back those that have been replaced by one that runs on whatever stack
// it finds, as MPI_Init of MPICH does to SIGUSR1: on a goroutine's stack that ends a
// Go program, and the handler that the program had would hear of no signal.
func (h *handlers) restore() {
	for i := range h {
		var now sigaction
		if !rtSigaction(i+1, nil, &now) || now.handler == h[i].handler || now.handler > 1 && now.flags&onStack != 0 {
			continue
		}
		rtSigaction(i+1, &h[i], nil)
	}
}

// rtSigaction sets a handler, or reads it. It reports whether it has: nobody may
// touch those of SIGKILL and SIGSTOP.
func rtSigaction(signal int, set, old *sigaction) bool {
	_, _, err := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	return err == 0
}
