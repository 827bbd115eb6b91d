package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// LabelErrors is what confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068)
// says about the labels of a dataset.
type LabelErrors struct {
	// Thresholds has for each class j the mean of its probability over the samples with that
	// label: t[j] of the paper's equation 2. It is 2, which none reaches, for a class without
	// samples.
	Thresholds []float64
	// Joint is the confident joint, equation 1: how many samples with the label of a row
	// count, with confidence, as of the class of a column.
	Joint Confusion
	// Share is the estimated share of wrong labels: what lies beside the diagonal of Joint,
	// after each row has been scaled to the number of samples with its label, as in equation 3.
	Share float64
	// Suspects are the samples beside the diagonal, those first whose label has the lowest
	// probability.
	Suspects []Suspect
}

// Suspect is a sample whose label looks wrong.
type Suspect struct {
	Sample int
	Given  int // its label
	Likely int // the class that it counts as

	SelfConfidence float64 // probability of Given
	Probability    float64 // of Likely
}

// FindLabelErrors finds samples whose labels look wrong. probabilities has a row for each sample
// and a column for each class; a sample's row must come from a model that has not been trained on
// the sample, as those of the folds of a cross-validation do.
//
// A sample counts as of the most probable of the classes whose probability reaches the class's
// threshold, and not at all if none does. One whose label is the most probable class is not
// suspect, also where the label does not reach its threshold and another class does.
func FindLabelErrors(labels []int, probabilities [][]float64) (LabelErrors, error) {
	classes, err := checkProbabilities(labels, probabilities)
	if err != nil {
		return LabelErrors{}, err
	}
	e := LabelErrors{Thresholds: thresholds(labels, probabilities, classes), Joint: NewConfusion(classes)}
	for i, p := range probabilities {
		likely, ok := e.countsAs(p)
		if !ok {
			continue
		}
		given := labels[i]
		e.Joint.Add(given, likely)
		if likely != given && slices.Max(p) > p[given] {
			e.Suspects = append(e.Suspects, Suspect{i, given, likely, p[given], p[likely]})
		}
	}
	slices.SortStableFunc(e.Suspects, func(a, b Suspect) int { return cmp.Compare(a.SelfConfidence, b.SelfConfidence) })
	e.Share = e.Joint.wrongLabels(labels)
	return e, nil
}

// checkProbabilities returns the number of classes.
func checkProbabilities(labels []int, probabilities [][]float64) (classes int, err error) {
	if len(labels) == 0 || len(probabilities) != len(labels) {
		return 0, fmt.Errorf("metric: %d labels and %d rows of probabilities, want as many, and one or more", len(labels), len(probabilities))
	}
	classes = len(probabilities[0])
	for i, p := range probabilities {
		if len(p) != classes {
			return 0, fmt.Errorf("metric: %d probabilities of sample %d, want %d, one a class", len(p), i, classes)
		}
		for k, v := range p {
			if !(v >= 0 && v <= 1) {
				return 0, fmt.Errorf("metric: class %d of sample %d has probability %v, want 0 to 1", k, i, v)
			}
		}
		if l := labels[i]; l < 0 || l >= classes {
			return 0, fmt.Errorf("metric: sample %d has label %d, want 0 to %d", i, l, classes-1)
		}
	}
	return classes, nil
}

// thresholds are those of LabelErrors.
func thresholds(labels []int, probabilities [][]float64, classes int) []float64 {
	t, count := make([]float64, classes), make([]int, classes)
	for i, l := range labels {
		t[l] += probabilities[i][l]
		count[l]++
	}
	for k, n := range count {
		t[k] = max(t[k]/float64(n), 2*slack)
		if n == 0 {
			t[k] = 2
		}
	}
	return t
}

// slack is what a probability may lack of its class's threshold, as the mean of equal numbers
// differs from them by rounding. No threshold is below twice as much. Both are as in cleanlab.
const slack = 1e-6

// countsAs is the class that a sample with these probabilities counts as, if it counts.
func (e LabelErrors) countsAs(p []float64) (class int, ok bool) {
	best := math.Inf(-1)
	for k, v := range p {
		if v >= e.Thresholds[k]-slack && v > best {
			class, best, ok = k, v, true
		}
	}
	return class, ok
}

// wrongLabels is the share of labels that a confident joint estimates to be wrong. Of a label
// that no sample counts with, none is.
func (c Confusion) wrongLabels(labels []int) float64 {
	with := make([]int, len(c))
	for _, l := range labels {
		with[l]++
	}
	wrong := 0.0
	for k, n := range with {
		if s := c.support(k); s > 0 {
			wrong += float64(n) * ratio(s-c[k][k], s)
		}
	}
	return wrong / float64(len(labels))
}
