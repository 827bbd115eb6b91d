package attack_test

import (
	"context"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

var input = [3]int{1, 28, 28}

var (
	loadMNIST = sync.OnceValues(data.MNIST)

	// trainNet trains a small network for all tests: LeNet-5, one epoch over 6000 digits.
	trainNet = sync.OnceValues(func() (*graph.Network, error) {
		d, err := loadMNIST()
		if err != nil {
			return nil, err
		}
		d.Train, d.Test = data.Limit(d.Train, 6000), data.Limit(d.Test, 1)
		c := train.Config{Epochs: 2, Batch: 64, Optimizer: train.Adam{LR: 0.002}, Seed: 1}
		r, err := train.Fit(context.Background(), modelzoo.LeNet5(10), d, c)
		if err != nil {
			return nil, err
		}
		return r.Network, nil
	})
)

// trained returns the small network.
func trained(t testing.TB) *graph.Network {
	t.Helper()
	n, err := trainNet()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// victim returns a victim of the small network.
func victim(t testing.TB) *attack.Victim {
	t.Helper()
	return victimOf(t, trained(t).Layer, trained(t).Weights)
}

func victimOf(t testing.TB, l graph.Layer, w *graph.Weights) *attack.Victim {
	t.Helper()
	v, err := attack.New(l, w, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// digits returns the first n test images of MNIST, and their classes.
func digits(t testing.TB, n int) (images [][]float32, classes []int) {
	t.Helper()
	d, err := loadMNIST()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		x := make([]float32, 28*28)
		class, err := d.Test.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		images, classes = append(images, x), append(classes, class)
	}
	return images, classes
}

// attacked runs an attack.
func attacked(t testing.TB, a attack.Attack, v *attack.Victim, images [][]float32, classes []int) *attack.Outcome {
	t.Helper()
	o, err := a.Run(context.Background(), v, images, classes)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
