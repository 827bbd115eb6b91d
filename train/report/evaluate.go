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

// The images on the page by themselves, at most.
const (
	maxWrong  = 24
	maxUnsure = 12
)

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
	samples   []sample    // in the order of the images
	logits    [][]float32 // likewise; nil if there are more than maxLogits numbers
	sets      [][]int     // of classes, one of which a sample's class is the index of; nil for one class each
}

// maxLogits bounds the numbers that are kept for curves: 64 MB of them.
const maxLogits = 16 << 20

// evaluate classifies all samples of d.Test.
func evaluate(ctx context.Context, net *graph.Network, d data.Dataset) (*evaluation, error) {
	e := &evaluation{confusion: metric.NewConfusion(len(d.Classes)), sets: d.Sets}
	keep := d.Test.Len() <= maxLogits/len(d.Classes)
	err := train.EvaluateEach(ctx, net, d.Test, func(class int, logits []float32) {
		e.add(class, logits)
		if keep {
			e.logits = append(e.logits, slices.Clone(logits))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s samples: %w", d.TestPart(), err)
	}
	return e, nil
}

// add counts the next sample.
func (e *evaluation) add(class int, logits []float32) {
	s := sample{index: len(e.samples), class: class, predicted: graph.ArgMax(logits)}
	if e.sets != nil { // neither a confusion nor a prediction
		e.samples = append(e.samples, s)
		return
	}
	sum := logSum(logits)
	s.loss = sum - float64(logits[class])
	s.share = math.Exp(float64(logits[s.predicted]) - sum)
	e.confusion.Add(class, s.predicted)
	e.samples = append(e.samples, s)
}

// worst are the samples that are right, or those that are wrong, with the highest losses, the highest first,
// at most so many.
func (e *evaluation) worst(right bool, most int) []sample {
	all := slices.DeleteFunc(slices.Clone(e.samples), func(s sample) bool { return (s.class == s.predicted) != right })
	slices.SortStableFunc(all, func(a, b sample) int { return cmp.Compare(b.loss, a.loss) })
	return all[:min(most, len(all))]
}

// logSum is the logarithm of the sum of the exponentials.
func logSum(x []float32) float64 {
	most, sum := float64(slices.Max(x)), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// mistake is an image that was taken for another, or nearly so, as the page shows it.
type mistake struct {
	picture
	Map              template.URL // the class activation map of the prediction over it; "" for none
	Class, Predicted string
}

// showSamples reads the images again, and draws their maps, if there are any.
func showSamples(samples []sample, d data.Dataset, maps *activation) ([]mistake, error) {
	var all []mistake
	for _, s := range samples {
		x, err := readSample(s.index, d)
		if err != nil {
			return nil, err
		}
		src, err := photo(x, d.Shape, d.Stats)
		if err != nil {
			return nil, err
		}
		over := template.URL("")
		if maps != nil {
			if over, err = maps.draw(x, s.predicted); err != nil {
				return nil, err
			}
		}
		all = append(all, mistake{
			picture: picture{data.Name(d.Test, s.index), src, 100 * s.share}, Map: over,
			Class: d.Classes[s.class], Predicted: d.Classes[s.predicted],
		})
	}
	return all, nil
}
