package train

import (
	"fmt"
	"iter"
	"sync/atomic"

	"tapenet/graph"
	"tapenet/train/data"
)

// ahead reads batches of samples in a goroutine of its own, in the order in
// which they are asked for: the next batch is read while the current one is
// computed. The read batch waits in a buffer; a model's input is the other one.
type ahead struct {
	samples        data.Samples
	classes, size  int       // of the model
	pixels, labels []float32 // of the batch that waits
	full           chan error
	empty          chan struct{} // closed, it ends the goroutine
	closed         atomic.Bool
}

// readAhead begins to read. m is a classifier for the largest of the batches,
// which hold the indices of samples. The reader must be closed.
func readAhead(samples data.Samples, batches iter.Seq[[]int], m *graph.Model) *ahead {
	a := &ahead{
		samples: samples, classes: m.OutputShape()[1], size: m.Input.Size() / m.Target.Size(),
		pixels: make([]float32, m.Input.Size()), labels: make([]float32, m.Target.Size()),
		full: make(chan error), empty: make(chan struct{}, 1),
	}
	a.empty <- struct{}{}
	go a.run(batches)
	return a
}

func (a *ahead) run(batches iter.Seq[[]int]) {
	defer close(a.full)
	for batch := range batches {
		if _, ok := <-a.empty; !ok {
			return
		}
		a.full <- a.read(batch)
	}
}

// fill waits for the next batch, as large as the model's, and copies it there.
// After an error there is no other batch.
func (a *ahead) fill(m *graph.Model) error {
	if err := <-a.full; err != nil {
		return err
	}
	copy(m.Input.Float32s(), a.pixels)
	copy(m.Target.Float32s(), a.labels)
	a.empty <- struct{}{}
	return nil
}

// close returns when the goroutine has ended, at the latest after the read of
// one sample.
func (a *ahead) close() {
	a.closed.Store(true)
	close(a.empty)
	for range a.full {
	}
}

// read reads a batch. A Read that panics would end the process, as nobody above
// it on this goroutine could recover: it becomes an error.
func (a *ahead) read(batch []int) (err error) {
	at := 0
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sample %d: panic: %v", at, p)
		}
	}()
	for i, sample := range batch {
		if a.closed.Load() {
			return nil
		}
		at = sample
		class, err := a.samples.Read(sample, a.pixels[i*a.size:][:a.size])
		if err != nil {
			return fmt.Errorf("sample %d: %w", sample, err)
		}
		if class < 0 || class >= a.classes {
			return fmt.Errorf("sample %d: class %d, want 0 to %d", sample, class, a.classes-1)
		}
		a.labels[i] = float32(class)
	}
	return nil
}
