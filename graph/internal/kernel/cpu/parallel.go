package cpu

import (
	"runtime"
	"sync/atomic"
)

// Parallel calls f on ranges that partition [0,n), on up to GOMAXPROCS
// goroutines, and returns when all calls have returned.
//
// With p the smaller of n and GOMAXPROCS, [0,n) has p parts [n*i/p, n*(i+1)/p), and a
// part up to four ranges: half of it, a quarter, and twice an eighth. One goroutine is
// the caller. Each does the ranges of its own part, and then helps with the other parts:
// so nobody waits for a processor that is slower, or wakes late. What a range is does
// not depend on what else runs; who does it may.
//
//	n = 32, p = 2   part 0              part 1
//	                ├── 8 ──┤ 4 ┤2┤2┤    ├── 8 ──┤ 4 ┤2┤2┤
//	caller          1 ▶      2 ▶ 3 ▶ …   (then what is left here)
//	worker          (then here)         1 ▶      2 ▶ 3 ▶ …
//
// The bits of a kernel do not depend on the number of threads as long as f computes
// each index alike in every range: GOMAXPROCS does change the ranges. A sum over the
// indices needs chunks of its own (conv's gradients, vector.SumChunks).
//
// f may call Parallel itself. A panic of f is raised on the caller, after all other
// ranges are done; f must not call runtime.Goexit. Parallel allocates nothing after
// warm-up; f should be made once, since a closure that is made for a call is an
// allocation.
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
	if j == nil || len(j.parts) < p {
		j = &job{parts: make([]part, procs), done: make(chan struct{}, 1)}
	}
	j.f, j.n, j.p = f, n, p
	failure := j.run(procs - 1)
	j.f = nil
	idleJobs.Put(j)
	if failure != nil {
		panic(failure)
	}
}

// Most is the length of the longest range on which Parallel calls f for n in all: so much
// a call of f may need memory for.
func Most(n int) int {
	p := min(n, runtime.GOMAXPROCS(0))
	if p <= 1 {
		return n
	}
	part := (n + p - 1) / p
	return part - part/2
}

// job is one call of Parallel. It is used again while workers may still come for an
// earlier call: they find all ranges taken, or help with the call at work.
//
// f, n and p are written before taken is set to 0, and read after taken was counted
// up: the atomic counters order them, also for a worker that comes late. left counts
// down the ranges that are done; with the one for the caller it cannot reach zero
// while the caller still works, and whoever brings it to zero ends the call.
type job struct {
	f       func(lo, hi int)
	n, p    int // of Parallel
	parts   []part
	left    atomic.Int32  // ranges that are not done, and one for the caller
	done    chan struct{} // has an element when the last range is done and the caller waits
	failure atomic.Pointer[any]
}

// part counts the ranges of a part that somebody has taken. It has a line of the cache
// to itself: neighbours that count in one line would wait for each other. Counting
// goes on beyond ranges, by everybody who looks and finds nothing.
type part struct {
	taken atomic.Int32
	_     [60]byte
}

// ranges is the number of ranges of a part, of which some are empty if it is short.
const ranges = 4

// idleJobs are jobs whose calls have returned. Calls that overlap, nested ones too,
// have a job each.
var idleJobs = NewFreeList[job]()

// run does all parts, the first one here, and returns the value of the first
// panic, or nil. It starts no worker beyond maxWorkers.
func (j *job) run(maxWorkers int) any {
	j.left.Store(int32(j.p*ranges + 1))
	for i := range j.parts { // from here on workers may take ranges
		if i < j.p {
			j.parts[i].taken.Store(0)
		} else {
			j.parts[i].taken.Store(ranges)
		}
	}
	for i := 1; i < j.p && workers.hand(task{j, i}, maxWorkers); i++ {
	}
	if did := j.work(0); j.left.Add(-did-1) > 0 {
		await(j.done)
	}
	if e := j.failure.Swap(nil); e != nil {
		return *e
	}
	return nil
}

// work does the ranges of part own and then the ranges of the other parts, as long as
// there are any, and returns how many it did.
func (j *job) work(own int) (did int32) {
	for k := range j.parts {
		i := (own + k) % len(j.parts)
		for {
			r := int(j.parts[i].taken.Add(1)) - 1
			if r >= ranges {
				break
			}
			j.do(i, r)
			did++
		}
	}
	return did
}

// do calls f on range r of part i and keeps the value of a panic. With size elements
// in the part, range r is what lies between size/2ʳ and size/2ʳ⁺¹ before its end, and
// the last range takes all that is left. Short parts have empty ranges.
func (j *job) do(i, r int) {
	defer func() {
		if e := recover(); e != nil {
			j.fail(e)
		}
	}()
	first, last := j.n*i/j.p, j.n*(i+1)/j.p
	lo, hi := last-(last-first)>>r, last-(last-first)>>(r+1)
	if r == ranges-1 {
		hi = last
	}
	if lo < hi {
		j.f(lo, hi)
	}
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
}

// workers is the pool that Parallel runs on. A task may wait in the channel until all
// ranges of its job are done: then the worker that takes it finds nothing left.
var workers = workerPool{tasks: make(chan task, 256)}

// hand gives a task to a new worker while there are fewer than limit, or else to the
// first one that is free. It reports false if twice as many wait already.
func (w *workerPool) hand(t task, limit int) bool {
	if int(w.started.Load()) < limit {
		if int(w.started.Add(1)) <= limit {
			go w.work(t)
			return true
		}
		w.started.Add(-1)
	}
	if len(w.tasks) < 2*limit {
		select {
		case w.tasks <- t:
			return true
		default:
		}
	}
	return false
}

// work does a worker's first task and then the tasks that come. It never returns. If
// it has done the last ranges of a job whose caller waits, it tells the caller: done
// has room for one element, so that this does not block.
func (w *workerPool) work(t task) {
	for {
		if did := t.work(t.part); did > 0 && t.left.Add(-did) == 0 {
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

// spins is how often await looks: for some hundred microseconds, as long as an op of a
// network for photographs may take on one processor more than on another.
const spins = 1 << 17
