package train

import (
	"context"
	"fmt"

	"tapenet/graph"
	"tapenet/train/data"
)

// evalBatch is the batch size of evaluation; it changes nothing but the speed.
const evalBatch = 128

// Evaluate returns the mean loss and the accuracy of a network on samples.
func Evaluate(ctx context.Context, net *graph.Network, samples data.Samples) (loss, accuracy float64, err error) {
	var sums tally
	for lo := 0; lo < samples.Len(); lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		n := min(evalBatch, samples.Len()-lo)
		m, err := net.Model(graph.Eval, n)
		if err != nil {
			return 0, 0, err
		}
		if err := fill(m, samples, func(i int) int { return lo + i }); err != nil {
			return 0, 0, err
		}
		if err := m.Run(); err != nil {
			return 0, 0, err
		}
		sums.add(m)
	}
	return sums.loss(), sums.accuracy(), nil
}

// fill reads a batch into a model: sample i of the batch is index(i).
func fill(m *graph.Model, samples data.Samples, index func(i int) int) error {
	x, labels := m.Input.Float32s(), m.Target.Float32s()
	size := len(x) / len(labels)
	for i := range labels {
		class, err := samples.Read(index(i), x[i*size:][:size])
		if err != nil {
			return fmt.Errorf("train: sample %d: %w", index(i), err)
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
		if argMax(logits[i*classes:][:classes]) == int(label) {
			t.Correct++
		}
	}
	t.Images += len(labels)
	t.Loss += m.Loss() * float64(len(labels))
}

func (t *tally) loss() float64     { return t.Loss / float64(max(t.Images, 1)) }
func (t *tally) accuracy() float64 { return float64(t.Correct) / float64(max(t.Images, 1)) }

// argMax is the index of the largest value, the first of equal ones.
func argMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
