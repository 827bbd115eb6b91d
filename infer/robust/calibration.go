package robust

import (
	"fmt"

	"tapenet/graph"
	"tapenet/graph/metric"
)

// Calibration says whether the network's probabilities are to be believed: of the
// images that it is 80 % sure of, 80 % should be right. It needs one prediction of an
// image, so that there are more images than in other measurements.
type Calibration struct {
	Score               // of these images
	Temperature float64 `json:"temperature"` // that the model divides its logits by; 1 is none
	Confidence  float64 `json:"confidence"`  // mean of the largest probability
	ECE         float64 `json:"ece"`         // expected calibration error, in 15 bins (Guo et al. 2017)
	MCE         float64 `json:"mce"`         // that of the worst bin
	NLL         float64 `json:"nll"`         // mean of -log of the class's probability
	Bins        []Bin   `json:"bins"`
	// Fitted is what a temperature of its own makes of it, nil if there is none:
	// Report.Skipped has the reason.
	Fitted *Fitted `json:"fitted,omitempty"`
}

// Bin is the predictions of about the same confidence: a bar of a reliability diagram.
type Bin struct {
	Lower      float64 `json:"lower"`
	Upper      float64 `json:"upper"`
	Count      int     `json:"count"`
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
}

// Fitted is the calibration with a temperature that was fitted on one half of the
// images and measured on the other, both ways: the images with even indices and those
// with odd ones.
type Fitted struct {
	Temperatures [2]float64 `json:"temperatures"`
	ECE          float64    `json:"ece"`
	MCE          float64    `json:"mce"`
	NLL          float64    `json:"nll"`
}

// bins are as many as Guo et al. take.
const bins = 15

func calibrationItems([3]int) []item {
	return []item{{
		group: "calibration",
		cost:  func(m *meter) int { return 3 * m.config.images(m.samples.Len(), quickImages) },
		run:   (*meter).calibration,
	}}
}

// calibration measures the probabilities as the model gives them.
func (m *meter) calibration() error {
	n := m.config.images(m.samples.Len(), quickImages)
	var logits, probabilities [][]float32
	var classes []int
	err := m.batches(m.samples, n, func(images [][]float32, of []int) error {
		if err := m.check(len(classes), of); err != nil {
			return err
		}
		z, err := m.p.Logits(images)
		if err != nil {
			return err
		}
		predictions, err := m.p.Predict(images)
		for _, p := range predictions {
			probabilities = append(probabilities, p.Probabilities)
		}
		logits, classes = append(logits, z...), append(classes, of...)
		return err
	})
	if err != nil {
		return err
	}
	c := &Calibration{Temperature: m.p.Temperature()}
	d, nll, err := reliability(probabilities, classes)
	if err != nil {
		return err
	}
	right := 0
	for i, p := range probabilities {
		if graph.ArgMax(p) == classes[i] {
			right++
		}
	}
	for _, b := range d {
		c.Bins = append(c.Bins, Bin(b))
		c.Confidence += float64(b.Count) * b.Confidence / float64(n)
	}
	c.Score, c.ECE, c.MCE, c.NLL = newScore(right, n), d.ECE(), d.MCE(), nll
	if c.Fitted, err = fitted(logits, classes); err != nil {
		m.report.Skipped = append(m.report.Skipped, Skip{"temperature that fits", err.Error()})
	}
	m.report.Calibration = c
	return nil
}

// batches calls f for the first n samples, a batch at a time.
func (m *meter) batches(s Samples, n int, f func(images [][]float32, classes []int) error) error {
	for lo := 0; lo < n; lo += batch {
		images, classes, err := m.read(s, lo, min(lo+batch, n))
		if err != nil {
			return err
		}
		if err := f(images, classes); err != nil {
			return err
		}
		m.advance(len(images))
	}
	return nil
}

func reliability(probabilities [][]float32, classes []int) (metric.Diagram, float64, error) {
	d, err := metric.Reliability(probabilities, classes, bins)
	if err != nil {
		return nil, 0, fmt.Errorf("robust: %w", err)
	}
	nll, err := metric.NegativeLogLikelihood(probabilities, classes)
	if err != nil {
		return nil, 0, fmt.Errorf("robust: %w", err)
	}
	return d, nll, nil
}

// fitted fits a temperature on either half and measures it on the other.
func fitted(logits [][]float32, classes []int) (*Fitted, error) {
	f := &Fitted{}
	for half := range 2 {
		var z [][]float32
		var y []int
		for i := half; i < len(logits); i += 2 {
			z, y = append(z, logits[i]), append(y, classes[i])
		}
		t, err := metric.FitTemperature(z, y)
		if err != nil {
			return nil, err
		}
		f.Temperatures[1-half] = t
	}
	p := make([][]float32, len(logits))
	for i, z := range logits {
		for _, v := range metric.SoftMax(z, f.Temperatures[i%2]) {
			p[i] = append(p[i], float32(v))
		}
	}
	d, nll, err := reliability(p, classes)
	f.ECE, f.MCE, f.NLL = d.ECE(), d.MCE(), nll
	return f, err
}
