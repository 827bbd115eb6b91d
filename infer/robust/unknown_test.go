package robust

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/weights"
)

// TestCalibrationKnown: all images are one dot on the left, of which the network is
// SoftMax(4, 0) sure; 3 of 4 are right.
func TestCalibrationKnown(t *testing.T) {
	s := made{nil, nil}
	for i := range 40 {
		s.images, s.classes = append(s.images, dot(i%side, i%2)), append(s.classes, i/2%4/3)
	}
	r := measure(t, sides(t), s, Config{What: []string{"calibration"}})
	sure := 1 / (1 + math.Exp(-4))
	c := r.Calibration
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	if c.Images != 40 || c.Temperature != 1 || len(c.Bins) != 15 || c.Bins[14].Count != 40 {
		t.Errorf("calibration %+v, want 40 images in the last of 15 bins", c)
	}
	near("accuracy", c.Accuracy, 0.75)
	near("confidence", c.Confidence, sure)
	near("ECE", c.ECE, sure-0.75)
	near("MCE", c.MCE, sure-0.75)
	near("NLL", c.NLL, -0.75*math.Log(sure)-0.25*math.Log(1-sure))
	if c.Fitted == nil {
		t.Fatalf("no fitted temperature: %v", r.Skipped)
	}
	for _, temperature := range c.Fitted.Temperatures { // SoftMax(4/T, 0) = 0.75
		near("temperature", temperature, 4/math.Log(3))
	}
	near("ECE when fitted", c.Fitted.ECE, 0)
	if r.Images != 40 || measure(t, sides(t), s, Config{What: []string{"calibration"}, Limit: 8}).Calibration.Images != 8 {
		t.Error("want the limit's images")
	}
	right := made{s.images, make([]int, 40)}
	r = measure(t, sides(t), right, Config{What: []string{"calibration"}})
	if r.Calibration.Fitted != nil || len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0].Why, "classified right") {
		t.Errorf("all right: fitted %+v, left out %q, want the reason", r.Calibration.Fitted, r.Skipped)
	}
}

// TestUnknownKnown: the network is sure of dots at the sides and not of those in the
// middle, whose logits are 0.
func TestUnknownKnown(t *testing.T) {
	in := made{[][]float32{dot(1, 0), dot(2, 6), dot(3, 1), dot(4, 5)}, []int{0, 1, 0, 1}}
	middle := made{[][]float32{dot(1, 3), dot(2, 3)}, []int{7, -1}} // classes do not matter
	mixed := made{[][]float32{dot(1, 3), dot(1, 0)}, []int{0, 0}}
	r := measure(t, sides(t), in, Config{What: []string{"unknown"}, Known: in, Unknown: []Named{{"middle", middle}, {"mixed", mixed}}})
	var names []string
	for _, u := range r.Unknown {
		names = append(names, u.Name)
		if len(u.Scores) != len(weights.Scores()) || u.Known != 4 {
			t.Errorf("%s: %d images, scores %+v, want 4 and all scores", u.Name, u.Known, u.Scores)
		}
	}
	if want := []string{"middle", "mixed", "scrambled", "noise"}; !slices.Equal(names, want) {
		t.Fatalf("sets %v, want %v", names, want)
	}
	for k, name := range []string{weights.ScoreProbability, weights.ScoreEnergy} {
		if d := r.Unknown[0].Scores[k]; d != (Detection{name, 1, 0}) {
			t.Errorf("middle: %+v, want %s to tell all", d, name)
		}
		if d := r.Unknown[1].Scores[k]; d != (Detection{name, 0.75, 0.5}) { // one of two as sure as all others
			t.Errorf("mixed: %+v, want 0.75 and 0.5", d)
		}
	}
	if len(r.Skipped) > 0 {
		t.Errorf("left out: %+v", r.Skipped)
	}
}

// TestScrambled: each block of an image is somewhere, and what is left over stays.
func TestScrambled(t *testing.T) {
	input := [3]int{2, 9, 13}
	s := scrambled{pictures(input, 3, 2), 3, input, 5}
	for k := range s.Samples.(made).images[1] { // distinct values
		s.Samples.(made).images[1][k] = float32(k)
	}
	x, again := make([]float32, 2*9*13), make([]float32, 2*9*13)
	if _, err := s.Read(1, x); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(1, again); err != nil || !slices.Equal(x, again) {
		t.Errorf("read twice, it is another image (error %v)", err)
	}
	moved := 0
	for k, v := range x {
		if int(v) != k {
			moved++
		}
		if row, column := k/13%9, k%13; (row == 8 || column == 12) && int(v) != k {
			t.Errorf("the value at (%d,%d) has moved", row, column)
		}
		if row, column := k/13%9, k%13; row%2 == 0 && row < 8 && column < 12 && x[k+13] != v+13 {
			t.Errorf("(%d,%d): a block is torn", row, column)
		}
	}
	slices.Sort(x)
	for k, v := range x {
		if int(v) != k {
			t.Fatalf("value %d is missing", k)
		}
	}
	if moved < 100 {
		t.Errorf("%d values have moved, want most", moved)
	}
}
