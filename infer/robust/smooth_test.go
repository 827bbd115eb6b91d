package robust

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// The noise is normal: its moments, its tails, and no two neighbours alike.
func TestNormals(t *testing.T) {
	const n = 4_000_000
	g := newNormals(1, 2, 3)
	var sums [5]float64
	var product, before float64
	beyond := map[float64]int{0.5: 0, 1: 0, 2: 0, 3: 0, zigRight: 0, 4.2: 0}
	for range n {
		x := g.next()
		for k, p := 1, x; k <= 4; k, p = k+1, p*x {
			sums[k] += p
		}
		product += x * before
		before = x
		for limit := range beyond {
			if x > limit {
				beyond[limit]++
			}
		}
	}
	for what, m := range map[string][3]float64{ // the mean of powers, what it should be, and its deviation
		"mean": {sums[1], 0, 1}, "variance": {sums[2], 1, math.Sqrt2}, "third moment": {sums[3], 0, math.Sqrt(15)},
		"fourth moment": {sums[4], 3, math.Sqrt(96)}, "product of neighbours": {product, 0, 1},
	} {
		if got := m[0] / n; math.Abs(got-m[1]) > 4*m[2]/math.Sqrt(n) {
			t.Errorf("the %s is %g, want %g", what, got, m[1])
		}
	}
	for limit, count := range beyond {
		p := math.Erfc(limit/math.Sqrt2) / 2
		if d := math.Abs(float64(count) - n*p); d > 4*math.Sqrt(n*p) {
			t.Errorf("%d of %d numbers are above %g, want about %.0f", count, n, limit, n*p)
		}
	}
}

// TestSmoothedLinear: the class of a linear classifier under noise has a known
// probability, and the radius is the distance from the plane between the classes. The
// certificate comes near it and never beyond.
func TestSmoothedLinear(t *testing.T) {
	p := sides(t)
	distance := func(x []float32) float64 { // of the plane: the logits' difference by its gradient's norm
		var left, right float64
		for i, v := range x {
			if column := i % side; column < side/2 {
				left += float64(v)
			} else if column > side/2 {
				right += float64(v)
			}
		}
		return (left - right) / math.Sqrt(2*side*(side/2))
	}
	bright := dot(1, 0)
	for i := range 3 {
		bright[i*side+1] = 1
	}
	images := [][]float32{dot(3, 0), dot(2, 6), bright, dot(3, 3)}
	s := Smoothing{Sigma: 0.25, Samples: 20000, Seed: 5}
	got, err := s.Certify(t.Context(), p, images)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 1, 0, -1} {
		d := math.Abs(distance(images[i]))
		c := got[i]
		if c.Class != want || c.Abstained() != (want < 0) {
			t.Errorf("image %d is of class %d, want %d", i, c.Class, want)
		}
		if want >= 0 && (c.Radius > d || c.Radius < 0.85*d) {
			t.Errorf("image %d is certain within %g, want nearly, and not beyond, %g", i, c.Radius, d)
		}
		probability := 0.5 * math.Erfc(-d/s.Sigma/math.Sqrt2)
		if share := float64(c.Hits) / float64(c.Of); want >= 0 && math.Abs(share-probability) > 0.015 {
			t.Errorf("image %d has its class with a share of %g, want about %g", i, share, probability)
		}
	}
	s.Samples = 0
	classes, err := s.Predict(t.Context(), p, images)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 0, -1}; !reflect.DeepEqual(classes, want) {
		t.Errorf("predicted %v, want %v: the last image is on the plane", classes, want)
	}
}

// Any number of processors gives the same counts, and so does a network that takes
// normalised images.
func TestSmoothingIsTheSame(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	l := graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 3, Activation: graph.ReLU}, graph.Flatten{}, graph.Dense{Units: 3}}
	p := random(t, l, weights.Model{Input: [3]int{2, 6, 6}, Classes: []string{"a", "b", "c"}, Preprocessing: raster.Preprocessing{Mean: []float64{0.4, 0.5}, Deviation: []float64{0.3, 2}}})
	images := pictures(p.Input, 3, 3).images
	var want []Certificate
	for _, processors := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(processors)
		got, err := Smoothing{Sigma: 0.5, Samples: 1000}.Certify(t.Context(), p, images)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d processors give %v, one gives %v", processors, got, want)
		}
	}
	other, err := Smoothing{Sigma: 0.5, Samples: 1000, Seed: 1}.Certify(t.Context(), p, images)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(other, want) {
		t.Error("another seed gives the same counts")
	}
}

func TestSmoothingErrors(t *testing.T) {
	p, images := sides(t), [][]float32{dot(0, 0)}
	for want, s := range map[string]Smoothing{
		"deviation 0, want": {}, "deviation NaN": {Sigma: math.NaN()}, "-1 and 100000 noisy images": {Sigma: 1, Choice: -1}, "probability 2": {Sigma: 1, Alpha: 2},
	} {
		_, err := s.Certify(t.Context(), p, images)
		wantError(t, err, "robust: ", want)
	}
	s := Smoothing{Sigma: 1}
	_, err := s.Predict(t.Context(), p, [][]float32{{1}})
	wantError(t, err, "robust: image 0 has 1 values, want 49")
	_, err = s.Predict(t.Context(), nil, images)
	wantError(t, err, "no network")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Certify(ctx, p, images); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cancelled call, want context.Canceled", err)
	}
}

// BenchmarkSmoothing is noise alone, and noisy images of cnn's size through its layers.
func BenchmarkSmoothing(b *testing.B) {
	b.Run("noise", func(b *testing.B) {
		w, x, to := &smoother{}, make([]float32, 784), make([]float32, 784)
		for i := 0; b.Loop(); i++ {
			w.noisy(to, x, newNormals(1, 2, uint64(i)), 0.25)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/784, "ns/number")
	})
	b.Run("cnn", func(b *testing.B) {
		p := digitsNet(b)
		images := pictures(p.Input, 1, 10).images
		const n = 5000
		for b.Loop() {
			if _, err := (Smoothing{Sigma: 0.25, Samples: n - 100}).Certify(b.Context(), p, images); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/image")
	})
}

// digitsNet has the layers of modelzoo's cnn.
func digitsNet(t testing.TB) *infer.Predictor {
	return random(t, graph.Sequential{
		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, graph.MaxPool2D{}, graph.Flatten{},
		graph.Dense{Units: 128, Activation: graph.ReLU}, graph.Dense{Units: 10},
	}, weights.Model{Input: [3]int{1, 28, 28}, Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}})
}
