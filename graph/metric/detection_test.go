package metric_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/metric"
)

// TestAUROC compares it with its definition: all pairs, one by one.
func TestAUROC(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	draw := func(n, levels int, more float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(r.IntN(levels)) + more
		}
		return x
	}
	for _, tt := range []struct {
		name    string
		in, out []float64
	}{
		{"many ties", draw(60, 4, 1), draw(90, 4, 0)},
		{"few ties", draw(100, 10000, 3000), draw(70, 10000, 0)},
		{"all equal", draw(5, 1, 0), draw(7, 1, 0)},
		{"apart", draw(20, 5, 100), draw(10, 5, 0)},
		{"the wrong way", draw(20, 5, 0), draw(10, 5, 100)},
		{"infinite", []float64{math.Inf(1), 0, math.Inf(-1)}, []float64{math.Inf(-1), 0}},
	} {
		var wins float64
		for _, a := range tt.in {
			for _, b := range tt.out {
				switch {
				case a > b:
					wins++
				case a == b:
					wins += 0.5
				}
			}
		}
		want := wins / float64(len(tt.in)*len(tt.out))
		wantClose(t, "AUROC, "+tt.name, metric.AUROC(tt.in, tt.out), want, 1e-12)
	}
}

func TestThreshold(t *testing.T) {
	scores := []float64{5, 1, 4, 2, 3, 3, 9, 8, 7, 6}
	for _, tt := range []struct{ share, want float64 }{{1, 1}, {0.95, 1}, {0.9, 2}, {0.8, 3}, {0.7, 3}, {0.1, 9}, {0.01, 9}, {0, 9}} {
		got := metric.Threshold(scores, tt.share)
		if got != tt.want {
			t.Errorf("the threshold for a share of %v is %v, want %v", tt.share, got, tt.want)
		}
		passing := 0
		for _, s := range scores {
			if s >= got {
				passing++
			}
		}
		if float64(passing) < 10*tt.share-1e-9 {
			t.Errorf("%d of 10 scores pass %v, want a share of %v", passing, got, tt.share)
		}
	}
	out := []float64{0, 0, 1, 2}
	wantClose(t, "the false positive rate", metric.FalsePositiveRate(scores, out, 0.95), 0.5, 0)
}

func TestScoresWithoutAnswer(t *testing.T) {
	nan, some := math.NaN(), []float64{1}
	for name, got := range map[string]float64{
		"AUROC without in":          metric.AUROC(nil, some),
		"AUROC without out":         metric.AUROC(some, nil),
		"AUROC of NaN":              metric.AUROC(some, []float64{nan}),
		"FPR without out":           metric.FalsePositiveRate(some, nil, 0.95),
		"FPR with a share above 1":  metric.FalsePositiveRate(some, some, 1.1),
		"threshold without scores":  metric.Threshold(nil, 0.95),
		"threshold of NaN":          metric.Threshold([]float64{nan}, 0.95),
		"threshold of no share":     metric.Threshold(some, nan),
		"threshold of a share of 2": metric.Threshold(some, 2),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s is %v, want NaN", name, got)
		}
	}
}
