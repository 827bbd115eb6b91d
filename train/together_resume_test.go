package train

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tapenet/train/data"
)

// TestGroupResumes: a run that any rank stops after any batch goes on with another
// number of ranks, and comes to the bits of a run without a break.
func TestGroupResumes(t *testing.T) {
	d := func() data.Dataset { return blobSet(53, 9) }
	c := Config{Epochs: 2, Batch: 20, Average: 0.9, Accumulate: 2, Patience: 2, Optimizer: Adam{}}
	one := c
	one.Lanes = 8
	want := fit(t, lanedNet(), d(), one)
	sizes := []int{3, 2, 8, 1, 5}
	for batch := 1; batch <= 6; batch++ {
		c.Dir = t.TempDir()
		for i, size := range sizes {
			stops, who := i+1 < len(sizes), batch%size
			contexts := make([]context.Context, size)
			all := fitStopped(t, size, d, c, contexts, who, batch+i, stops)
			for r, got := range all {
				switch {
				case got.err != nil && !errors.Is(got.err, context.Canceled):
					t.Fatalf("rank %d of %d: %v", r, size, got.err)
				case got.err != nil && !stops:
					t.Fatalf("rank %d of %d: %v", r, size, got.err)
				case got.err == nil && got.SHA256 != want.SHA256:
					t.Errorf("stopped after batch %d: rank %d of %d has other weights than a run without a break", batch, r, size)
				}
			}
			c.Resume = true
		}
		c.Resume = false
	}
}

// fitStopped is fitGroup with a context a rank; that of rank who is cancelled after a
// number of batches in all, if stops.
func fitStopped(t *testing.T, size int, d func() data.Dataset, c Config, contexts []context.Context, who, batches int, stops bool) []outcome {
	t.Helper()
	group, all, done := newGroup(size), make([]outcome, size), make(chan int)
	cancels := make([]context.CancelFunc, size)
	for r := range size {
		contexts[r], cancels[r] = context.WithCancel(t.Context())
		defer cancels[r]()
	}
	for r, g := range group {
		go func() {
			c := c
			c.Group = g
			c.Callbacks = []Callback{BatchFunc(func(p Progress) {
				if stops && 3*(p.Epoch-1)+(p.Images+19)/20 >= batches {
					cancels[who]()
				}
			})}
			all[r].Result, all[r].err = Fit(contexts[r], lanedNet(), d(), c)
			g.(member).leave(fmt.Errorf("rank %d has ended", r))
			done <- r
		}()
	}
	for range size {
		<-done
	}
	return all
}
