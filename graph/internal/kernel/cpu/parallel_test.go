package cpu

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
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
				var got, want [][2]int
				for p, i := max(0, min(n, procs)), 0; i < p; i++ {
					want = append(want, [2]int{n * i / p, n * (i + 1) / p})
				}
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
			})
		}
	}
}

// TestParallelConcurrent has two ranges wait for each other: they must run at the same time, in every call.
func TestParallelConcurrent(t *testing.T) {
	withProcs(t, 2)
	meet := make(chan int)
	for range 100 {
		Parallel(2, func(lo, hi int) {
			if lo == 0 {
				meet <- 1
			} else {
				<-meet
			}
		})
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
