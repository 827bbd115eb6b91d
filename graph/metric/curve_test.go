package metric_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/metric"
)

// goldenCurves are what testdata/golden_curves.py has written.
type goldenCurves struct {
	Curves []struct {
		Scores                      []float64
		Truth                       []int
		FPR, TPR, Recall, Precision []float64
		AUC, AP                     float64
	}
	Probabilities [][]float32
	Classes       []int
	AUC, AP       []float64
	MacroAUC      float64 `json:"macro_auc"`
	WeightedAUC   float64 `json:"weighted_auc"`
	MacroAP       float64 `json:"macro_ap"`
	WeightedAP    float64 `json:"weighted_ap"`
}

func auc(r metric.Ranking) float64 { return r.AUC }
func ap(r metric.Ranking) float64  { return r.AP }

// TestCurvesAgainstSklearn: points, areas and means.
func TestCurvesAgainstSklearn(t *testing.T) {
	b, err := os.ReadFile("testdata/golden_curves.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldenCurves
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Curves) != 3 || len(g.Classes) != 80 {
		t.Fatalf("%d curves and %d samples, want 3 and 80", len(g.Curves), len(g.Classes))
	}
	points := func(what string, got, want []float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d points, want %d", what, len(got), len(want))
		}
		for i, v := range got {
			wantClose(t, what, v, want[i], 1e-12)
		}
	}
	for _, c := range g.Curves {
		var positive []bool
		for _, y := range c.Truth {
			positive = append(positive, y == 1)
		}
		roc, err := metric.ROC(c.Scores, positive)
		if err != nil {
			t.Fatal(err)
		}
		pr, err := metric.PrecisionRecall(c.Scores, positive)
		if err != nil {
			t.Fatal(err)
		}
		points("false positive rate", roc.X, c.FPR)
		points("true positive rate", roc.Y, c.TPR)
		points("recall", pr.X, c.Recall)
		points("precision", pr.Y, c.Precision)
		wantClose(t, "area below ROC", roc.Area(), c.AUC, 1e-12)
		wantClose(t, "average precision", pr.Area(), c.AP, 1e-12)
	}
	rankings, err := metric.OneVsRest(g.Probabilities, g.Classes)
	if err != nil || len(rankings) != 5 {
		t.Fatalf("%d rankings (%v), want 5", len(rankings), err)
	}
	for k, r := range rankings {
		if r.Class != k {
			t.Errorf("class %d at %d", r.Class, k)
		}
		wantClose(t, "AUC", r.AUC, g.AUC[k], 1e-12)
		wantClose(t, "AP", r.AP, g.AP[k], 1e-12)
	}
	wantClose(t, "macro AUC", metric.Macro(rankings, auc), g.MacroAUC, 1e-12)
	wantClose(t, "weighted AUC", metric.Weighted(rankings, auc), g.WeightedAUC, 1e-12)
	wantClose(t, "macro AP", metric.Macro(rankings, ap), g.MacroAP, 1e-12)
	wantClose(t, "weighted AP", metric.Weighted(rankings, ap), g.WeightedAP, 1e-12)
}

// TestCurvesByHand: four samples, of which two have the same score.
func TestCurvesByHand(t *testing.T) {
	scores, positive := []float64{0.9, 0.5, 0.5, 0.1}, []bool{true, true, false, false}
	roc, err := metric.ROC(scores, positive)
	if err != nil {
		t.Fatal(err)
	}
	// One positive passes 0.9, both and one negative 0.5, all 0.1.
	if !slices.Equal(roc.X, []float64{0, 0, 0.5, 1}) || !slices.Equal(roc.Y, []float64{0, 0.5, 1, 1}) {
		t.Errorf("ROC %v", roc)
	}
	wantClose(t, "area", roc.Area(), 0.875, 0) // of 4 pairs 3 are right and one is a tie
	pr, err := metric.PrecisionRecall(scores, positive)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pr.X, []float64{0.5, 1, 1}) || !slices.Equal(pr.Y, []float64{1, 2.0 / 3, 0.5}) {
		t.Errorf("precision and recall %v", pr)
	}
	wantClose(t, "average precision", pr.Area(), 0.5*1+0.5*2/3, 1e-15)
	for _, tt := range []struct{ x, roc, pr float64 }{{0, 0.5, 1}, {0.25, 0.75, 1}, {0.5, 1, 1}, {0.75, 1, 2.0 / 3}, {1, 1, 2.0 / 3}} {
		wantClose(t, "ROC at", roc.At(tt.x), tt.roc, 1e-15)
		wantClose(t, "precision at", pr.At(tt.x), tt.pr, 1e-15)
	}
	mean := metric.MeanCurve([]metric.Curve{roc, {X: []float64{0, 1}, Y: []float64{0, 1}}}, 4)
	for i, want := range []float64{0.25, 0.5, 0.75, 0.875, 1} {
		wantClose(t, "mean", mean.Y[i], want, 1e-15)
	}
}

// TestAreaIsAUROC: the trapezoids are the rank formula, ties too.
func TestAreaIsAUROC(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, levels := range []int{1, 2, 7, 1000} {
		var scores, in, out []float64
		var positive []bool
		for i := range 200 {
			s := float64(r.IntN(levels) + i%3)
			scores, positive = append(scores, s), append(positive, i%3 == 2)
			if i%3 == 2 {
				in = append(in, s)
			} else {
				out = append(out, s)
			}
		}
		roc, err := metric.ROC(scores, positive)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, "area", roc.Area(), metric.AUROC(in, out), 1e-12)
	}
}

func TestCurveErrors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scores   []float64
		positive []bool
		want     string
	}{
		{"lengths", []float64{1}, nil, "metric: 1 scores and 0 answers"},
		{"NaN", []float64{1, math.NaN()}, []bool{true, false}, "metric: the score of sample 1 is NaN"},
		{"one kind", []float64{1, 2}, []bool{true, true}, "metric: 2 samples are positive and 0 are not, want some of both"},
		{"nothing", nil, nil, "metric: 0 samples are positive and 0 are not"},
	} {
		for what, f := range map[string]func([]float64, []bool) (metric.Curve, error){"ROC": metric.ROC, "PrecisionRecall": metric.PrecisionRecall} {
			if _, err := f(tt.scores, tt.positive); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s, %s: error %v, want %s", what, tt.name, err, tt.want)
			}
		}
	}
	if _, err := metric.OneVsRest([][]float32{{1}}, []int{1}); err == nil {
		t.Error("no error for a class that there is not")
	}
	// Classes without samples are left out of the means.
	rankings, err := metric.OneVsRest([][]float32{{0.8, 0.1, 0.1}, {0.3, 0.6, 0.1}, {0.1, 0.8, 0.1}}, []int{0, 1, 1})
	if err != nil || len(rankings) != 2 || metric.Macro(rankings, auc) != 1 || metric.Weighted(rankings, ap) != 1 {
		t.Errorf("rankings %+v (%v), want two without a mistake", rankings, err)
	}
	if one, err := metric.OneVsRest([][]float32{{1, 0}}, []int{0}); err != nil || len(one) != 0 || !math.IsNaN(metric.Macro(one, auc)) {
		t.Errorf("rankings %+v (%v) of samples of one class, want none", one, err)
	}
}
