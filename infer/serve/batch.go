package serve

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"tapenet/infer"
)

// predictFunc is infer.Predictor's Predict.
type predictFunc func(images [][]float32) ([]infer.Prediction, error)

// batcher puts images of concurrent requests together: running a network once
// for many is cheaper than once for each. Its queue is bounded. R is what comes
// of an image.
type batcher[R any] struct {
	predict func(images [][]float32) ([]R, error)
	size    int           // most images in a batch
	wait    time.Duration // longest that an image waits for others
	metrics modelMetrics

	waiting atomic.Int64 // images in the queue, at most its capacity
	queue   chan item[R]
}

// item is one image in the queue.
type item[R any] struct {
	job   *job[R]
	index int // of the image among the job's
}

// job is the images of one request.
type job[R any] struct {
	ctx     context.Context // nobody wants the answer after it
	images  [][]float32
	results []R
	left    atomic.Int64 // images without result
	failed  atomic.Pointer[failure]
	begin   time.Time
	done    chan struct{} // closed when left is 0
}

// newBatcher starts a worker, which close ends. One is enough: the ops of a
// batch use all processors, and while it runs the next batch grows.
func newBatcher[R any](predict func(images [][]float32) ([]R, error), c Config, m modelMetrics) *batcher[R] {
	b := &batcher[R]{predict: predict, size: c.Batch, wait: c.Wait, metrics: m, queue: make(chan item[R], c.Queue)}
	go b.work()
	return b
}

// close ends the worker when the queue is empty. No call of run may be under
// way, or come later.
func (b *batcher[R]) close() { close(b.queue) }

// run returns what comes of a request's images, or why there are none:
// the queue is full, or ctx ended first.
func (b *batcher[R]) run(ctx context.Context, images [][]float32) ([]R, error) {
	n := int64(len(images))
	if b.waiting.Add(n) > int64(cap(b.queue)) {
		b.waiting.Add(-n)
		return nil, b.overfull()
	}
	b.metrics.queue.Add(float64(n))
	j := &job[R]{ctx: ctx, images: images, results: make([]R, n), begin: time.Now(), done: make(chan struct{})}
	j.left.Store(n)
	for i := range images {
		b.queue <- item[R]{j, i} // there is room, for waiting counts what is in it
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		return nil, tooLate(ctx)
	}
	if f := j.failed.Load(); f != nil {
		return nil, f
	}
	return j.results, nil
}

// full is an error if not one more image has a place in the queue.
func (b *batcher[R]) full() error {
	if b.waiting.Load() >= int64(cap(b.queue)) {
		return b.overfull()
	}
	return nil
}

func (b *batcher[R]) overfull() error {
	return failed(http.StatusTooManyRequests, kindQueue, "the queue of %d images is full: try again later", cap(b.queue))
}

func (b *batcher[R]) work() {
	for {
		batch := b.collect()
		if len(batch) == 0 {
			return
		}
		b.serve(batch)
	}
}

// collect waits for a batch. It is empty after close.
func (b *batcher[R]) collect() []item[R] {
	batch := make([]item[R], 0, b.size)
	var late <-chan time.Time // never, as long as the batch is empty
	for len(batch) < b.size {
		it, ok := b.next(late)
		if !ok {
			break
		}
		if batch = b.add(batch, it); late == nil && len(batch) == 1 {
			runtime.Gosched() // requests that are ready to join do so
			late = time.After(b.wait - time.Since(it.job.begin))
		}
	}
	return batch
}

// next returns the first image of the queue. If there is none it waits until
// late.
func (b *batcher[R]) next(late <-chan time.Time) (it item[R], ok bool) {
	select {
	case it, ok = <-b.queue:
		return it, ok
	default:
	}
	select {
	case it, ok = <-b.queue:
	case <-late:
	}
	return it, ok
}

// add takes an image from the queue into a batch, unless nobody waits for it.
func (b *batcher[R]) add(batch []item[R], it item[R]) []item[R] {
	b.waiting.Add(-1)
	b.metrics.queue.Dec()
	if it.job.ctx.Err() != nil {
		return batch
	}
	b.metrics.wait.Observe(time.Since(it.job.begin).Seconds())
	return append(batch, it)
}

// serve runs the network and hands out the results.
func (b *batcher[R]) serve(batch []item[R]) {
	images := make([][]float32, len(batch))
	for i, it := range batch {
		images[i] = it.job.images[it.index]
	}
	b.metrics.batch.Observe(float64(len(batch)))
	results, err := b.protected(images)
	for i, it := range batch {
		if err != nil {
			it.job.failed.Store(internal(err))
		} else {
			it.job.results[it.index] = results[i]
		}
		if it.job.left.Add(-1) == 0 {
			close(it.job.done)
		}
	}
}

// protected turns a panic into an error: on the worker it would end the process.
func (b *batcher[R]) protected(images [][]float32) (results []R, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return b.predict(images)
}
