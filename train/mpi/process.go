//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// process is this process among the others: the engine of a Group.
type process struct {
	*library
	thread     *thread
	rank, size int
	hosts      []string // empty until they are known
	pmi        int      // see pmiOf

	arguments              // of the call that goes on
	waits     atomic.Int32 // the rank that the call waits for, or anyRank
	requests  []request
	pinned    runtime.Pinner // the buffers of the call that goes on
	counts    []int32        // of Allgather
	begins    []int32

	// The methods exchange, gather and late, made once: each mention of one makes
	// another function.
	toExchange, toGather func() error
	beLate               func(call string) error
}

// arguments is what a call of a Group has been given.
type arguments struct {
	send, recv     []byte
	sendAt, recvAt []int
}

const anyRank = -1

// request is a message under way. The library writes to id.
type request struct {
	id   uint64
	peer int
	want int // bytes to receive; sent: the message goes to the peer
}

const sent = -1

// newProcess is an engine on a library that has been started.
func newProcess(lib *library, t *thread, rank, size int) *process {
	p := &process{library: lib, thread: t, rank: rank, size: size, counts: make([]int32, size), begins: make([]int32, size)}
	forever.Pin(p) // with what a call that hangs has pinned
	forever.Pin(&p.counts[0])
	forever.Pin(&p.begins[0])
	p.toExchange, p.toGather, p.beLate = p.exchange, p.gather, p.late
	p.waits.Store(anyRank)
	return p
}

// run runs a job of a named call on the thread. After an error the arguments stay
// as they are, and no others come: the thread may still be at it.
func (p *process) run(call string, job func() error, args arguments) error {
	if p.thread.broken != nil {
		return p.thread.broken
	}
	p.arguments = args
	err := p.thread.do(call, job, p.beLate)
	if err == nil {
		p.arguments = arguments{}
	}
	return err
}

// late says which call hangs, for how long, and which rank it waits for.
func (p *process) late(call string) error {
	who := "the others: one of them"
	if r := int(p.waits.Load()); r != anyRank {
		who = fmt.Sprintf("rank %d: it", r)
		if r < len(p.hosts) {
			who = fmt.Sprintf("rank %d on %s: it", r, p.hosts[r])
		}
	}
	return fmt.Errorf("mpi: rank %d of %d has waited %v in %s for %s is lost, hangs, or needs a longer timeout",
		p.rank, p.size, p.thread.timeout, call, who)
}

// Waiting for a request begins with spins tests in a row, for the latency of small
// messages; between later ones the processor is offered to whoever wants it. The
// blocking calls of the libraries do not, and a process that waits then takes the
// time of the one that it waits for.
const spins = 200

// wait polls until a request has come to its end.
func (p *process) wait(id *uint64) error {
	for polls := 0; ; polls++ {
		if done, err := p.done(id); done || err != nil {
			return err
		}
		if p.thread.stop.Load() {
			return errStopped
		}
		if polls >= spins {
			syscall.Syscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
}

// abortWithin is the time that MPI_Abort has before the process ends itself.
const abortWithin = 5 * time.Second

// lastWords is the time that the launcher has to pass on what the process has
// written: that of MPICH drops what it has not read when MPI_Abort comes.
const lastWords = 300 * time.Millisecond

// abort ends the group. The thread, if it polls, gives up and calls MPI_Abort; if it
// hangs within the library, the process ends without it.
func (p *process) abort(code int) {
	time.AfterFunc(abortWithin, func() { os.Exit(code) })
	time.Sleep(lastWords)
	p.thread.stop.Store(true)
	p.thread.jobs <- func() error {
		_ = p.call("MPI_Abort", p.library.abort, p.world, uintptr(code)) // ends the process, or else:
		os.Exit(code)
		return nil
	}
	select {}
}

// address is where a buffer begins, as a number. The buffer must be pinned.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// pin keeps a buffer at its place until the call has ended.
func (p *process) pin(b []byte) {
	if len(b) > 0 {
		p.pinned.Pin(unsafe.SliceData(b))
	}
}
