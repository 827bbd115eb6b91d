package report

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"math"
	"slices"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/train"
	"tapenet/train/data"
)

const shown = 24 // worst images

// sample is what the network makes of an image.
type sample struct {
	index            int
	class, predicted int
	loss             float64 // -log of the probability of its class
	share            float64 // probability of the predicted class
}

// evaluation is what the network makes of all images.
type evaluation struct {
	confusion metric.Confusion
	samples   []sample // those with the highest losses, worst first
}

// evaluate classifies all samples of d.Test.
func evaluate(ctx context.Context, net *graph.Network, d data.Dataset) (*evaluation, error) {
	e, n := &evaluation{}, d.Test.Len()
	batch := train.EvaluationBatch(net.Input) // its graphs are there already
	for lo := 0; lo < n; lo += batch {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped after %d of %d %s images: %w", lo, n, d.TestPart(), err)
		}
		m, err := net.Model(graph.Eval, min(batch, n-lo))
		if err != nil {
			return nil, err
		}
		if err := fill(m, d, lo); err != nil {
			return nil, err
		}
		if err := m.Run(); err != nil {
			return nil, err
		}
		e.add(m, lo)
	}
	return e, nil
}

// fill reads a batch of d.Test, from sample lo on and then from the first again.
func fill(m *graph.Model, d data.Dataset, lo int) error {
	x, labels := m.Input.Float32s(), m.Target.Float32s()
	size, classes := len(x)/len(labels), m.OutputShape()[1]
	for i := range labels {
		at := (lo + i) % d.Test.Len()
		class, err := d.Test.Read(at, x[i*size:][:size])
		if err != nil {
			return fmt.Errorf("%s sample %d: %w", d.TestPart(), at, err)
		}
		if class < 0 || class >= classes {
			return fmt.Errorf("%s sample %d: class %d, want 0 to %d", d.TestPart(), at, class, classes-1)
		}
		labels[i] = float32(class)
	}
	return nil
}

// add counts the batch that the model has just run, and keeps its worst images.
func (e *evaluation) add(m *graph.Model, lo int) {
	labels, logits := m.Target.Float32s(), m.Output().Float32s()
	classes := len(logits) / len(labels)
	if e.confusion == nil {
		e.confusion = metric.NewConfusion(classes)
	}
	for i, label := range labels {
		row := logits[i*classes:][:classes]
		s := sample{index: lo + i, class: int(label), predicted: graph.ArgMax(row)}
		sum := logSum(row)
		s.loss = sum - float64(row[s.class])
		s.share = math.Exp(float64(row[s.predicted]) - sum)
		e.confusion.Add(s.class, s.predicted)
		e.samples = append(e.samples, s)
	}
	slices.SortStableFunc(e.samples, func(a, b sample) int { return cmp.Compare(b.loss, a.loss) })
	e.samples = e.samples[:min(shown, len(e.samples))]
}

// logSum is the logarithm of the sum of the exponentials.
func logSum(x []float32) float64 {
	most, sum := float64(slices.Max(x)), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// mistake is a worst image as the page shows it.
type mistake struct {
	Index            int
	Picture          template.URL
	Class, Predicted string
	Right            bool
	Loss             float64
	Probability      float64 // of the class, in percent
	Confidence       float64 // of the prediction, in percent
}

// showWorst reads the images again.
func showWorst(samples []sample, d data.Dataset) ([]mistake, error) {
	x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	var all []mistake
	for _, s := range samples {
		if _, err := d.Test.Read(s.index, x); err != nil {
			return nil, fmt.Errorf("%s sample %d: %w", d.TestPart(), s.index, err)
		}
		picture, err := photo(x, d.Shape, d.Stats)
		if err != nil {
			return nil, err
		}
		all = append(all, mistake{
			Index: s.index, Picture: picture, Class: d.Classes[s.class], Predicted: d.Classes[s.predicted],
			Right: s.class == s.predicted, Loss: s.loss, Probability: 100 * math.Exp(-s.loss), Confidence: 100 * s.share,
		})
	}
	return all, nil
}
