package cpu

import (
	"runtime"
	"sync/atomic"
)

// Parallel calls f on ranges that partition [0,n), on up to GOMAXPROCS
// goroutines, and returns when all calls have returned.
//
// With p the smaller of n and GOMAXPROCS, the ranges are [n*i/p, n*(i+1)/p) for
// i < p, whether or not p goroutines are free: one runs on the caller, and the
// ranges for which there is no worker follow it there. So f may call Parallel
// itself, and what a range is does not depend on what else runs. A panic of f
// is raised on the caller, after all other ranges are done; f must not call
// runtime.Goexit. Parallel allocates nothing after warm-up; f should be made
// once, since a closure that is made for a call is an allocation.
func Parallel(n int, f func(lo, hi int)) {
	procs := runtime.GOMAXPROCS(0)
	p := min(n, procs)
	if p <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	j := idleJobs.Get()
	if j == nil {
		j = &job{done: make(chan struct{}, 1)}
	}
	j.f, j.n, j.parts = f, n, p
	failure := j.run(procs - 1)
	j.f = nil
	idleJobs.Put(j)
	if failure != nil {
		panic(failure)
	}
}

// job is one call of Parallel.
type job struct {
	f        func(lo, hi int)
	n, parts int
	pending  atomic.Int32  // parts that are with workers, and one for the caller
	done     chan struct{} // has an element when the last worker finds that the caller waits
	failure  atomic.Pointer[any]
}

// idleJobs are jobs whose calls have returned.
var idleJobs = NewFreeList[job]()

// run does all parts, the first one here, and returns the value of the first
// panic, or nil. It starts no worker beyond maxWorkers.
func (j *job) run(maxWorkers int) any {
	j.pending.Store(1)
	handed := 1
	for handed < j.parts && workers.hand(task{j, handed}, maxWorkers) {
		handed++
	}
	j.do(0)
	for i := handed; i < j.parts; i++ {
		j.do(i)
	}
	if j.pending.Add(-1) > 0 {
		await(j.done)
	}
	if e := j.failure.Swap(nil); e != nil {
		return *e
	}
	return nil
}

// do calls f on the range of part i and keeps what it panics with.
func (j *job) do(i int) {
	defer func() {
		if e := recover(); e != nil {
			j.fail(e)
		}
	}()
	j.f(j.n*i/j.parts, j.n*(i+1)/j.parts)
}

// fail keeps the value of the first panic.
func (j *job) fail(e any) { j.failure.CompareAndSwap(nil, &e) }

// task is a part of a job, on its way to a worker.
type task struct {
	*job
	part int
}

// workerPool is a number of goroutines that live for ever, blocked when there
// is nothing to do. There are never more than the largest GOMAXPROCS-1 that a
// call has seen.
type workerPool struct {
	tasks   chan task
	started atomic.Int32
	idle    atomic.Int32 // workers that have nothing to do, less the tasks that are on their way to one
}

// workers is the pool that Parallel runs on. Each task in the channel has an
// idle worker to itself, so no send blocks for long.
var workers = workerPool{tasks: make(chan task, 64)}

// hand gives a task to an idle worker, or to a new one while there are fewer
// than limit. It reports whether there was one.
func (w *workerPool) hand(t task, limit int) bool {
	switch {
	case decrease(&w.idle):
		t.pending.Add(1)
		w.tasks <- t
	case int(w.started.Add(1)) <= limit:
		t.pending.Add(1)
		go w.work(t)
	default:
		w.started.Add(-1)
		return false
	}
	return true
}

// work does a worker's first task and then those that come.
func (w *workerPool) work(t task) {
	for {
		t.do(t.part)
		w.idle.Add(1) // before the caller learns that the task is done: its next call finds this worker
		if t.pending.Add(-1) == 0 {
			t.done <- struct{}{}
		}
		t = await(w.tasks)
	}
}

// await receives from a channel. At first it looks again and again: the next
// part, or the end of the last one, is often only microseconds away, and waking a
// processor that sleeps takes longer than many an op.
func await[E any](c <-chan E) E {
	for range spins {
		select {
		case e := <-c:
			return e
		default:
		}
	}
	return <-c
}

// spins is how often await looks: for some hundred microseconds.
const spins = 1 << 15

// decrease takes one off a counter, unless it is zero.
func decrease(c *atomic.Int32) bool {
	for {
		n := c.Load()
		if n == 0 {
			return false
		}
		if c.CompareAndSwap(n, n-1) {
			return true
		}
	}
}
