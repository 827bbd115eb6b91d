package bench

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/train/data"
)

// opened returns a network at its own size.
func opened(t *testing.T, name string) network {
	t.Helper()
	n, err := size{}.open(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// model builds a network.
func model(t *testing.T, name string, mode graph.Mode, batch int) *graph.Model {
	t.Helper()
	m, err := opened(t, name).build(mode, batch)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestModels counts what the doc comments of builders.go state and, for networks
// of the zoo, what their tables say. Multiply-adds are counted by hand for one
// image: output pixels times the weights of the convolution, plus the dense
// layers' weights. Those of torchvision's networks are what torchvision's own
// documentation states: 1.81, 0.30 and 0.39 G.
func TestModels(t *testing.T) {
	const (
		conv3Forward  = 784*288 + 196*18432 + 49*73728 + 1152*256 + 256*10
		resNetFirst   = 1024 * 432
		resNetForward = resNetFirst + 1024*13824 + 256*50688 + 64*202752 + 640
		cnnFirst      = 676 * 288
		cnnForward    = cnnFirst + 5408*128 + 128*10
		stem          = 112 * 112 * 3 * 32 * 9
	)
	for _, tt := range []struct {
		name                   string
		params, classes, batch int
		forward, first         int
	}{
		{"conv3", 390634, 10, 2, conv3Forward, 784 * 288},
		{"resnet20", 269722, 10, 2, resNetForward, resNetFirst},
		{"cnn", 693962, 10, 2, cnnForward, cnnFirst},
		{"resnet18", 11689512, 1000, 1, 1814073344, 112 * 112 * 3 * 64 * 49},
		{"mobilenet_v2", 3504872, 1000, 1, 300774272, stem},
		{"efficientnet_b0", 5288548, 1000, 1, 385814752, stem},
	} {
		m := model(t, tt.name, graph.Train, tt.batch)
		params := 0
		for _, p := range m.Params() {
			params += p.Value.Size()
		}
		if params != tt.params {
			t.Errorf("%s has %d parameters, want %d", tt.name, params, tt.params)
		}
		if got := m.OutputShape(); !slices.Equal(got, []int{tt.batch, tt.classes}) {
			t.Errorf("%s: output is %v, want (%d,%d)", tt.name, got, tt.batch, tt.classes)
		}
		if got := forwardMulAdds(m); got != tt.batch*tt.forward {
			t.Errorf("%s: %d multiply-adds forward, want %d", tt.name, got, tt.batch*tt.forward)
		}
		if got, want := m.MulAdds(), tt.batch*(3*tt.forward-tt.first); got != want {
			t.Errorf("%s: %d multiply-adds in training, want %d", tt.name, got, want)
		}
	}
}

// TestTrainingLearns: the step that is measured is a step of training.
func TestTrainingLearns(t *testing.T) {
	pool, err := newImages([]int{1, 28, 28}, 10)
	if err != nil {
		t.Fatal(err)
	}
	pool.order = pool.order[:8] // the same batch every time
	m := model(t, "lenet5", graph.Train, 8)
	trained := newTrainer(m)
	trained.pool = pool
	var losses []float64
	for range 10 {
		if err := trained.step(); err != nil {
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
	pool, err := newImages([]int{1, 28, 28}, 10)
	if err != nil {
		t.Fatal(err)
	}
	pool.order = pool.order[:batch]
	for _, n := range []int{1, batch} {
		pool.at = 0
		ours, twin := model(t, "cnn", graph.Train, n), model(t, "cnn", graph.Train, n)
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
		trained := newTrainer(ours)
		trained.pool = pool
		for range 3 {
			at := pool.at
			if err := trained.step(); err != nil {
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
	digits, err := newImages([]int{1, 28, 28}, 10)
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

	noise, err := newImages([]int{3, 32, 32}, 1000)
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
	if top := slices.Max(noise.labels); top != 999 {
		t.Errorf("the largest label is %d, want 999", top)
	}
}

// TestPoolOfPhotographs: the pool takes no more memory for large images.
func TestPoolOfPhotographs(t *testing.T) {
	photographs, err := newImages([]int{3, 224, 224}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(photographs.labels), poolBytes/(3*224*224); got != want || len(photographs.pixels) > poolBytes {
		t.Errorf("%d images in %d bytes, want %d in %d at most", got, len(photographs.pixels), want, poolBytes)
	}
}

func TestMeasure(t *testing.T) {
	steps := 0
	count := func() error { steps++; return nil }
	got, err := measure(t.Context(), work{step: count}, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Samples); n != minSteps || steps != minSteps+warmUp {
		t.Errorf("%d of %d steps counted, want %d of %d", n, steps, minSteps, minSteps+warmUp)
	}

	slow := func() error { time.Sleep(time.Millisecond); return nil }
	if got, err = measure(t.Context(), work{step: slow}, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if fastest := slices.Min(got.Samples); fastest < 1 {
		t.Errorf("a step of a millisecond took %g ms", fastest)
	}

	broken := errors.New("broken")
	fails := func() error {
		if steps++; steps > minSteps+warmUp+4 {
			return broken
		}
		return nil
	}
	if _, err := measure(t.Context(), work{step: fails}, time.Second); !errors.Is(err, broken) {
		t.Errorf("got error %v, want the step's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure(ctx, work{step: count}, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		result := func() []float32 { return []float32{1, float32(v)} }
		if _, err := measure(t.Context(), work{step: count, result: result}, time.Nanosecond); err == nil || !strings.Contains(err.Error(), "want finite numbers") {
			t.Errorf("a result of %v: got error %v, want one", v, err)
		}
	}
}

// TestFigures: the figures of two hundred steps, known by hand.
func TestFigures(t *testing.T) {
	var u turn
	for i := range 200 {
		u.Samples = append(u.Samples, float64(200-i)) // 1 to 200 ms
	}
	u.CPUSeconds, u.Allocs, u.PeakMB = 10.05, 100, 7
	got, seconds := u.figures(2, 10), 20.1
	want := figures{
		Steps: 200, Median: 100, Fastest: 1, Quartile1: 50, Quartile3: 150, P99: 198, AllocsPerStep: 0.5, PeakMB: 7,
		ImagesPerSecond: 400 / seconds, MulAddsPerSecond: 2000 / seconds,
		ImagesPerCPUSecond: 400 / u.CPUSeconds, MulAddsPerCPUSecond: 2000 / u.CPUSeconds,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !slices.IsSortedFunc(u.Samples, func(a, b float64) int { return cmp.Compare(b, a) }) {
		t.Error("the samples are in another order, want the steps'")
	}
}
