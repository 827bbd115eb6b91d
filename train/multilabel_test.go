package train

import (
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// lights are images of which the upper half may be lit, and the left half.
type lights struct{ n int }

func (l lights) Len() int { return l.n }

func (l lights) Read(i int, x []float32) (int, error) {
	set := (i*7 + i/5) % 4
	for k := range x {
		x[k] = float32((i*31+k*17)%13) / 40
		if set&1 > 0 && k < 8 {
			x[k] += 0.5
		}
		if set&2 > 0 && k%4 < 2 {
			x[k] += 0.5
		}
	}
	return set, nil
}

// lightSet has images of two classes, one, or none.
func lightSet(train, test int) data.Dataset {
	return data.Dataset{
		Name: "lights", Shape: [3]int{1, 4, 4}, Classes: []string{"top", "left"}, Sets: [][]int{{}, {0}, {1}, {0, 1}},
		Train: lights{train}, Test: lights{test},
	}
}

func twoUnits() graph.Layer { return graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}} }

// TestSeveralClasses: a network learns which classes an image has, accuracy counts those of which all
// are right, and ranks come to the bits of one process.
func TestSeveralClasses(t *testing.T) {
	c := Config{Epochs: 40, Batch: 20, Optimizer: Adam{LR: 0.01}, Mixup: 0.1}
	res := fit(t, twoUnits(), lightSet(200, 80), c)
	if first, last := res.History[0].ValAccuracy, res.History[39].ValAccuracy; last < 0.97 || first > 0.9 {
		t.Errorf("accuracy %.3f after one epoch and %.3f at the end, want less than 0.9 and more than 0.97", first, last)
	}
	loss, accuracy, err := Evaluate(t.Context(), res.Network, lights{80})
	if e := res.History[39]; err != nil || loss != e.ValLoss || accuracy != e.ValAccuracy {
		t.Errorf("evaluated to %v, %v, %v, want %v and %v", loss, accuracy, err, e.ValLoss, e.ValAccuracy)
	}
	c.Epochs, c.Lanes = 2, 8
	want := fit(t, twoUnits(), lightSet(53, 20), c)
	for r, got := range fitGroup(t, 3, twoUnits, func() data.Dataset { return lightSet(53, 20) }, c, nil) {
		if got.err != nil || got.SHA256 != want.SHA256 {
			t.Errorf("rank %d: %v, hash %v, want %v", r, got.err, got.SHA256, want.SHA256)
		}
	}
}

func TestSeveralClassesErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"smoothing": {Config{LabelSmoothing: 0.1}, `train: the images of dataset "lights" have several classes each, want no LabelSmoothing`},
		"weights":   {Config{ClassWeights: []float64{1, 1}}, "several classes each"},
		"defence":   {Config{Defence: IBP{Epsilon: 0.1}}, "several classes each"},
	} {
		if _, err := Fit(t.Context(), twoUnits(), lightSet(20, 5), tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	d := lightSet(20, 5)
	d.Sets = d.Sets[:3]
	if _, err := Fit(t.Context(), twoUnits(), d, Config{}); err == nil || !strings.Contains(err.Error(), "class 3, want 0 to 2") {
		t.Errorf("error %v, want one that names the set", err)
	}
	d.Sets = [][]int{{}, {0}, {2}, {0, 1}}
	if _, err := Fit(t.Context(), twoUnits(), d, Config{}); err == nil || !strings.Contains(err.Error(), "set 2 has class 2, want 0 to 1") {
		t.Errorf("error %v, want one that names the class", err)
	}
}
