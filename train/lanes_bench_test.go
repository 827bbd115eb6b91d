package train

import (
	"math"
	"testing"
	"time"

	"tapenet/modelzoo"
	"tapenet/train/data"
)

// BenchmarkLanes is a training step, Adam included, of a batch of 128: in one piece, in
// eight lanes, and in eight lanes one by one, which is the way of networks that cannot run
// them at once. The three take turns, as others may use the machine, and the least time of
// each counts: "lanes/piece" is what the same weights for any number of processes cost
// one of them.
func BenchmarkLanes(b *testing.B) {
	for _, name := range []string{"cnn", "lenet5", "convnet", "resnet20", "mobilenetv2", "mlpmixer"} {
		b.Run(name, func(b *testing.B) {
			configs := []Config{{Batch: 128}, {Batch: 128, Lanes: 8}, {Batch: 128, Lanes: 8, oneByOne: true}}
			steps, least := make([]func(), len(configs)), make([]float64, len(configs))
			for i, c := range configs {
				r, batch := zooStep(b, name, c)
				steps[i] = func() {
					began := time.Now()
					if err := trainOn(r, batch); err != nil {
						b.Fatal(err)
					}
					least[i] = min(least[i], time.Since(began).Seconds())
				}
				steps[i]() // warm up
				least[i] = math.Inf(1)
			}
			for b.Loop() {
				for _, step := range steps {
					step()
				}
			}
			b.ReportMetric(1e3*least[0], "ms/piece")
			b.ReportMetric(least[1]/least[0], "lanes/piece")
			b.ReportMetric(least[2]/least[0], "oneByOne/piece")
		})
	}
}

// zooStep is newStep of a network of modelzoo.
func zooStep(t testing.TB, name string, c Config) (*run, data.Batch) {
	t.Helper()
	for _, s := range modelzoo.Specs() {
		if s.Name != name {
			continue
		}
		d := data.Dataset{Shape: s.Input, Classes: make([]string, 10), Train: digits{}, Test: digits{}}
		r := &run{Config: c.defaults(), data: d}
		if err := r.start(t.Context(), s.New(10)); err != nil {
			t.Fatal(err)
		}
		size := s.Input[0] * s.Input[1] * s.Input[2]
		b := data.Batch{X: make([]float32, c.Batch*size), Classes: make([]int, c.Batch), Samples: make([]int, c.Batch)}
		for k, i := range r.order(0)[:c.Batch] {
			b.Classes[k], _ = digits{}.Read(i, b.X[k*size:][:size])
			b.Samples[k] = i
		}
		return r, b
	}
	t.Fatalf("no network %s", name)
	return nil, data.Batch{}
}
