package train

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/train/data"
)

// tripwire is a network with state and random numbers, in which two ops see what runs: the
// first cancels a context when it has seen so many numbers, the second one counts runs of
// its own after that.
type tripwire struct {
	left   atomic.Int64 // numbers that the first op has yet to see
	cancel func()
	ctx    context.Context
	late   atomic.Int64 // numbers that the second op has seen since
}

func (w *tripwire) net() graph.Layer {
	watch := func(name string, see func()) graph.Activation {
		return func(x *gorgonia.Node) (*gorgonia.Node, error) {
			return op.Map(x, op.Function{Name: name, F: func(v float64) float64 { see(); return v }, DF: func(float64) float64 { return 1 }})
		}
	}
	first := watch("first", func() {
		if w.left.Add(-1) == 0 {
			w.cancel()
		}
	})
	second := watch("second", func() {
		if w.ctx.Err() != nil {
			w.late.Add(1)
		}
	})
	return graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Padding: graph.Same}, // (N,3,4,4)
		graph.BatchNorm{},
		first,
		graph.MaxPool2D{}, // (N,3,2,2)
		second,
		graph.Flatten{}, // (N,12)
		graph.Dropout{Rate: 0.25},
		graph.Dense{Units: 3},
	}
}

// TestAbandoned: a run that is to stop ends before its next op, whatever it is doing. No
// trace is left of the step that was abandoned: the run goes on to the bits of one that was
// never stopped.
func TestAbandoned(t *testing.T) {
	const perImage, epoch = 3 * 4 * 4, 53.0
	teacher, err := graph.NewNetwork(smallNet(), []int{1, 4, 4}, graph.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		images float64 // that the network has seen when it is stopped
		set    func(c *Config)
	}{
		{"in the first step", 0.5, func(*Config) {}},
		{"in a later step", 34.5, func(*Config) {}},
		{"in the second batch of a group", 14.5, func(c *Config) { c.Accumulate = 2 }},
		{"in the evaluation", epoch + float64(evalBatch) + 0.5, func(*Config) {}},
		{"in the second epoch", 2*epoch + float64(2*evalBatch+7) - 10.5, func(*Config) {}},
		{"in two lanes", 34.5, func(c *Config) { c.Lanes = 2 }},
		{"in two lanes, one by one", 36.5, func(c *Config) { c.Lanes = 2; c.oneByOne = true }},
		{"in an attack", 84.5, func(c *Config) { c.Defence = Adversarial{Method: "pgd", Epsilon: 0.1, Steps: 2} }},
		{"in one of two runs", 64.5, func(c *Config) { c.Defence = Adversarial{Method: "trades", Epsilon: 0.1, Steps: 2} }},
		{"with a teacher", 34.5, func(c *Config) { c.Defence = Teacher{Network: teacher} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(dir string, images float64, resume bool) (*Result, *tripwire, error) {
				w := &tripwire{}
				w.ctx, w.cancel = context.WithCancel(t.Context())
				defer w.cancel()
				w.left.Store(int64(images * perImage))
				c := resumeConfig(dir)
				c.Resume = resume
				tt.set(&c)
				res, err := Fit(w.ctx, w.net(), resumeSet(), c)
				return res, w, err
			}
			straight, dir := t.TempDir(), t.TempDir()
			want, _, err := run(straight, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			_, w, err := run(dir, tt.images, false)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v, want context.Canceled", err)
			}
			if n := w.late.Load(); n > 0 {
				t.Errorf("the next op but one has run on %d numbers since the run was to stop", n)
			}
			got, _, err := run(dir, 0, true)
			if err != nil {
				t.Fatal(err)
			}
			compareRuns(t, got, want, dir, straight)
		})
	}
}

// TestStopsReading: a batch of pictures is not read to its end when a run is to stop.
func TestStopsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d, late := resumeSet(), 0
	d.Train = &blobs{n: 53, onRead: func(int) (int, error) {
		if ctx.Err() != nil {
			late++
		}
		cancel()
		return -1, nil
	}}
	err := data.Ahead(ctx, d.Train, 16, data.InOrder(53), 53, func(data.Batch) error { return nil })
	if !errors.Is(err, context.Canceled) || late > 0 {
		t.Errorf("%v, %d samples read since, want context.Canceled and none", err, late)
	}
}
