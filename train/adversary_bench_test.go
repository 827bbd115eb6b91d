package train

import (
	"math"
	"testing"
	"time"

	"tapenet/graph"
)

// BenchmarkAttack is an attack's step, by the graph that attacks have and by one in Train
// mode with the gradient for the input, from which the gradients of the parameters would
// come besides; and a training step, Adam included. All are of a batch of 128, they take
// turns, and the least time of each counts.
func BenchmarkAttack(b *testing.B) {
	for _, name := range []string{"smallcnn", "cnn", "lenet5", "convnet"} {
		b.Run(name, func(b *testing.B) {
			r, batch := zooStep(b, name, Config{Batch: 128})
			d := &adversary{Adversarial: Adversarial{Method: "pgd", Epsilon: 0.3}.defaults()}
			d.task = Task{Layer: r.net.Layer, Input: r.data.Shape, Weights: r.net.Weights, Lane: 128}
			if err := d.start(); err != nil {
				b.Fatal(err)
			}
			one, err := graph.Options{Weights: r.net.Weights, InputGradient: true}.Build(r.net.Layer, graph.Train, 128, 1, 28, 28)
			if err != nil {
				b.Fatal(err)
			}
			d.classes = batch.Classes
			steps := []func() error{
				func() error { return trainOn(r, batch) },
				func() error { return d.attack(attempt{epsilon: 0.3, size: 0.1, steps: 1}, d.x, make([]float32, 128)) },
				one.Run,
			}
			least := []float64{math.Inf(1), math.Inf(1), math.Inf(1)}
			turn := func() {
				for i, step := range steps {
					began := time.Now()
					if err := step(); err != nil {
						b.Fatal(err)
					}
					least[i] = min(least[i], time.Since(began).Seconds())
				}
			}
			turn()
			least = []float64{math.Inf(1), math.Inf(1), math.Inf(1)}
			for b.Loop() {
				turn()
			}
			b.ReportMetric(1e3*least[0], "ms/trained")
			b.ReportMetric(least[1]/least[0], "attack/trained")
			b.ReportMetric(least[2]/least[0], "oneGraph/trained")
		})
	}
}
