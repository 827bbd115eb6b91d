package train

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"tapenet/train/data"
)

// Whatever ends a run or an evaluation, no goroutine is left behind.
func TestNoGoroutineLeft(t *testing.T) {
	// The first run starts the kernels' workers, which stay.
	if _, err := Fit(t.Context(), plainNet(), blobSet(53, 300), Config{Epochs: 1}); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(ctx context.Context, cancel func()) error{
		"a complete run": func(ctx context.Context, _ func()) error {
			_, err := Fit(ctx, plainNet(), blobSet(53, 300), Config{Epochs: 2, Batch: 10})
			return err
		},
		"a cancelled run": func(ctx context.Context, cancel func()) error {
			_, err := Fit(ctx, plainNet(), blobSet(53, 300), Config{Batch: 10, Callbacks: []Callback{BatchFunc(func(Progress) { cancel() })}})
			return err
		},
		"a cancelled evaluation": func(ctx context.Context, cancel func()) error {
			d := blobSet(53, 300)
			d.Test.(*blobs).onRead = func(int) (int, error) { cancel(); return -1, nil }
			_, err := Fit(ctx, plainNet(), d, Config{})
			return err
		},
		"a read error": func(ctx context.Context, _ func()) error {
			_, err := Fit(ctx, plainNet(), special(blobSet(53, 300), true, 20, 0, errDisk), Config{Batch: 10})
			return err
		},
		"a read error of the test set": func(ctx context.Context, _ func()) error {
			_, err := Fit(ctx, plainNet(), special(blobSet(53, 300), false, 150, 0, errDisk), Config{})
			return err
		},
		"a divergence": func(ctx context.Context, _ func()) error {
			_, err := Fit(ctx, plainNet(), blobSet(53, 300), Config{Batch: 10, Optimizer: SGD{LR: 3e38}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(t.Context())
			err := call(ctx, cancel)
			cancel()
			if complete := name == "a complete run"; (err == nil) != complete {
				t.Fatalf("error %v", err)
			}
			for range 100 { // one that has said that it ends may need a moment
				if runtime.NumGoroutine() <= before {
					return
				}
				time.Sleep(time.Millisecond)
			}
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		})
	}
}

// Reading goes two batches ahead for each worker and no further, and an error
// belongs to its own batch: all batches before it are trained.
func TestReadErrorOfItsBatch(t *testing.T) {
	d := blobSet(50, 5)
	order := (&run{data: d, Config: Config{Seed: 4}}).order(0)
	special(d, true, order[33], 0, errDisk)
	batches := 0
	_, err := Fit(t.Context(), plainNet(), d, Config{Batch: 10, Seed: 4, Callbacks: []Callback{BatchFunc(func(p Progress) {
		batches++
		blobs := d.Train.(*blobs)
		blobs.mu.Lock()
		defer blobs.mu.Unlock()
		if n := len(blobs.reads); n > 10*(batches+2*runtime.GOMAXPROCS(0)) {
			t.Errorf("%d samples read after batch %d", n, batches)
		}
	})}})
	checkError(t, err, fmt.Sprintf("train: training sample %d: the disk is gone", order[33]))
	if batches != 3 {
		t.Errorf("%d batches trained, want the three before the one that cannot be read", batches)
	}
}

// panicky is a Samples with a bug.
type panicky struct{ data.Samples }

func (panicky) Read(int, []float32) (int, error) { panic("oh") }

// A Read that panics is an error, as no caller could recover from it.
func TestReadPanics(t *testing.T) {
	d := blobSet(50, 5)
	d.Train = panicky{d.Train}
	_, err := Fit(t.Context(), plainNet(), d, Config{})
	if err == nil || !strings.HasPrefix(err.Error(), "train: training sample ") || !strings.HasSuffix(err.Error(), ": panic: oh") {
		t.Errorf("error %v, want the panic in it", err)
	}
}
