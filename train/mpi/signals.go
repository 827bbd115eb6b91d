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

const numSignals = 64

// handlers is the handlers of the signals, from signal 1 on.
type handlers [numSignals]sigaction

// saveHandlers reads them all.
func saveHandlers() (h handlers) {
	for i := range h {
		rtSigaction(i+1, nil, &h[i])
	}
	return h
}

// restore puts back all that have been replaced. MPI_Init of MPICH 4.0 takes SIGUSR1,
// with a handler that runs on whatever stack it finds (no SA_ONSTACK): Go ends when
// that is the stack of a goroutine. UCX, below MPICH, takes SIGHUP in the same way, and
// SIGSEGV, SIGBUS, SIGILL and SIGFPE to print where a program failed; Go makes errors
// of them that can be recovered.
func (h *handlers) restore() {
	for i := range h {
		var now sigaction
		if rtSigaction(i+1, nil, &now) && now != h[i] {
			rtSigaction(i+1, &h[i], nil)
		}
	}
}

// dieOfAbort makes abort() of a library the end of the process, as for a program in C. UCX
// calls it when the process whose memory it reads is gone. Go's handler would print the
// stacks of all goroutines, which say nothing of it, and end with 2, the code of a wrong
// command line.
func dieOfAbort() { rtSigaction(int(syscall.SIGABRT), &sigaction{}, nil) }

// rtSigaction sets a handler, or reads it. It reports whether it has: nobody may
// touch those of SIGKILL and SIGSTOP.
func rtSigaction(signal int, set, old *sigaction) bool {
	_, _, err := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	return err == 0
}
