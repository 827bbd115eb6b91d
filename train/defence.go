package train

import (
	"context"
	"fmt"

	"tapenet/graph"
	"tapenet/train/data"
)

// Defence changes what a network is trained on: by another loss, by changing the images
// of each batch, or by both, as to make it robust (Adversarial, IBP) or to have it learn
// from another network (Teacher). It is plain data, and what it does follows from where the
// run is and from the seed: there is nothing to save. A run goes on with an equal
// Defence only, as with an equal Optimizer; one with a method Check() error is asked that
// first.
type Defence interface {
	// Begin makes what defends one run. It is called once, before the network is built.
	Begin(t Task) (Defender, error)
}

// Task is what a Defence is told of its run.
type Task struct {
	Layer   graph.Layer
	Input   [3]int             // of an image: channels, height, width
	Weights *graph.Weights     // of the network, as training changes them; empty before the first graph
	Loss    graph.CrossEntropy // of the training graphs, if there were no Defence
	// Stats says what the network takes of a pixel in 0..1: (pixel-Mean)/Deviation. The
	// zero value is the pixel itself.
	Stats data.Stats
	Seed  uint64
	// Context ends graphs of the Defence's own between two ops, by RunContext, when the run
	// is to stop; nil is never.
	Context context.Context
	// Lane is the most samples that a lane has, all of a batch with one lane: what a
	// graph of the Defence's own for so many makes of a sample has the same bits on any
	// number of ranks.
	Lane int
}

// run runs a graph of the Defence's own.
func (t Task) run(m *graph.Model) error {
	if t.Context == nil {
		return m.Run()
	}
	return m.RunContext(t.Context)
}

// Defender defends one run. It serves one goroutine.
type Defender interface {
	// Loss takes the place of Task.Loss. It has the same targets and predictions, and
	// the same cost but in Train mode; it is called once. Its cost in Train mode is a sum
	// over samples where that of Task.Loss is.
	Loss() graph.Loss
	// Batch is called before the training graph m runs on these samples of the training
	// set, all of a batch or those of some of its lanes. m.Input and m.Target have
	// their images, as Mixup has left them, and their classes. It may change the
	// images. What it does to a sample must not depend on the others.
	Batch(at Moment, m *graph.Model, samples []int) error
}

// defend returns the network's loss, that of Config.Defence if there is one. sum says
// that it is a sum over samples, see [graph.CrossEntropy].
func (r *run) defend(ctx context.Context, l graph.Layer, w *graph.Weights, sum bool) (graph.Loss, error) {
	if r.Defence == nil {
		return r.loss(r.data, sum), nil
	}
	plain := graph.CrossEntropy{Smoothing: r.LabelSmoothing, Sum: sum}
	var err error
	r.defender, err = r.Defence.Begin(Task{Layer: l, Input: r.data.Shape, Weights: w, Loss: plain, Stats: r.data.Stats, Seed: r.Seed, Context: ctx, Lane: r.laneSize(r.data)})
	if err != nil {
		return nil, fmt.Errorf("train: defence: %w", err)
	}
	return r.defender.Loss(), nil
}

// runModel runs a training graph, after the defender's part.
func (r *run) runModel(ctx context.Context, m *graph.Model, samples []int) error {
	if r.defender == nil {
		return m.RunContext(ctx)
	}
	if err := r.defender.Batch(r.moment(), m, samples); err != nil {
		return fmt.Errorf("train: defence: %w", err)
	}
	if d, ok := r.defender.(twofold); ok {
		if r.twice == nil {
			r.twice = newTwice(r.net.Weights, m.Params())
		}
		return r.twice.run(ctx, r.net.Weights, d, m)
	}
	err := m.RunContext(ctx)
	if d, ok := r.defender.(finisher); ok {
		d.done(m)
	}
	return err
}

// finisher is a Defender that is told when the training graph has run.
type finisher interface{ done(m *graph.Model) }

// seat has the target of each sample say its place in the batch besides its class, for a
// loss that needs more of a sample; unseat takes that back.
func seat(m *graph.Model, classes int) {
	for k, t := 0, m.Target.Float32s(); k < len(t); k++ {
		t[k] += float32(k * classes)
	}
}

func unseat(m *graph.Model, classes int) {
	for k, t := 0, m.Target.Float32s(); k < len(t); k++ {
		t[k] -= float32(k * classes)
	}
}

// costShares returns what each sample of a batch counts in the cost, in the memory of to:
// its weight, over the sum of all unless the cost is a sum.
func costShares(to []float64, m *graph.Model, isSum bool) []float64 {
	to = to[:0]
	var sum float64
	for _, w := range m.SampleWeights.Float32s() {
		to = append(to, float64(w))
		sum += float64(w)
	}
	if isSum || sum == 0 {
		return to
	}
	for k := range to {
		to[k] /= sum
	}
	return to
}

func describeDefence(d Defence) string {
	if d == nil {
		return ""
	}
	return describe(d)
}
