package train

import (
	"fmt"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/train/data"
)

// allocationLimit is how many objects a training step may allocate after warm-up.
const allocationLimit = 20

// newStep returns a run of the CNN on MNIST's size of images, and a reader of its first batch without end.
func newStep(t testing.TB, batch int) (*run, *ahead) {
	t.Helper()
	d := data.Dataset{Shape: [3]int{1, 28, 28}, Classes: make([]string, 10), Train: digits{}, Test: digits{}}
	net, err := graph.NewNetwork(modelzoo.CNN(10), d.Shape[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Config: Config{Batch: batch}.defaults(), data: d, net: net}
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	samples := r.order(0)[:batch]
	next, err := r.ahead(func(yield func([]int) bool) {
		for yield(samples) {
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.close)
	return r, next
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
	r, next := newStep(t, 128)
	step := func() {
		if err := r.batch(next, 128); err != nil {
			t.Fatal(err)
		}
	}
	step()
	n := testing.AllocsPerRun(5, step)
	t.Logf("%g allocations a step", n)
	if n > allocationLimit {
		t.Errorf("%g allocations a step, want at most %d", n, allocationLimit)
	}
}

// BenchmarkFitStep trains the CNN: reading the batch, forward, backward and Adam.
func BenchmarkFitStep(b *testing.B) {
	for _, batch := range []int{32, 128} {
		b.Run(fmt.Sprintf("cnn/batch=%d", batch), func(b *testing.B) {
			r, next := newStep(b, batch)
			if err := r.batch(next, batch); err != nil { // warm up
				b.Fatal(err)
			}
			b.ReportAllocs()
			began, n := time.Now(), 0
			for b.Loop() {
				if err := r.batch(next, batch); err != nil {
					b.Fatal(err)
				}
				n += batch
			}
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "images/s")
		})
	}
}
