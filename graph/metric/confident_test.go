package metric_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/metric"
)

// someLabels is a small problem of three classes.
func someLabels() (labels []int, p [][]float64) {
	return []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 2}, [][]float64{
		{0.9, 0.05, 0.05},
		{0.8, 0.1, 0.1},
		{0.1, 0.85, 0.05}, // suspect: a 1
		{0.5, 0.4, 0.1},   // counts as nothing
		{0.1, 0.8, 0.1},
		{0.2, 0.7, 0.1},
		{0.7, 0.25, 0.05}, // suspect: a 0
		{0.1, 0.1, 0.8},
		{0.05, 0.9, 0.05}, // suspect: a 1
		{0.6, 0.02, 0.38}, // its label does not reach its threshold, and 0 does
	}
}

// TestFindLabelErrorsByHand: the numbers were computed by hand. The thresholds are (0.9+0.8+0.1+0.5)/4,
// (0.8+0.7+0.25)/3 and (0.8+0.05+0.38)/3; the joint's rows are scaled to 4, 3 and 3 samples.
func TestFindLabelErrorsByHand(t *testing.T) {
	e, err := metric.FindLabelErrors(someLabels())
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{0.575, 1.75 / 3, 0.41} {
		if math.Abs(e.Thresholds[k]-want) > 1e-12 {
			t.Errorf("threshold of class %d is %v, want %v", k, e.Thresholds[k], want)
		}
	}
	if want := (metric.Confusion{{2, 1, 0}, {1, 2, 0}, {1, 1, 1}}); !reflect.DeepEqual(e.Joint, want) {
		t.Errorf("joint %v, want %v", e.Joint, want)
	}
	if want := (4*1/3. + 3*1/3. + 3*2/3.) / 10; math.Abs(e.Share-want) > 1e-12 {
		t.Errorf("a share of %v wrong, want %v", e.Share, want)
	}
	want := []metric.Suspect{{8, 2, 1, 0.05, 0.9}, {2, 0, 1, 0.1, 0.85}, {6, 1, 0, 0.25, 0.7}, {9, 2, 0, 0.38, 0.6}}
	if !slices.Equal(e.Suspects, want) {
		t.Errorf("suspects %v, want %v", e.Suspects, want)
	}
}

// TestFindLabelErrorsOfCleanlab: the numbers were computed by cleanlab's own code, version 2.9: compute_confident_joint
// with calibrate=False, get_confident_thresholds, and find_label_issues with filter_by "confident_learning", ranked by
// "self_confidence". It agrees on the example by hand too.
func TestFindLabelErrorsOfCleanlab(t *testing.T) {
	labels := []int{1, 3, 0, 0, 3, 1, 3, 1, 3, 0, 0, 1, 0, 3, 1, 0, 2, 1, 2, 0, 2, 1, 2, 0, 3, 0, 2, 0, 1, 2, 2, 0, 3, 3, 1, 1, 3, 2, 0, 2}
	p := [][]float64{
		{0.121, 0.665, 0.149, 0.066},
		{0.042, 0.31, 0.309, 0.339},
		{0.735, 0.045, 0.154, 0.067},
		{0.382, 0.053, 0.121, 0.444},
		{0.056, 0.067, 0.018, 0.86},
		{0.028, 0.777, 0.003, 0.192},
		{0.101, 0.648, 0.011, 0.24},
		{0.17, 0.672, 0.12, 0.038},
		{0.74, 0.066, 0.082, 0.112},
		{0.017, 0.034, 0.072, 0.878},
		{0.786, 0.083, 0.101, 0.031},
		{0.143, 0.837, 0.019, 0.001},
		{0.744, 0.099, 0.129, 0.028},
		{0.037, 0.008, 0.017, 0.938},
		{0.04, 0.433, 0.096, 0.431},
		{0.835, 0.111, 0.029, 0.025},
		{0.496, 0.218, 0.173, 0.113},
		{0.013, 0.57, 0.397, 0.02},
		{0.003, 0.006, 0.988, 0.003},
		{0.232, 0.382, 0.174, 0.212},
		{0.075, 0.002, 0.819, 0.104},
		{0.084, 0.094, 0.584, 0.238},
		{0.156, 0.028, 0.759, 0.057},
		{0.264, 0.079, 0.066, 0.59},
		{0.063, 0.109, 0.088, 0.739},
		{0.824, 0.062, 0.104, 0.01},
		{0.801, 0.028, 0.005, 0.165},
		{0.537, 0.019, 0.07, 0.374},
		{0.706, 0.177, 0.044, 0.073},
		{0.033, 0.058, 0.576, 0.333},
		{0.067, 0.127, 0.635, 0.171},
		{0.966, 0.019, 0.013, 0.002},
		{0.006, 0.008, 0.001, 0.985},
		{0.012, 0.078, 0.03, 0.881},
		{0.197, 0.627, 0.053, 0.123},
		{0.322, 0.015, 0.036, 0.627},
		{0.019, 0.026, 0.025, 0.93},
		{0.002, 0.035, 0.939, 0.024},
		{0.046, 0.057, 0.851, 0.046},
		{0.987, 0.005, 0.001, 0.007},
	}
	e, err := metric.FindLabelErrors(labels, p)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{0.53066667, 0.4867, 0.54388889, 0.66933333} {
		if math.Abs(e.Thresholds[k]-want) > 1e-8 {
			t.Errorf("threshold of class %d is %v, want %v", k, e.Thresholds[k], want)
		}
	}
	if want := (metric.Confusion{{7, 0, 1, 1}, {1, 6, 1, 0}, {2, 0, 6, 0}, {1, 1, 0, 6}}); !reflect.DeepEqual(e.Joint, want) {
		t.Errorf("joint %v, want %v", e.Joint, want)
	}
	var suspects []int
	for _, s := range e.Suspects {
		suspects = append(suspects, s.Sample)
	}
	if want := []int{39, 26, 9, 38, 21, 8, 28, 6}; !slices.Equal(suspects, want) {
		t.Errorf("suspects %v, want %v", suspects, want)
	}
}

// TestFindLabelErrorsPlain compares random problems with the formulas of Northcutt et al., written down another
// way: by sets.
func TestFindLabelErrorsPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for round := range 50 {
		classes, n := 2+r.IntN(5), 5+r.IntN(60)
		labels, p := make([]int, n), make([][]float64, n)
		for i := range p {
			labels[i] = r.IntN(classes)
			p[i] = make([]float64, classes)
			sum := 0.0
			for k := range p[i] {
				p[i][k] = math.Exp(3 * r.NormFloat64())
				if k == labels[i] {
					p[i][k] *= 10
				}
				sum += p[i][k]
			}
			for k := range p[i] {
				p[i][k] /= sum
			}
		}
		e, err := metric.FindLabelErrors(labels, p)
		if err != nil {
			t.Fatal(err)
		}
		joint, suspects := plainJoint(labels, p, classes)
		if !reflect.DeepEqual(e.Joint, joint) {
			t.Errorf("round %d: joint %v, want %v", round, e.Joint, joint)
		}
		found := map[int]bool{}
		for i, s := range e.Suspects {
			found[s.Sample] = true
			if s.Given != labels[s.Sample] || s.SelfConfidence != p[s.Sample][s.Given] || s.Probability != p[s.Sample][s.Likely] || s.Given == s.Likely {
				t.Errorf("round %d: suspect %+v of label %d and probabilities %v", round, s, labels[s.Sample], p[s.Sample])
			}
			if i > 0 && s.SelfConfidence < e.Suspects[i-1].SelfConfidence {
				t.Errorf("round %d: suspect %+v comes after %+v", round, s, e.Suspects[i-1])
			}
		}
		if !reflect.DeepEqual(found, suspects) {
			t.Errorf("round %d: suspects %v, want %v", round, found, suspects)
		}
	}
}

// plainJoint builds, for every pair of classes, the set of equation 1: X[i,j] = {x of label i: p[j] ≥ t[j], and j has
// the largest probability among the classes l with p[l] ≥ t[l]}.
func plainJoint(labels []int, p [][]float64, classes int) (joint metric.Confusion, suspects map[int]bool) {
	mean := func(of int) float64 {
		sum, n := 0.0, 0
		for x := range p {
			if labels[x] == of {
				sum, n = sum+p[x][of], n+1
			}
		}
		if n == 0 {
			return 2
		}
		return max(sum/float64(n), 2e-6)
	}
	joint, suspects = metric.NewConfusion(classes), map[int]bool{}
	for i := range classes {
		for j := range classes {
			for x := range p {
				if labels[x] != i || p[x][j] < mean(j)-1e-6 {
					continue
				}
				largest := true
				for l := range classes {
					largest = largest && (p[x][l] < mean(l)-1e-6 || p[x][l] <= p[x][j])
				}
				if largest {
					joint[i][j]++
					if i != j && slices.Index(p[x], slices.Max(p[x])) != i {
						suspects[x] = true
					}
				}
			}
		}
	}
	return joint, suspects
}

// A class without samples attracts none, and a label without confident samples is not wrong.
func TestFindLabelErrorsOfFewSamples(t *testing.T) {
	e, err := metric.FindLabelErrors([]int{0, 0, 2}, [][]float64{{0.6, 0.4, 0}, {0.3, 0.7, 0}, {0, 0.5, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{0.45, 2, 0.5} {
		if math.Abs(e.Thresholds[k]-want) > 1e-12 {
			t.Errorf("threshold of class %d is %v, want %v", k, e.Thresholds[k], want)
		}
	}
	if len(e.Suspects) > 0 || e.Share != 0 {
		t.Errorf("%+v, want no suspects", e)
	}
}

func TestFindLabelErrorsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		labels []int
		p      [][]float64
		want   string
	}{
		{"nothing", nil, nil, "0 labels and 0 rows of probabilities"},
		{"too few rows", []int{0, 1}, [][]float64{{1, 0}}, "2 labels and 1 rows"},
		{"a short row", []int{0, 1}, [][]float64{{1, 0}, {1}}, "1 probabilities of sample 1, want 2"},
		{"a negative label", []int{-1}, [][]float64{{1, 0}}, "sample 0 has label -1, want 0 to 1"},
		{"a large label", []int{2}, [][]float64{{1, 0}}, "sample 0 has label 2, want 0 to 1"},
		{"NaN", []int{0}, [][]float64{{1, math.NaN()}}, "class 1 of sample 0 has probability NaN"},
		{"a logit", []int{0}, [][]float64{{4, 0}}, "class 0 of sample 0 has probability 4"},
	} {
		if _, err := metric.FindLabelErrors(tt.labels, tt.p); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Four samples, of which one is rather a 1 than a 0.
func ExampleFindLabelErrors() {
	labels := []int{0, 0, 1, 1}
	outOfFold := [][]float64{{0.9, 0.1}, {0.2, 0.8}, {0.1, 0.9}, {0.3, 0.7}}
	e, err := metric.FindLabelErrors(labels, outOfFold)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range e.Suspects {
		fmt.Printf("sample %d is labelled %d, and likely a %d (%.2f)\n", s.Sample, s.Given, s.Likely, s.Probability)
	}
	// Output: sample 1 is labelled 0, and likely a 1 (0.80)
}
