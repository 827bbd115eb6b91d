package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/train/data"
)

func spec(t *testing.T, name string) modelzoo.Spec {
	t.Helper()
	s, err := lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestModels counts what the doc comments of models.go state and, for networks
// of the zoo, what their tables say. Multiply-adds are counted by hand for one image: output
// pixels times the weights of the convolution, plus the dense layers' weights.
func TestModels(t *testing.T) {
	const (
		conv3Forward  = 784*288 + 196*18432 + 49*73728 + 1152*256 + 256*10
		resNetFirst   = 1024 * 432
		resNetForward = resNetFirst + 1024*13824 + 256*50688 + 64*202752 + 640
		cnnFirst      = 676 * 288
		cnnForward    = cnnFirst + 5408*128 + 128*10
	)
	for _, tt := range []struct {
		name              string
		params            int
		forward, training int
	}{
		{"conv3", 390634, conv3Forward, 3*conv3Forward - 784*288},
		{"resnet20", 269722, resNetForward, 3*resNetForward - resNetFirst},
		{"cnn", 693962, cnnForward, 3*cnnForward - cnnFirst},
	} {
		const batch = 2
		m, err := build(spec(t, tt.name), graph.Train, batch)
		if err != nil {
			t.Fatal(err)
		}
		params := 0
		for _, p := range m.Params() {
			params += p.Value.Size()
		}
		if params != tt.params {
			t.Errorf("%s has %d parameters, want %d", tt.name, params, tt.params)
		}
		if got := m.OutputShape(); !slices.Equal(got, []int{batch, classes}) {
			t.Errorf("%s: output is %v, want (%d,%d)", tt.name, got, batch, classes)
		}
		if got := forwardMulAdds(m); got != batch*tt.forward {
			t.Errorf("%s: %d multiply-adds forward, want %d", tt.name, got, batch*tt.forward)
		}
		if got := trainingMulAdds(m); got != batch*tt.training {
			t.Errorf("%s: %d multiply-adds in training, want %d", tt.name, got, batch*tt.training)
		}
	}
}

// TestTrainingLearns: the step that is measured is a step of training.
func TestTrainingLearns(t *testing.T) {
	pool, err := newImages([3]int{1, 28, 28})
	if err != nil {
		t.Fatal(err)
	}
	pool.order = pool.order[:8] // the same batch every time
	m, err := build(spec(t, "lenet5"), graph.Train, 8)
	if err != nil {
		t.Fatal(err)
	}
	step := trainingStep(m, pool)
	var losses []float64
	for range 10 {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, m.Loss())
	}
	if first, last := losses[0], losses[len(losses)-1]; !(last < 0.8*first) {
		t.Errorf("losses are %v, want them to fall", losses)
	}
}

// TestRival: Gorgonia's own ops compute what ours do, loss and new parameters.
func TestRival(t *testing.T) {
	const batch = 4
	pool, err := newImages([3]int{1, 28, 28})
	if err != nil {
		t.Fatal(err)
	}
	pool.order = pool.order[:batch]
	for _, n := range []int{1, batch} {
		pool.at = 0
		ours, err := build(spec(t, "cnn"), graph.Train, n)
		if err != nil {
			t.Fatal(err)
		}
		twin, err := build(spec(t, "cnn"), graph.Train, n)
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRival(n, twin.Params())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*graph.Model{ours, twin} {
			// On a black background no bias means a ReLU of 0, where Gorgonia's has
			// the gradient 1.
			bias := m.Params()[1].Value.Float32s()
			for i := range bias {
				bias[i] = 0.01 * (float32(i) - 8.5)
			}
		}
		step := trainingStep(ours, pool)
		for range 3 {
			at := pool.at
			if err := step(); err != nil {
				t.Fatal(err)
			}
			pool.at = at
			pool.read(r.input.Float32s(), r.labels)
			if err := r.step(); err != nil {
				t.Fatal(err)
			}
			if got, want := float64(r.cost.Data().(float32)), ours.Loss(); math.Abs(got-want) > 1e-5*want {
				t.Errorf("batch %d: loss is %g, ours is %g", n, got, want)
			}
		}
		for i, p := range ours.Params() {
			sameValues(t, p.Name, twin.Params()[i].Value.Float32s(), p.Value.Float32s())
		}
	}
}

// sameValues allows for one value in a thousand: Adam's first steps have their
// full length even where the gradient is little more than rounding.
func sameValues(t *testing.T, name string, got, want []float32) {
	t.Helper()
	far := 0
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-5 {
			far++
		}
	}
	if far > len(want)/1000 {
		t.Errorf("%s: %d of %d values are not ours", name, far, len(want))
	}
}

func TestImages(t *testing.T) {
	mnist, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	digits, err := newImages([3]int{1, 28, 28})
	if err != nil {
		t.Fatal(err)
	}
	x, labels, want := make([]float32, 3*784), make([]float32, 3), make([]float32, 784)
	digits.at = poolSize - 1 // and around
	digits.read(x, labels)
	for i, from := range []int{digits.order[poolSize-1], digits.order[0], digits.order[1]} {
		class, err := mnist.Train.Read(from, want)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x[i*784:][:784], want) || labels[i] != float32(class) {
			t.Errorf("image %d is not digit %d of MNIST, a %d", i, from, class)
		}
	}

	noise, err := newImages([3]int{3, 32, 32})
	if err != nil {
		t.Fatal(err)
	}
	x, labels = make([]float32, 2*3072), make([]float32, 2)
	noise.read(x, labels)
	if low, high := slices.Min(x), slices.Max(x); low != 0 || high != 1 {
		t.Errorf("noise is between %g and %g, want 0 and 1", low, high)
	}
	if slices.Equal(x[:3072], x[3072:]) {
		t.Error("two images are equal")
	}
	if top := slices.Max(noise.labels); top != classes-1 {
		t.Errorf("the largest label is %d, want %d", top, classes-1)
	}
}

func TestMeasure(t *testing.T) {
	steps := 0
	count := func() error { steps++; return nil }
	r, err := measure(t.Context(), work{count, 2, 10}, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.Steps != minSteps || steps != minSteps+warmUp {
		t.Errorf("%d of %d steps counted, want %d of %d", r.Steps, steps, minSteps, minSteps+warmUp)
	}
	if got, want := r.MulAddsPerSecond/r.ImagesPerSecond, 5.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("%g multiply-adds an image, want %g", got, want)
	}

	slow := func() error { time.Sleep(time.Millisecond); return nil }
	if r, err = measure(t.Context(), work{slow, 1, 1}, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if r.Fastest < 1 || r.ImagesPerSecond > 1000 {
		t.Errorf("a step of a millisecond took %g ms at best, %g a second", r.Fastest, r.ImagesPerSecond)
	}

	broken := errors.New("broken")
	fails := func() error {
		if steps++; steps > minSteps+warmUp+4 {
			return broken
		}
		return nil
	}
	if _, err := measure(t.Context(), work{fails, 1, 1}, time.Second); !errors.Is(err, broken) {
		t.Errorf("got error %v, want the step's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure(ctx, work{count, 1, 1}, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}
