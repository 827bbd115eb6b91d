package train

import (
	"context"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train/data"
)

// Evaluation takes so many images at a time, and of large ones so few that they
// are as much as 128 of 64×64 pixels in colour: a graph for 128 photographs would
// take more memory than that for training. It changes nothing but the speed and
// the rounding of the mean loss.
const (
	evalBatch  = 128
	evalPixels = evalBatch * 3 * 64 * 64
)

// EvaluationBatch is the number of images that [Evaluate] runs through a network at
// a time, given the shape of one.
func EvaluationBatch(image []int) int {
	size := 1
	for _, d := range image {
		size *= d
	}
	return max(1, min(evalBatch, evalPixels/size))
}

// Evaluate returns the mean loss and the accuracy of a classifier on samples.
func Evaluate(ctx context.Context, net *graph.Network, samples data.Samples) (loss, accuracy float64, err error) {
	if samples.Len() == 0 {
		return 0, 0, errors.New("train: no samples to evaluate")
	}
	batch := EvaluationBatch(net.Input)
	first, err := net.Model(graph.Eval, min(batch, samples.Len()))
	if err != nil {
		return 0, 0, err
	}
	if err := classifier(first); err != nil {
		return 0, 0, err
	}
	var sums tally
	err = inputOf(first).ahead(ctx, "evaluation", samples, data.InOrder(samples.Len()), batch, func(b data.Batch) error {
		m, err := net.Model(graph.Eval, len(b.Classes))
		if err != nil {
			return err
		}
		give(m, b)
		if err := m.Run(); err != nil {
			return err
		}
		sums.add(m)
		return nil
	})
	if err != nil && err == ctx.Err() {
		err = fmt.Errorf("train: evaluation stopped after %d of %d samples: %w", sums.Images, samples.Len(), err)
	}
	if err != nil {
		return 0, 0, err
	}
	return sums.loss(), sums.accuracy(), nil
}

// classifier returns an error unless a model is one, in float32.
func classifier(m *graph.Model) error {
	if of := m.Input.Dtype(); of != tensor.Float32 {
		return fmt.Errorf("train: the network computes in %v, want float32", of)
	}
	output, target := m.OutputShape(), m.Target.Shape()
	if len(output) != 2 || !target.Eq(output[:1]) {
		return fmt.Errorf("train: the network's output is %v and its targets %v, want (N,classes) and (N)", output, target)
	}
	return nil
}

// tally sums up loss and accuracy over batches. It is saved in checkpoints.
type tally struct {
	Images, Correct int
	Loss            float64
}

// add counts the batch that the model has just run.
func (t *tally) add(m *graph.Model) {
	labels, logits := m.Target.Float32s(), m.Output().Float32s()
	classes := len(logits) / len(labels)
	for i, label := range labels {
		if graph.ArgMax(logits[i*classes:][:classes]) == int(label) {
			t.Correct++
		}
	}
	t.Images += len(labels)
	t.Loss += m.Loss() * float64(len(labels))
}

func (t *tally) loss() float64     { return t.Loss / float64(max(t.Images, 1)) }
func (t *tally) accuracy() float64 { return float64(t.Correct) / float64(max(t.Images, 1)) }
