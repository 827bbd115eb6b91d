package robust

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/attack"
)

// TestIntervalKnown: of a linear network interval bounds are exact, so that a dot is
// proven up to ε = 1/22, where attacks begin to turn it.
func TestIntervalKnown(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 6), dot(2, 6)}, []int{0, 1, 0}}
	r := measure(t, sides(t), s, Config{What: []string{"certificates/interval"}, Epsilon: 0.32})
	v := r.Certificates.Interval
	if !slices.Equal(v.At, []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32}) || v.Error != 1 || v.Score != (Score{0, 3, 0}) {
		t.Errorf("%+v, want six distances, and nothing at the last", v)
	}
	const right = 2.0 / 3 // the last image is wrong
	if !slices.Equal(v.Proven, []float64{right, right, right, 0, 0, 0}) {
		t.Errorf("proven %v, want both right images up to 0.04", v.Proven)
	}
	r = measure(t, sides(t), s, Config{What: []string{"certificates/interval"}, Norm: attack.L2})
	if len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0].Why, "L∞ alone") || r.Certificates != nil {
		t.Errorf("L2: left out %+v", r.Skipped)
	}
}

// TestSmoothingKnown: a dot is 1/√42 = 0.154 from the border, and σ = 0.05 makes its
// class 99.9 % probable: it is certified up to 0.1 and not to 0.2, whatever the samples.
func TestSmoothingKnown(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 6), dot(2, 6), dot(3, 3)}, []int{0, 1, 0, 0}}
	r := measure(t, sides(t), s, Config{What: []string{"certificates/smoothing"}, Smoothing: Smoothing{Sigma: 0.05, Samples: 500}, Seed: 3})
	c := r.Certificates.Smoothing
	if c.Sigma != 0.05 || c.Samples != 500 || c.Choice != 100 || c.Alpha != 0.001 || c.Images != 4 {
		t.Errorf("settings %+v, want the config's and Cohen's", c)
	}
	if want := 0.05 * 2.2051862345554856; math.Abs(c.Largest-want) > 1e-9 { // Φ⁻¹(0.001^(1/500)) of Python's statistics.NormalDist
		t.Errorf("largest radius %v, want %v", c.Largest, want)
	}
	if c.Abstained != 1 { // a dot in the middle is on the border
		t.Errorf("%d images without an answer, want the one in the middle", c.Abstained)
	}
	if len(c.Accuracy) != 5 || c.Accuracy[0] != 0.5 || c.Accuracy[2] != 0.5 || c.Accuracy[4] != 0 {
		t.Errorf("accuracy %v at %v, want both right images to 0.1 and none at 0.2", c.Accuracy, c.At)
	}
}
