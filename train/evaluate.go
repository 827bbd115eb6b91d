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
	var sums tally
	for lo := 0; lo < samples.Len(); lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return 0, 0, fmt.Errorf("train: evaluation stopped after %d of %d samples: %w", lo, samples.Len(), err)
		}
		n := min(evalBatch, samples.Len()-lo)
		m, err := net.Model(graph.Eval, n)
		if err != nil {
			return 0, 0, err
		}
		if err := classifier(m); err != nil {
			return 0, 0, err
		}
		if err := fill(m, samples, func(i int) int { return lo + i }); err != nil {
			return 0, 0, fmt.Errorf("train: evaluation %w", err)
		}
		if err := m.Run(); err != nil {
			return 0, 0, err
		}
		sums.add(m)
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

// fill reads a batch into a classifier: sample i of the batch is index(i).
func fill(m *graph.Model, samples data.Samples, index func(i int) int) error {
	x, labels := m.Input.Float32s(), m.Target.Float32s()
	size, classes := len(x)/len(labels), m.OutputShape()[1]
	for i := range labels {
		class, err := samples.Read(index(i), x[i*size:][:size])
		if err != nil {
			return fmt.Errorf("sample %d: %w", index(i), err)
		}
		if class < 0 || class >= classes {
			return fmt.Errorf("sample %d: class %d, want 0 to %d", index(i), class, classes-1)
		}
		labels[i] = float32(class)
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
