package metric

import (
	"fmt"
	"math"
)

// Bin is the predictions whose confidence, the largest probability, lies above
// Lower and at most at Upper; the first bin has 0 too.
type Bin struct {
	Lower, Upper float64
	Count        int     // of predictions
	Confidence   float64 // their mean; 0 without any
	Accuracy     float64 // share that is right; 0 without any
}

// Diagram is a reliability diagram: the bins of 0..1 from the left to the right.
// A calibrated classifier has Accuracy = Confidence in each.
type Diagram []Bin

// Reliability puts predictions into bins of equal width by their confidence.
// probabilities has those of all classes for each sample, classes the samples'
// true classes. Guo et al. 2017 (On Calibration of Modern Neural Networks) take
// 15 bins.
func Reliability(probabilities [][]float32, classes []int, bins int) (Diagram, error) {
	if bins < 1 {
		return nil, fmt.Errorf("metric: a reliability diagram of %d bins, want 1 or more", bins)
	}
	if err := checkRows("probabilities", probabilities, classes); err != nil {
		return nil, err
	}
	d := make(Diagram, bins)
	for b := range d {
		d[b].Lower, d[b].Upper = float64(b)/float64(bins), float64(b+1)/float64(bins)
	}
	for i, p := range probabilities {
		k := largest(p)
		confidence := float64(p[k])
		if !(confidence >= 0 && confidence <= 1+1e-5) { // a SoftMax in float32 may round beyond 1
			return nil, fmt.Errorf("metric: the largest probability of sample %d is %v, want one in 0..1", i, confidence)
		}
		bin := &d[min(max(int(math.Ceil(confidence*float64(bins)))-1, 0), bins-1)]
		bin.Count++
		bin.Confidence += confidence
		if k == classes[i] {
			bin.Accuracy++
		}
	}
	for b := range d {
		if n := float64(d[b].Count); n > 0 {
			d[b].Confidence /= n
			d[b].Accuracy /= n
		}
	}
	return d, nil
}

// ECE is the expected calibration error: the mean over the predictions of their
// bin's |Accuracy - Confidence|, 0 without any. It is a number in 0..1.
func (d Diagram) ECE() float64 {
	var sum float64
	n := 0
	for _, b := range d {
		sum += float64(b.Count) * b.gap()
		n += b.Count
	}
	return sum / float64(max(n, 1))
}

// MCE is the maximum calibration error: the largest |Accuracy - Confidence| of a
// bin with predictions.
func (d Diagram) MCE() float64 {
	var most float64
	for _, b := range d {
		most = max(most, b.gap())
	}
	return most
}

func (b Bin) gap() float64 { return math.Abs(b.Accuracy - b.Confidence) }

// NegativeLogLikelihood is the mean of -log p over the samples, where p is the
// probability of the sample's class. A p of 0 counts as the smallest float32
// above it, whose -log is 103.3.
func NegativeLogLikelihood(probabilities [][]float32, classes []int) (float64, error) {
	if err := checkRows("probabilities", probabilities, classes); err != nil {
		return 0, err
	}
	var sum float64
	for i, p := range probabilities {
		sum -= math.Log(max(float64(p[classes[i]]), math.SmallestNonzeroFloat32))
	}
	return sum / float64(max(len(classes), 1)), nil
}

// checkRows returns an error unless each row has the same number of finite values
// and a class among them.
func checkRows(what string, rows [][]float32, classes []int) error {
	if len(rows) != len(classes) {
		return fmt.Errorf("metric: %s of %d samples and the classes of %d, want as many", what, len(rows), len(classes))
	}
	for i, row := range rows {
		if len(row) != len(rows[0]) || len(row) == 0 {
			return fmt.Errorf("metric: %d %s of sample %d, want one for each class, %d as the first sample has", len(row), what, i, len(rows[0]))
		}
		if k := classes[i]; k < 0 || k >= len(row) {
			return fmt.Errorf("metric: sample %d is of class %d, want 0 to %d", i, k, len(row)-1)
		}
		for k, v := range row {
			if v-v != 0 {
				return fmt.Errorf("metric: %s of sample %d have %v for class %d, want finite numbers", what, i, v, k)
			}
		}
	}
	return nil
}

// largest is the index of the largest value, the first of equal ones.
func largest(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
