package train

import (
	"context"
	"fmt"

	"tapenet/graph"
	"tapenet/train/data"
)

// ahead calls do with batches of samples, which [data.Batches] reads while do
// computes. Errors of reading begin with what is
// read; if ctx ends it, the error is ctx.Err() itself.
func (in input) ahead(ctx context.Context, what string, s data.Samples, batches [][]int, do func(data.Batch) error) error {
	var failed error
	err := data.Batches(ctx, known{s, in.classes}, in.size, batches, func(b data.Batch) error {
		failed = do(b)
		return failed
	})
	if err == nil || failed != nil || err == ctx.Err() {
		return err
	}
	return fmt.Errorf("train: %s %w", what, err)
}

// input is what a classifier takes.
type input struct {
	size    int // values of an image
	classes int // or sets of them
}

func inputOf(m *graph.Model) input {
	return input{size: m.Input.Size() / m.Target.Size(), classes: m.Kinds()}
}

// give copies a batch, as large as the model's, into a classifier.
func give(m *graph.Model, b data.Batch) {
	copy(m.Input.Float32s(), b.X)
	labels := m.Target.Float32s()
	for i, class := range b.Classes {
		labels[i] = float32(class)
	}
}

// known is samples whose classes must be those of a network. A Read that panics
// is an error, so that it names the sample.
type known struct {
	data.Samples
	classes int
}

func (k known) Read(i int, x []float32) (class int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	class, err = k.Samples.Read(i, x)
	if err == nil && (class < 0 || class >= k.classes) {
		err = fmt.Errorf("class %d, want 0 to %d", class, k.classes-1)
	}
	return class, err
}
