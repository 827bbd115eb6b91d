package mpi

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
)

// Group is the processes that one launcher started, seen from one of them. All of
// them call the same methods in the same order. Its methods are for one goroutine at
// a time, but for Abort.
//
// After an error the group is broken: every further call returns the error. What
// is left to do then is [Group.Abort], as the others wait for this process.
type Group struct {
	rank, size int
	launcher   Launcher
	library    string
	hosts      []string

	engine engine
	ended  atomic.Bool
}

// engine is the calls of a library, for arguments that have been judged.
type engine interface {
	alltoall(send []byte, sendAt []int, recv []byte, recvAt []int) error
	allgather(all []byte, at []int) error // this rank's part is in its place
	finalize() error
	abort(code int)
}

// Rank is which process of the group this one is, from 0 on.
func (g *Group) Rank() int { return g.rank }

// Size is the number of processes.
func (g *Group) Size() int { return g.size }

// Launcher is what started the group.
func (g *Group) Launcher() Launcher { return g.launcher }

// Library is the name of the MPI library and its version, as "Open MPI 4.1.4".
func (g *Group) Library() string { return g.library }

// Hosts is the names of the machines that the processes run on, by rank.
func (g *Group) Hosts() []string { return slices.Clone(g.hosts) }

// Alltoall sends send[sendAt[r]:sendAt[r+1]] to rank r and receives
// recv[recvAt[r]:recvAt[r+1]] from it, for every r. sendAt and recvAt have Size()+1
// elements. What rank r sends to s must be as long as what s receives from r. send
// and recv must not overlap.
func (g *Group) Alltoall(send []byte, sendAt []int, recv []byte, recvAt []int) error {
	if err := g.check("Alltoall: sendAt", sendAt, len(send)); err != nil {
		return err
	}
	if err := g.check("Alltoall: recvAt", recvAt, len(recv)); err != nil {
		return err
	}
	mine, own := send[sendAt[g.rank]:sendAt[g.rank+1]], recv[recvAt[g.rank]:recvAt[g.rank+1]]
	if len(mine) != len(own) {
		return fmt.Errorf("mpi: Alltoall: rank %d sends itself %d bytes and receives %d, want as many", g.rank, len(mine), len(own))
	}
	if g.ended.Load() {
		return errEnded
	}
	copy(own, mine)
	return g.engine.alltoall(send, sendAt, recv, recvAt)
}

// Allgather puts the mine of rank r into all[at[r]:at[r+1]], on every rank. at has
// Size()+1 elements, the same ones on every rank. mine may lie in its place in all
// already. No process returns before all have called it.
func (g *Group) Allgather(mine, all []byte, at []int) error {
	if err := g.check("Allgather: at", at, len(all)); err != nil {
		return err
	}
	own := all[at[g.rank]:at[g.rank+1]]
	if len(mine) != len(own) {
		return fmt.Errorf("mpi: Allgather: rank %d has %d bytes, want the %d that at gives it", g.rank, len(mine), len(own))
	}
	if g.ended.Load() {
		return errEnded
	}
	copy(own, mine)
	return g.engine.allgather(all, at)
}

var errEnded = errors.New("mpi: the group has been closed")

// check judges where the parts of the ranks begin and end in a buffer.
func (g *Group) check(what string, at []int, length int) error {
	if len(at) != g.size+1 {
		return fmt.Errorf("mpi: %s has %d elements, want %d: one more than there are ranks", what, len(at), g.size+1)
	}
	if at[0] < 0 || at[g.size] > length || !slices.IsSorted(at) {
		return fmt.Errorf("mpi: %s is %v, want ascending numbers within the %d bytes of the buffer", what, at, length)
	}
	return nil
}

// Close leaves the group, which all processes have to do before they end; it waits
// until all do. A broken group cannot be left: Close returns its error, and Abort is
// what remains.
//
// The wait comes before MPI_Finalize: mpirun of Open MPI 4.1 may hang or crash when
// one process aborts while another one is in there.
func (g *Group) Close() error {
	if g.ended.Load() {
		return nil
	}
	all, at := make([]byte, g.size), make([]int, g.size+1)
	for r := range at {
		at[r] = r
	}
	if err := g.engine.allgather(all, at); err != nil {
		return err
	}
	if err := g.engine.finalize(); err != nil {
		return err
	}
	g.ended.Store(true)
	return nil
}

// Abort ends all processes of the group, this one with the exit code, and does not
// return. A code below 1 counts as 1, as the launcher would take the end for a good
// one. Where the library does not end this process within seconds, Abort does, and
// the launcher ends the others. Any goroutine may call it at any time.
func (g *Group) Abort(code int) {
	code = max(1, code)
	if g.ended.Load() { // the others need not end
		os.Exit(code)
	}
	g.engine.abort(code)
}
