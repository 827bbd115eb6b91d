package train

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tapenet/train/data"
)

// allocationLimit is how many objects a training step may allocate after warm-up.
const allocationLimit = 20

// newStep returns a run of the CNN on MNIST's size of images, and a batch of it.
func newStep(t testing.TB, c Config) (*run, data.Batch) {
	t.Helper()
	return zooStep(t, "cnn", c)
}

// trainOn is a step.
func trainOn(r *run, b data.Batch) error {
	_, err := r.step(context.Background(), b, len(b.Classes), nil)
	return err
}

// digits are images that cost almost nothing to read.
type digits struct{}

func (digits) Len() int { return 1000 }

func (digits) Read(i int, x []float32) (int, error) {
	clear(x)
	x[i%len(x)] = 1
	return i % 10, nil
}

func TestStepAllocations(t *testing.T) {
	for name, c := range map[string]Config{
		"default": {},
		"all": {Optimizer: NAdam{WeightDecay: 0.1}, Schedule: Cosine{}, ClipNorm: 1, ClipValue: 1, Accumulate: 2, Average: 0.9,
			ClassWeights: make([]float64, 10), LabelSmoothing: 0.1, Mixup: 0.2},
		"fgsm":   {Defence: Adversarial{Method: "fgsm", Epsilon: 0.3}},
		"pgd":    {Defence: Adversarial{Method: "pgd", Epsilon: 0.3, Steps: 2}},
		"trades": {Defence: Adversarial{Method: "trades", Epsilon: 0.3, Steps: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Batch = 128
			r, batch := newStep(t, c)
			step := func() {
				if err := trainOn(r, batch); err != nil {
					t.Fatal(err)
				}
			}
			step()
			n := testing.AllocsPerRun(6, step)
			t.Logf("%g allocations a step", n)
			limit := allocationLimit
			if c.Defence != nil {
				limit *= 2 // several graphs run, each with some of the machine's
			}
			if n > float64(limit) {
				t.Errorf("%g allocations a step, want at most %d", n, limit)
			}
		})
	}
}

// BenchmarkFitStep trains the CNN: forward, backward and Adam.
func BenchmarkFitStep(b *testing.B) {
	for _, batch := range []int{32, 128} {
		b.Run(fmt.Sprintf("cnn/batch=%d", batch), func(b *testing.B) {
			r, read := newStep(b, Config{Batch: batch})
			if err := trainOn(r, read); err != nil { // warm up
				b.Fatal(err)
			}
			b.ReportAllocs()
			began, n := time.Now(), 0
			for b.Loop() {
				if err := trainOn(r, read); err != nil {
					b.Fatal(err)
				}
				n += batch
			}
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "images/s")
		})
	}
}
