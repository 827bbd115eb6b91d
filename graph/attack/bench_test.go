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

// BenchmarkPGD compares PGD-40 with the same network's training, in turns: images times
// steps a second over training's images a second, of the fastest run of each.
func BenchmarkPGD(b *testing.B) {
	d, err := loadMNIST()
	if err != nil {
		b.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 128*40), data.Limit(d.Test, 1)
	for _, tt := range []struct {
		name  string
		layer graph.Layer
	}{{"cnn", modelzoo.CNN(10)}, {"lenet5", modelzoo.LeNet5(10)}, {"convnet", modelzoo.ConvNet{Classes: 10}}} {
		b.Run(tt.name, func(b *testing.B) {
			net, err := graph.NewNetwork(tt.layer, input[:], graph.Options{Seed: 1})
			if err != nil {
				b.Fatal(err)
			}
			v := victimOf(b, net.Layer, net.Weights)
			images, classes := digits(b, 128)
			fit, pgd := math.Inf(1), math.Inf(1)
			for b.Loop() {
				pgd = min(pgd, seconds(func() {
					attacked(b, attack.PGD{Epsilon: 0.3, StepSize: 0.01, Whole: true}, v, images, classes)
				}))
				fit = min(fit, seconds(func() {
					c := train.Config{Epochs: 1, Batch: 128, Seed: 1}
					if _, err := train.Fit(context.Background(), tt.layer, d, c); err != nil {
						b.Fatal(err)
					}
				}))
			}
			b.ReportMetric(128*40/pgd, "steps/s")
			b.ReportMetric(128*40/fit, "trained/s")
			b.ReportMetric(fit/pgd, "steps/trained")
		})
	}
}

func seconds(f func()) float64 {
	began := time.Now()
	f()
	return time.Since(began).Seconds()
}
