package metric_test

import (
	"flag"
	"math"
	"testing"

	"tapenet/graph/graphtest"
	"tapenet/graph/metric"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// handMade is a table of three classes: rows are true, columns predicted. Class
// 2 is never predicted.
func handMade() metric.Confusion {
	c := metric.NewConfusion(3)
	for _, p := range []struct{ class, predicted, n int }{
		{0, 0, 8}, {0, 1, 2},
		{1, 0, 1}, {1, 1, 4},
		{2, 0, 3}, {2, 1, 2},
	} {
		for range p.n {
			c.Add(p.class, p.predicted)
		}
	}
	return c
}

func TestConfusion(t *testing.T) {
	c := handMade()
	empty := metric.NewConfusion(2)
	some := metric.Confusion{{0, 0, 0}, {0, 4, 1}, {0, 0, 0}} // of class 1 alone
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"total", float64(c.Total()), 20},
		{"accuracy", c.Accuracy(), 12.0 / 20},
		{"precision 0", c.Precision(0), 8.0 / 12},
		{"precision 1", c.Precision(1), 4.0 / 8},
		{"precision of a class never predicted", c.Precision(2), 0},
		{"recall 0", c.Recall(0), 8.0 / 10},
		{"recall 1", c.Recall(1), 4.0 / 5},
		{"recall of a class never found", c.Recall(2), 0},
		{"F1 of 0", c.F1(0), 8.0 / 11}, // 2·hits / (images + predictions)
		{"F1 of 1", c.F1(1), 8.0 / 13},
		{"F1 of a class never found", c.F1(2), 0},
		{"mean F1", c.Mean(c.F1), (8.0/11 + 8.0/13) / 3},
		{"mean recall", c.Mean(c.Recall), (8.0/10 + 4.0/5) / 3},
		{"mean F1 without that of classes that have no samples", some.Mean(some.F1), 8.0 / 9},
		{"mean precision of the same", some.Mean(some.Precision), 1},
		{"mean of no classes", metric.NewConfusion(0).Mean(empty.F1), 0},
		{"total of none", float64(empty.Total()), 0},
		{"accuracy of none", empty.Accuracy(), 0},
		{"precision of none", empty.Precision(1), 0},
		{"recall of none", empty.Recall(1), 0},
		{"accuracy of no classes", metric.NewConfusion(0).Accuracy(), 0},
	} {
		if math.Abs(tt.got-tt.want) > 1e-15 {
			t.Errorf("%s is %g, want %g", tt.name, tt.got, tt.want)
		}
	}
}

func TestConfusionTable(t *testing.T) {
	graphtest.Golden(t, *update, "confusion.golden", handMade().Table([]string{"shirt", "ankle boot", "hat"}))
}
