package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train/data"
)

// EvaluationBatch is the number of images that [Evaluate] runs through a network at
// a time, given the shape of one. It changes nothing but the speed and the rounding of
// the mean loss.
func EvaluationBatch(image []int) int {
	return memory.Batch(image)
}

// EvaluationBatch is the number of images that a run evaluates at a time: no more than
// it trains with, for whom little memory is enough, unless they are as small as MNIST's.
func (c Config) EvaluationBatch(image []int) int {
	const digits = 128 * 28 * 28
	return min(EvaluationBatch(image), max(c.Batch, digits/volume(image)))
}

// volume is how many values an image has.
func volume(image []int) int {
	n := 1
	for _, d := range image {
		n *= d
	}
	return n
}

// Evaluate returns the mean loss and the accuracy of a classifier on samples.
func Evaluate(ctx context.Context, net *graph.Network, samples data.Samples) (loss, accuracy float64, err error) {
	return evaluateBy(ctx, net, samples, EvaluationBatch(net.Input))
}

// evaluateBy is Evaluate, of so many samples at a time.
func evaluateBy(ctx context.Context, net *graph.Network, samples data.Samples, batch int) (loss, accuracy float64, err error) {
	var sums tally
	if err := evaluate(ctx, net, samples, batch, sums.add); err != nil {
		return 0, 0, err
	}
	return sums.loss(), sums.accuracy(), nil
}

// EvaluateEach runs all samples through a classifier, and calls do with each, in
// their order: with its class and the network's output for it, which is valid until do
// returns.
func EvaluateEach(ctx context.Context, net *graph.Network, samples data.Samples, do func(class int, logits []float32)) error {
	return evaluate(ctx, net, samples, EvaluationBatch(net.Input), func(m *graph.Model) { each(m, do) })
}

// evaluate runs all samples through a classifier, batch by batch, and calls do after
// each batch.
func evaluate(ctx context.Context, net *graph.Network, samples data.Samples, batch int, do func(*graph.Model)) error {
	if samples.Len() == 0 {
		return errors.New("train: no samples to evaluate")
	}
	first, err := net.Model(graph.Eval, min(batch, samples.Len()))
	if err != nil {
		return err
	}
	if err := classifier(first); err != nil {
		return err
	}
	done := 0
	err = inputOf(first).ahead(ctx, "evaluation", samples, slices.Collect(slices.Chunk(data.InOrder(samples.Len()), batch)), func(b data.Batch) error {
		m, err := predict(ctx, net, b)
		if err != nil {
			return err
		}
		do(m)
		done += len(b.Classes)
		return nil
	})
	if err != nil && stoppedBy(ctx, err) {
		err = fmt.Errorf("train: evaluation stopped after %d of %d samples: %w", done, samples.Len(), err)
	}
	return err
}

// predict runs a batch through a classifier, and returns the graph that has done so.
func predict(ctx context.Context, net *graph.Network, b data.Batch) (*graph.Model, error) {
	m, err := net.Model(graph.Eval, len(b.Classes))
	if err != nil {
		return nil, err
	}
	give(m, b)
	return m, m.RunContext(ctx)
}

// each calls do with the classes of a model's last batch and the outputs for them.
func each(m *graph.Model, do func(class int, logits []float32)) {
	labels, logits := m.Target.Float32s(), m.Output().Float32s()
	classes := len(logits) / len(labels)
	for i, label := range labels {
		do(int(label), logits[i*classes:][:classes])
	}
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
	n := m.Target.Size()
	t.Correct += m.Correct()
	t.Images += n
	t.Loss += m.Loss() * float64(n)
}

func (t *tally) loss() float64     { return t.Loss / float64(max(t.Images, 1)) }
func (t *tally) accuracy() float64 { return float64(t.Correct) / float64(max(t.Images, 1)) }
