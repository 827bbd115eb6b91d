package mpi

import (
	"errors"
	"time"
)

// Options says how the processes of a group deal with each other. Zero values are
// the defaults.
type Options struct {
	// Timeout is the longest wait for other processes in one call, after which
	// the call fails: one of them hangs, or is lost without a trace. It has to be
	// longer than what one process does while the others wait for it, as writing a
	// checkpoint to a slow disk, and than the launcher takes to find out that a host
	// is gone; 0 is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is the longest wait for other processes in one call, unless
// Options say otherwise.
const DefaultTimeout = 2 * time.Minute

// ErrNotBuilt is Join's error in a program that is built without MPI, whichever process
// it is.
var ErrNotBuilt = errors.New("mpi: this program is built without MPI")

// ErrUnrelated is Join's error in every process of a launcher that is not the library's:
// one of them need say it.
var ErrUnrelated = errors.New("mpi: the launcher is not that of the library")

// Join makes this process one of the group that its launcher started. It is to be
// called once, before the program has work for its threads: it also divides the
// processors of the machine between the group's processes on it (runtime.GOMAXPROCS,
// unless the environment sets it). Without a launcher there is no group and no
// error: both results are nil.
//
// A group must be ended by [Group.Close], or by [Group.Abort] after an error.
func Join(o Options) (*Group, error) {
	l, ok := Launched()
	if !ok {
		return nil, nil
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return connect(l, o)
}
