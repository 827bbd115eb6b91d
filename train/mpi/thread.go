//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// thread is the one thread of the system that calls the library, as
// MPI_THREAD_FUNNELED asks. Others hand it what to do, and wait no longer than a
// timeout: a call that hangs within the library costs this thread, never the
// program.
type thread struct {
	timeout time.Duration
	jobs    chan func() error
	results chan error
	timer   *time.Timer
	stop    atomic.Bool // nobody waits any more: give up polling
	broken  error       // what every further job comes to
}

// startThread starts the thread. It never ends: a library may count on the thread
// that called MPI_Init for as long as the process lives.
func startThread(timeout time.Duration) *thread {
	t := &thread{
		timeout: timeout,
		jobs:    make(chan func() error, 1),
		results: make(chan error, 1),
		timer:   time.NewTimer(timeout),
	}
	t.timer.Stop()
	go func() {
		runtime.LockOSThread()
		for job := range t.jobs {
			t.results <- job()
		}
	}()
	return t
}

// do runs a job of a named call on the thread. Where it takes longer than the
// timeout, the error is what late makes of that.
func (t *thread) do(call string, job func() error, late func(call string) error) error {
	if t.broken != nil {
		return t.broken
	}
	t.timer.Reset(t.timeout)
	t.jobs <- job
	select {
	case t.broken = <-t.results:
		t.timer.Stop()
	case <-t.timer.C:
		t.stop.Store(true)
		t.broken = late(call)
	}
	return t.broken
}

// errStopped is the result of a job that polled when it was told to stop: its waiter
// has left after the timeout, or another goroutine aborts.
var errStopped = errors.New("mpi: the group is being aborted")
