package metric

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// Bounds, tests and radii are SciPy's, see testdata/golden_smoothing.py.
func TestSmoothingGoldens(t *testing.T) {
	text, err := os.ReadFile("testdata/golden_smoothing.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Lower, Coin, Radius [][]float64 }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	check := func(name string, row []float64, got float64) {
		t.Helper()
		w := row[len(row)-1]
		if !(math.Abs(got-w) <= 1e-9*max(w, 1e-3)) {
			t.Errorf("%s of %v is %.12g, want %.12g", name, row[:len(row)-1], got, w)
		}
	}
	for _, r := range want.Lower {
		check("LowerProbability", r, LowerProbability(int(r[0]), int(r[1]), r[2]))
	}
	for _, r := range want.Coin {
		check("CoinTest", r, CoinTest(int(r[0]), int(r[1])))
	}
	for _, r := range want.Radius {
		check("SmoothedRadius", r, SmoothedRadius(r[0], r[1]))
	}
	if len(want.Lower) < 18 || len(want.Coin) < 9 || len(want.Radius) < 10 {
		t.Errorf("%d, %d and %d goldens, want more", len(want.Lower), len(want.Coin), len(want.Radius))
	}
}

func TestSmoothingLimits(t *testing.T) {
	for _, got := range []float64{LowerProbability(0, 10, 0.01), LowerProbability(11, 10, 0.01), LowerProbability(5, 10, 0), SmoothedRadius(1, 0.5), SmoothedRadius(1, math.NaN())} {
		if got != 0 {
			t.Errorf("got %g of what says nothing, want 0", got)
		}
	}
}

// TestLowerProbabilityHolds: the bound is above the probability as rarely as it says.
func TestLowerProbabilityHolds(t *testing.T) {
	const n, p, alpha = 50, 0.8, 0.1
	var wrong, choose float64 = 0, 1
	for k := 0; k <= n; k++ {
		if LowerProbability(k, n, alpha) > p {
			wrong += choose * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
		}
		choose *= float64(n-k) / float64(k+1)
	}
	if wrong > alpha || wrong < alpha/4 {
		t.Errorf("the bound is too large with probability %g, want %g at most and not much less", wrong, alpha)
	}
}
