package train

import (
	"context"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train/data"
)

// evalBatch is the batch size of evaluation; it changes nothing but the speed.
const evalBatch = 128

// Evaluate returns the mean loss and the accuracy of a classifier on samples.
func Evaluate(ctx context.Context, net *graph.Network, samples data.Samples) (loss, accuracy float64, err error) {
	if samples.Len() == 0 {
		return 0, 0, errors.New("train: no samples to evaluate")
	}
	first, err := net.Model(graph.Eval, min(evalBatch, samples.Len()))
	if err != nil {
		return 0, 0, err
	}
	if err := classifier(first); err != nil {
		return 0, 0, err
	}
	var sums tally
	err = inputOf(first).ahead(ctx, "evaluation", samples, upTo(samples.Len()), evalBatch, func(b data.Batch) error {
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

// upTo is 0, 1, …, n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
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
