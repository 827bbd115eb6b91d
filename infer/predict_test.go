package infer

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"tapenet/graph/weights"
)

var batchSizes = []int{0, 1, 2, 3, 127, 128, 129, 300}

// TestBatchSizes holds that any number of images gives, in order, what each
// image gives alone. The sums of a batch run in another order than those of one
// image: probabilities may differ by a few units in the last place.
func TestBatchSizes(t *testing.T) {
	const bound = 2e-6
	p := trained(t)
	x := digits(t, slices.Max(batchSizes))
	alone := make([]Prediction, len(x))
	for i := range x {
		alone[i] = predict(t, p, x[i:i+1])[0]
	}
	largest := 0.0
	for _, n := range batchSizes {
		got := predict(t, p, x[:n])
		if len(got) != n {
			t.Fatalf("%d predictions for %d images", len(got), n)
		}
		for i := range got {
			if got[i].Class != alone[i].Class || got[i].Label != alone[i].Label {
				t.Errorf("batch of %d: image %d is %q, alone %q", n, i, got[i].Label, alone[i].Label)
			}
			for k, v := range got[i].Probabilities {
				largest = max(largest, math.Abs(float64(v-alone[i].Probabilities[k])))
			}
		}
	}
	t.Logf("probabilities differ by up to %.2g", largest)
	if largest > bound {
		t.Errorf("probabilities differ by up to %g from those of single images, want at most %g", largest, bound)
	}
}

func TestPredictionsAreDistributions(t *testing.T) {
	p := trained(t)
	for i, r := range predict(t, p, digits(t, 300)) {
		sum := 0.0
		for _, v := range r.Probabilities {
			if v < 0 || v > 1 {
				t.Errorf("image %d: probability %v", i, v)
			}
			sum += float64(v)
		}
		if len(r.Probabilities) != len(p.Classes) || math.Abs(sum-1) > 1e-5 {
			t.Errorf("image %d: %d probabilities with sum %v, want %d with sum 1", i, len(r.Probabilities), sum, len(p.Classes))
		}
		if best := slices.Max(r.Probabilities); r.Probabilities[r.Class] != best || r.Label != p.Classes[r.Class] {
			t.Errorf("image %d: class %d, label %q, but probabilities %v", i, r.Class, r.Label, r.Probabilities)
		}
	}
}

func TestPredictErrors(t *testing.T) {
	p := trained(t)
	bad := func(v float32) []float32 { x := make([]float32, 28*28); x[5] = v; return x }
	tests := []struct {
		name string
		x    []float32
		want string
	}{
		{"nil", nil, "infer: image 2: 0 values, want 784 for 1×28×28"},
		{"short", make([]float32, 783), "infer: image 2: 783 values, want 784 for 1×28×28"},
		{"long", make([]float32, 785), "infer: image 2: 785 values, want 784 for 1×28×28"},
		{"NaN", bad(float32(math.NaN())), "infer: image 2: value 5 is NaN, want a finite number"},
		{"infinite", bad(float32(math.Inf(-1))), "infer: image 2: value 5 is -Inf, want a finite number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Predict(append(digits(t, 2), tt.x))
			if err == nil || err.Error() != tt.want || got != nil {
				t.Errorf("%v and error %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestPredictionsAreTheCallers holds that no result shares memory with another,
// with the images, or with the predictor.
func TestPredictionsAreTheCallers(t *testing.T) {
	p := trained(t)
	x := digits(t, 3)
	first := predict(t, p, x)
	second := predict(t, p, x)
	for i := range first {
		_ = append(first[i].Probabilities, -1) // must not reach image i+1
		for k := range first[i].Probabilities {
			first[i].Probabilities[k] = -1
		}
	}
	for i, want := range predict(t, p, digits(t, 3)) {
		if !slices.Equal(second[i].Probabilities, want.Probabilities) {
			t.Errorf("image %d: %v after writing to another result, want %v", i, second[i].Probabilities, want.Probabilities)
		}
		if !slices.Equal(x[i], digits(t, 3)[i]) {
			t.Errorf("image %d was changed", i)
		}
	}
}

// TestNewCopies holds that what was given to New is free for other uses.
func TestNewCopies(t *testing.T) {
	p, m := small(t)
	x := [][]float32{{0.1, 0.2, 0.3, 0.4}}
	want := predict(t, p, x)[0]
	clear(m.Tensors["dense/weight"].Float32s())
	m.Classes[want.Class] = "changed"
	got := predict(t, p, x)[0]
	if got.Label != want.Label || !slices.Equal(got.Probabilities, want.Probabilities) {
		t.Errorf("%+v after changing the model, want %+v", got, want)
	}
}

// TestConcurrentPredict holds that goroutines with batches of all sizes get,
// bit for bit, what they get one after the other, and that the graphs kept for
// later are few.
func TestConcurrentPredict(t *testing.T) {
	p := trained(t)
	x := digits(t, slices.Max(batchSizes))
	want := map[int][]Prediction{}
	for _, n := range batchSizes {
		want[n] = predict(t, p, x[:n])
	}
	p = trained(t) // without graphs
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			for i := range batchSizes {
				n := batchSizes[(g+i)%len(batchSizes)]
				got, err := p.Predict(x[:n])
				if err != nil {
					t.Errorf("batch of %d: %v", n, err)
					return
				}
				for i := range got {
					if !slices.Equal(got[i].Probabilities, want[n][i].Probabilities) {
						t.Errorf("batch of %d: image %d has %v, alone %v", n, i, got[i].Probabilities, want[n][i].Probabilities)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	checkIdle(t, p)
}

// checkIdle demands at most GOMAXPROCS graphs for each power of two up to 128.
func checkIdle(t *testing.T, p *Predictor) {
	t.Helper()
	if len(p.models.idle) == 0 {
		t.Error("no graph was kept")
	}
	for v, graphs := range p.models.idle {
		batch := v.batch
		if batch < 1 || batch > 128 || batch&(batch-1) != 0 {
			t.Errorf("graphs for a batch of %d, want powers of two up to 128", batch)
		}
		if len(graphs) > runtime.GOMAXPROCS(0) {
			t.Errorf("%d graphs kept for batches of %d, want at most %d", len(graphs), batch, runtime.GOMAXPROCS(0))
		}
	}
}

// TestFailedRun holds that an error of the graph reaches the caller of each
// Predict and does not use up what Predict needs.
func TestFailedRun(t *testing.T) {
	p, err := New(failing{}, weights.Model{Input: [3]int{1, 1, 2}, Classes: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2*runtime.GOMAXPROCS(0) + 1 {
		if _, err := p.Predict([][]float32{{1, 2}}); err == nil || !strings.Contains(err.Error(), "no luck") {
			t.Fatalf("error %v, want the graph's", err)
		}
	}
	checkIdle(t, p)
}

func BenchmarkPredict(b *testing.B) {
	p := trained(b)
	x := digits(b, 128)
	b.ReportAllocs()
	for b.Loop() {
		predict(b, p, x)
	}
	b.ReportMetric(float64(128*b.N)/b.Elapsed().Seconds(), "images/s")
}

// predict is p.Predict that must not fail.
func predict(t testing.TB, p *Predictor, x [][]float32) []Prediction {
	t.Helper()
	got, err := p.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
