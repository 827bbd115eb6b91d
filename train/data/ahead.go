package data

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
)

// Batch is some samples, one after another.
type Batch struct {
	X       []float32 // the images, len(Classes) times the size of one
	Classes []int
	Samples []int // their places in the Samples they were read from
}

// Ahead reads the samples of s that order lists, in that order, and calls do
// with batch of them at a time, the last time with what is left: see [Batches].
func Ahead(ctx context.Context, s Samples, size int, order []int, batch int, do func(Batch) error) error {
	if batch < 1 {
		return fmt.Errorf("data: batches of %d, want at least 1", batch)
	}
	return Batches(ctx, s, size, slices.Collect(slices.Chunk(order, batch)), do)
}

// Batches reads batches of samples of s and calls do with each, in their order; a
// batch may be of none. While do computes, GOMAXPROCS workers read what comes next, up
// to two batches each; a batch is valid until do returns. Neither the workers nor their
// number changes what do sees.
//
// It ends with the first error, of Read or of do, or when ctx is cancelled. An
// image has size values.
func Batches(ctx context.Context, s Samples, size int, batches [][]int, do func(Batch) error) error {
	count := len(batches)
	workers := make([]worker, min(runtime.GOMAXPROCS(0), count))
	ctx, cancel := context.WithCancel(ctx)
	for w := range workers {
		workers[w] = worker{full: make(chan filled), free: make(chan Batch, 2), done: make(chan struct{})}
		for range cap(workers[w].free) {
			workers[w].free <- Batch{}
		}
		go workers[w].run(ctx, (count-w+len(workers)-1)/len(workers), func(into Batch, k int) (Batch, error) {
			return readBatch(ctx, s, size, batches[w+k*len(workers)], into)
		})
	}
	defer func() {
		cancel()
		for _, w := range workers {
			<-w.done
		}
	}()
	for k := range count {
		w := workers[k%len(workers)]
		var b filled
		select {
		case <-ctx.Done():
		case b = <-w.full:
		}
		if err := cmp.Or(ctx.Err(), b.err); err != nil {
			return err
		}
		if err := do(b.Batch); err != nil {
			return err
		}
		w.free <- b.Batch
	}
	return nil
}

// worker reads every so-many-th batch. Its two batches go round: free, being
// filled, full, in use.
type worker struct {
	full chan filled
	free chan Batch
	done chan struct{} // closed at the end
}

type filled struct {
	Batch
	err error
}

// run fills its batches 0 to n-1, until an error or the end of ctx.
func (w worker) run(ctx context.Context, n int, fill func(into Batch, k int) (Batch, error)) {
	defer close(w.done)
	for k := range n {
		var b filled
		select {
		case <-ctx.Done():
			return
		case b.Batch = <-w.free:
		}
		b.Batch, b.err = fill(b.Batch, k)
		select {
		case <-ctx.Done():
			return
		case w.full <- b:
		}
		if b.err != nil {
			return
		}
	}
}

// readBatch reads samples into a batch, which it makes larger if needed. A
// panic of Read is an error: on a worker's goroutine it would end the process.
func readBatch(ctx context.Context, s Samples, size int, samples []int, b Batch) (_ Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("data: reading %d samples panicked: %v", len(samples), p)
		}
	}()
	if len(b.Classes) != len(samples) {
		b = Batch{X: make([]float32, len(samples)*size), Classes: make([]int, len(samples))}
	}
	b.Samples = samples
	for k, i := range samples {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		if b.Classes[k], err = s.Read(i, b.X[k*size:][:size]); err != nil {
			return b, fmt.Errorf("sample %d: %w", i, err)
		}
	}
	return b, nil
}
