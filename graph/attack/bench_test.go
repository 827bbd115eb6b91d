package attack_test

import (
	"context"
	"math"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// BenchmarkPGD compares PGD-40 on cnn with cnn's training, in turns: images times steps
// a second over training's images a second, of the fastest run of each.
func BenchmarkPGD(b *testing.B) {
	d, err := loadMNIST()
	if err != nil {
		b.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 128*40), data.Limit(d.Test, 1)
	net, err := graph.NewNetwork(modelzoo.CNN(10), input[:], graph.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	v := victimOf(b, net.Layer, net.Weights)
	images, classes := digits(b, 128)
	a := attack.PGD{Epsilon: 0.3, Steps: 40, StepSize: 0.01, Whole: true}
	attacked(b, a, v, images, classes)
	fit, pgd := math.Inf(1), math.Inf(1)
	for b.Loop() {
		began := time.Now()
		attacked(b, a, v, images, classes)
		pgd = min(pgd, time.Since(began).Seconds())
		began = time.Now()
		var last, epoch time.Time
		c := train.Config{Epochs: 1, Batch: 128, Seed: 1}
		if _, err := train.Fit(context.Background(), modelzoo.CNN(10), d, c); err != nil {
			b.Fatal(err)
		}
		_, _ = last, epoch
		fit = min(fit, time.Since(began).Seconds())
	}
	b.ReportMetric(128*40/pgd, "steps/s")
	b.ReportMetric(128*40/fit, "trained/s")
	b.ReportMetric(fit/pgd, "steps/trained")
}
