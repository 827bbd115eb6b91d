package infer

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"tapenet/graph/metric"
	"tapenet/graph/weights"
)

// Samples is a set of labelled images, read by index, such as a part of a
// data.Dataset.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Read writes the pixels of sample i to x, as Predict takes them, and returns its
	// class.
	Read(i int, x []float32) (class int, err error)
}

// Calibration says how a model learns what its probabilities are worth: from
// held-out images, which neither training has seen nor a test is measured on.
type Calibration struct {
	// Score is by what images of no class are told, one of weights.Scores(); "" is
	// not at all.
	Score string
	// Share of the held-out images that is to count as known; 0 is 0.95.
	Share float64

	// For weights.ScoreNeighbours: the images to be near to, such as the training's;
	// the most of them to keep, 0 being 5000; and which of the nearest counts, 0 being
	// the third.
	Known      Samples
	Most       int
	Neighbours int
}

// Calibrated is what a calibration finds, to be set in a weights.Model.
type Calibrated struct {
	Temperature float64          // that divides the logits
	Unknown     *weights.Unknown // nil without a Score

	Images        int            // held out
	Before, After metric.Diagram // of the held-out images, in 15 bins, with the logits as they are and with the temperature
}

// Fit finds the temperature that makes the classes of the held-out images most
// likely, and the threshold that the share of them passes. The predictor stays as
// it is; a temperature and a threshold that it has already do not count.
func (c Calibration) Fit(ctx context.Context, p *Predictor, held Samples) (Calibrated, error) {
	u, score, err := c.unknown(ctx, p)
	if err != nil {
		return Calibrated{}, err
	}
	var logits [][]float32
	var classes []int
	var scores []float64
	add := func(outputs []output) error {
		more, err := score(outputs)
		scores = append(scores, more...)
		return err
	}
	err = p.each(ctx, held, held.Len(), u != nil && u.Score == weights.ScoreNeighbours, func(labels []int, outputs []output) error {
		classes = append(classes, labels...)
		for _, o := range outputs {
			logits = append(logits, o.logits)
		}
		if u == nil || u.Score == weights.ScoreProbability {
			return nil
		}
		return add(outputs)
	})
	if err != nil {
		return Calibrated{}, err
	}
	f := Calibrated{Unknown: u, Images: len(classes)}
	if f.Temperature, err = metric.FitTemperature(logits, classes); err != nil {
		return f, fmt.Errorf("infer: calibration: %w", err)
	}
	if f.Before, err = metric.Reliability(softMax(logits, 1), classes, 15); err != nil {
		return f, fmt.Errorf("infer: calibration: %w", err)
	}
	if f.After, err = metric.Reliability(softMax(logits, f.Temperature), classes, 15); err != nil {
		return f, fmt.Errorf("infer: calibration: %w", err)
	}
	if u == nil {
		return f, nil
	}
	if u.Score == weights.ScoreProbability { // which depends on the temperature
		warm, err := p.Calibrate(f.Temperature, nil)
		if err != nil {
			return f, err
		}
		if err := warm.each(ctx, held, held.Len(), false, func(_ []int, outputs []output) error { return add(outputs) }); err != nil {
			return f, err
		}
	}
	u.Threshold = metric.Threshold(scores, u.Share)
	if err := u.Check(); err != nil {
		return f, fmt.Errorf("infer: calibration: %w", err)
	}
	return f, nil
}

// softMax are the probabilities of logits at a temperature.
func softMax(logits [][]float32, temperature float64) [][]float32 {
	all := make([][]float32, len(logits))
	for i, z := range logits {
		all[i] = make([]float32, len(z))
		for k, v := range metric.SoftMax(z, temperature) {
			all[i][k] = float32(v)
		}
	}
	return all
}

// unknown is the score without its threshold, nil for none.
func (c Calibration) unknown(ctx context.Context, p *Predictor) (*weights.Unknown, score, error) {
	if c.Score == "" {
		return nil, nil, nil
	}
	u := &weights.Unknown{Score: c.Score, Share: c.Share}
	if u.Share == 0 {
		u.Share = 0.95
	}
	if u.Score == weights.ScoreNeighbours {
		if c.Known == nil {
			return nil, nil, fmt.Errorf("infer: calibration: no known images, want some for the score %s to compare with", c.Score)
		}
		var err error
		if u.Features, err = p.KnownFeatures(ctx, c.Known, c.Most); err != nil {
			return nil, nil, err
		}
		if u.Neighbours = c.Neighbours; u.Neighbours == 0 {
			u.Neighbours = min(3, u.Features.Shape()[0])
		}
	}
	score, _, err := p.scoreOf(u)
	return u, score, err
}

// maxKnown bounds the numbers of KnownFeatures.
const maxKnown = 1 << 20

// KnownFeatures are the features of samples, each scaled to length 1, as
// weights.Unknown has them: (n,d). They are of the most samples at most, 0 being
// 5000, and have no more than 2²⁰ numbers; the samples are spread evenly.
func (p *Predictor) KnownFeatures(ctx context.Context, s Samples, most int) (*tensor.Dense, error) {
	if most == 0 {
		most = 5000
	}
	var values []float32
	width, err := p.featureWidth()
	if err != nil {
		return nil, err
	}
	n := min(most, s.Len(), max(maxKnown/width, 1))
	if n < 1 {
		return nil, fmt.Errorf("infer: features of %d of %d samples, want one or more", most, s.Len())
	}
	spread := spreadSamples{s, n}
	err = p.each(ctx, spread, n, true, func(_ []int, outputs []output) error {
		for _, o := range outputs {
			values = append(values, unit(o.features)...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(n, width), tensor.WithBacking(values)), nil
}

// spreadSamples are n samples of others, evenly spread.
type spreadSamples struct {
	Samples
	n int
}

func (s spreadSamples) Read(i int, x []float32) (int, error) {
	return s.Samples.Read(i*s.Samples.Len()/s.n, x)
}

// each calls do for the first n samples, batch by batch, with their classes and what
// the network makes of them. It stops within one batch of ctx's end.
func (p *Predictor) each(ctx context.Context, s Samples, n int, features bool, do func(classes []int, outputs []output) error) error {
	images := make([][]float32, 0, maxBatch)
	classes := make([]int, 0, maxBatch)
	buffer := make([]float32, maxBatch*p.Input[0]*p.Input[1]*p.Input[2])
	size := len(buffer) / maxBatch
	for i := range n {
		x := buffer[len(images)*size:][:size]
		class, err := s.Read(i, x)
		if err != nil {
			return fmt.Errorf("infer: %w", err)
		}
		if class < 0 || class >= len(p.Classes) {
			return fmt.Errorf("infer: sample %d is of class %d, want 0 to %d", i, class, len(p.Classes)-1)
		}
		images, classes = append(images, x), append(classes, class)
		if len(images) < maxBatch && i < n-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("infer: stopped after %d of %d samples: %w", i+1-len(images), n, err)
		}
		outputs, err := p.outputs(images, features)
		if err != nil {
			return err
		}
		if err := do(classes, outputs); err != nil {
			return err
		}
		images, classes = images[:0], classes[:0]
	}
	return nil
}
