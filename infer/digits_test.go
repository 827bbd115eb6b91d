package infer

import (
	"context"
	"image"
	"sync"
	"testing"

	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// slow is how much less the longest tests do under the race detector.
var slow = 1

var (
	loadMNIST = sync.OnceValues(data.MNIST)
	trainCNN  = sync.OnceValues(func() (weights.Model, error) {
		d, err := loadMNIST()
		if err != nil {
			return weights.Model{}, err
		}
		d.Train, d.Test = data.Limit(d.Train, 3000), data.Limit(d.Test, 1)
		r, err := train.Fit(context.Background(), modelzoo.CNN(len(d.Classes)), d, train.Config{Epochs: 2, Batch: 64, Optimizer: train.Adam{LR: 0.002}, Seed: 1})
		if err != nil {
			return weights.Model{}, err
		}
		return weights.Model{Name: "cnn", Input: d.Shape, Classes: d.Classes, Tensors: r.Network.Weights.Map()}, nil
	})
)

// trained returns a predictor of the CNN after two epochs over 3000 digits,
// about 89 % right. The network is trained once for all tests.
func trained(t testing.TB) *Predictor {
	t.Helper()
	m, err := trainCNN()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(modelzoo.CNN(len(m.Classes)), m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// digits returns the first n test images of MNIST.
func digits(t testing.TB, n int) [][]float32 {
	t.Helper()
	d, err := loadMNIST()
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float32, n)
	for i := range x {
		x[i] = make([]float32, 28*28)
		if _, err := d.Test.Read(i, x[i]); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// picture returns a 28×28 digit as the file that MNIST has of it.
func picture(x []float32) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, 28, 28))
	for i, v := range x {
		g.Pix[i] = uint8(v*255 + 0.5)
	}
	return g
}
