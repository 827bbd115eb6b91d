package cpu

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// withProcs sets GOMAXPROCS for the rest of a test.
func withProcs(t *testing.T, procs int) {
	t.Helper()
	before := runtime.GOMAXPROCS(procs)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestParallelRanges(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 8} {
		for _, n := range []int{-1, 0, 1, 2, 3, 7, 8, 9, 1000} {
			t.Run(fmt.Sprintf("procs=%d,n=%d", procs, n), func(t *testing.T) {
				withProcs(t, procs)
				var want [][2]int
				for p, i := max(0, min(n, procs)), 0; i < p; i++ {
					want = append(want, halved(n*i/p, n*(i+1)/p, p > 1)...)
				}
				var got [][2]int
				var mu sync.Mutex
				Parallel(n, func(lo, hi int) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, [2]int{lo, hi})
				})
				slices.SortFunc(got, func(x, y [2]int) int { return x[0] - y[0] })
				if !slices.Equal(got, want) {
					t.Errorf("got ranges %v, want %v", got, want)
				}
				longest := 0
				for _, r := range want {
					longest = max(longest, r[1]-r[0])
				}
				if n >= 0 && Most(n) != longest {
					t.Errorf("Most(%d) is %d, want %d", n, Most(n), longest)
				}
			})
		}
	}
}

// halved are the ranges of a part: a half, rounded up, of what is left, three times, and
// the rest; or all of it.
func halved(lo, hi int, cut bool) (ranges [][2]int) {
	size := hi - lo
	for range 3 {
		size /= 2
		if cut && lo < hi-size {
			ranges, lo = append(ranges, [2]int{lo, hi - size}), hi-size
		}
	}
	if lo < hi {
		ranges = append(ranges, [2]int{lo, hi})
	}
	return ranges
}

// TestParallelConcurrent has two ranges wait for each other. A call may find the workers
// still on their way from an earlier one; most must not.
func TestParallelConcurrent(t *testing.T) {
	withProcs(t, 2)
	const calls = 100
	meet, met := make(chan int), 0
	for range calls {
		Parallel(2, func(lo, hi int) {
			if lo == 0 {
				select {
				case meet <- 1:
					met++
				case <-time.After(time.Second):
				}
			} else {
				select {
				case <-meet:
				case <-time.After(time.Second):
				}
			}
		})
	}
	if met < calls*9/10 {
		t.Errorf("in %d of %d calls both ranges ran at the same time, want nearly all", met, calls)
	}
}

func TestParallelNestedAndShared(t *testing.T) {
	withProcs(t, 4)
	const n = 50
	var count atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			Parallel(n, func(lo, hi int) {
				for range hi - lo {
					Parallel(n, func(lo, hi int) { count.Add(int64(hi - lo)) })
				}
			})
		})
	}
	callers.Wait()
	if got := count.Load(); got != 8*n*n {
		t.Errorf("got %d calls, want %d", got, 8*n*n)
	}
}

func TestParallelBoundsWorkers(t *testing.T) {
	withProcs(t, 3)
	var callers sync.WaitGroup
	before := workers.started.Load()
	for range 10 {
		callers.Go(func() { Parallel(100, func(lo, hi int) { runtime.Gosched() }) })
	}
	callers.Wait()
	if got, want := workers.started.Load(), max(2, before); got > want {
		t.Errorf("got %d workers, want at most %d", got, want)
	}
}

func TestParallelPanic(t *testing.T) {
	withProcs(t, 4)
	for part := range 4 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			var done atomic.Int64
			got := func() (e any) {
				defer func() { e = recover() }()
				Parallel(4, func(lo, hi int) {
					if lo == part {
						panic("part")
					}
					done.Add(1)
				})
				return nil
			}()
			if got != "part" || done.Load() != 3 {
				t.Errorf("got panic %v after %d other parts, want panic part after 3", got, done.Load())
			}
			Parallel(4, func(lo, hi int) { done.Add(1) })
			if got := done.Load(); got != 7 {
				t.Errorf("got %d parts in the next call, want 4", got-3)
			}
		})
	}
}

func TestParallelAllocatesNothing(t *testing.T) {
	procs := max(2, runtime.GOMAXPROCS(0))
	var count atomic.Int64
	f := func(lo, hi int) { count.Add(int64(hi - lo)) }
	allocs := testing.AllocsPerRun(100, func() {
		runtime.GOMAXPROCS(procs) // which AllocsPerRun has set to 1, and sets back
		Parallel(100, f)
	})
	if allocs != 0 || count.Load() != 101*100 {
		t.Errorf("got %v allocations a run and %d indices in all, want 0 and %d", allocs, count.Load(), 101*100)
	}
}

func BenchmarkParallel(b *testing.B) {
	var count atomic.Int64
	f := func(lo, hi int) { count.Add(int64(hi - lo)) }
	for b.Loop() {
		Parallel(64, f)
	}
}
