package report

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/train/chart"
)

// noisy is an evaluation of n images whose logits know the class a little.
func noisy(n, classes int) *evaluation {
	r := rand.New(rand.NewPCG(5, 5))
	e := &evaluation{confusion: metric.NewConfusion(classes)}
	for i := range n {
		z := make([]float32, classes)
		for k := range z {
			z[k] = float32(r.NormFloat64())
		}
		z[i%classes] += float32(i%classes) / float32(classes) * 3
		e.add(i%classes, z)
		e.logits = append(e.logits, z)
	}
	return e
}

func classNames(n int) []string { return strings.Split(strings.Repeat("class,", n-1)+"class", ",") }

// TestRanks: of many classes the worst are drawn and listed, and the rest is counted.
func TestRanks(t *testing.T) {
	for _, tt := range []struct{ classes, drawn, rows, others, hidden int }{{3, 3, 3, 0, 0}, {6, 6, 6, 0, 0}, {25, 6, 20, 19, 5}} {
		r, err := newRanks(noisy(40*tt.classes, tt.classes), classNames(tt.classes))
		if err != nil {
			t.Fatal(err)
		}
		if r.Drawn != tt.drawn || len(r.Rows) != tt.rows || r.Others != tt.others || r.Hidden != tt.hidden || r.Classes != tt.classes {
			t.Errorf("%d classes: %d drawn, %d in the table, %d and %d left out", tt.classes, r.Drawn, len(r.Rows), r.Others, r.Hidden)
		}
		for _, c := range r.Charts {
			if n := strings.Count(string(c), "<polyline"); n != tt.drawn+1 || strings.Count(string(c), ">mean ") != 1 {
				t.Errorf("%d curves, want %d and the mean", n, tt.drawn)
			}
		}
		if tt.hidden > 0 && r.Rows[0].AP > r.Rows[1].AP {
			t.Errorf("average precision %v before %v, want the smallest first", r.Rows[0].AP, r.Rows[1].AP)
		}
	}
}

// TestRanksOfFew: classes without images are counted, and no more than one class is no ranking.
func TestRanksOfFew(t *testing.T) {
	e := noisy(30, 3)
	for i := range e.samples {
		e.samples[i].class %= 2
	}
	r, err := newRanks(e, classNames(3))
	if err != nil || r.Classes != 2 || r.Without != 1 {
		t.Errorf("%+v (%v), want two classes and one without images", r, err)
	}
	for i := range e.samples {
		e.samples[i].class = 0
	}
	if r, err = newRanks(e, classNames(3)); err != nil || r != nil {
		t.Errorf("%+v (%v) of images of one class, want nothing", r, err)
	}
	e.logits = nil
	if r, err = newRanks(e, classNames(3)); err != nil || !strings.Contains(r.Skipped, "30 images") {
		t.Errorf("%+v (%v) of too many numbers, want why there are no curves", r, err)
	}
}

// TestShare: the value of a step holds from the place before it.
func TestShare(t *testing.T) {
	l := share("a", chart.Style{}, metric.Curve{Steps: true, X: []float64{0.5, 1}, Y: []float64{1, 0.25}})
	if want := []float64{0, 0.5, 0.5, 1}; !slices.Equal(l.X, want) {
		t.Errorf("steps at %v, want %v", l.X, want)
	}
	if want := []float64{1, 1, 0.25, 0.25}; !slices.Equal(l.Y, want) {
		t.Errorf("steps of %v, want %v", l.Y, want)
	}
}
