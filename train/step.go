package train

import (
	"context"
	"errors"
	"slices"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/train/data"
)

// step trains on a batch of n samples, of which b has those of this rank. If failed is
// not nil, b could not be read; the other ranks learn of it here. stop says that a rank
// is to stop, after this step. If a rank has stopped in its middle, the step is abandoned
// on all: the error is errStopped, and the run as it was before.
func (r *run) step(ctx context.Context, b data.Batch, n int, failed error) (stop bool, err error) {
	r.kept.keep()
	if r.laned == nil {
		err = r.whole(ctx, b)
	} else {
		stop, err = r.inLanes(ctx, b, n, failed)
	}
	if err == errStopped || stoppedBy(ctx, err) {
		r.kept.restore()
		return false, errStopped
	}
	return stop, err
}

// stoppedBy reports whether an error is that of ctx, which has ended.
func stoppedBy(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// inLanes is step with several lanes.
func (r *run) inLanes(ctx context.Context, b data.Batch, n int, failed error) (stop bool, err error) {
	s := r.laned
	sums, err := s.compute(ctx, r, b, n, failed)
	stop = ctx.Err() != nil
	abandoned := stoppedBy(ctx, err)
	if abandoned {
		err = nil
	}
	for i := range s.records {
		s.records[i].stop, s.records[i].failed, s.records[i].abandoned = stop, err != nil, abandoned
	}
	all, lost := s.add(r, sums)
	if lost != nil {
		return false, lost
	}
	var sum record
	for _, rec := range all {
		sum.weight += rec.weight
		sum.correct += rec.correct
		sum.stop = sum.stop || rec.stop
		sum.failed = sum.failed || rec.failed
		sum.abandoned = sum.abandoned || rec.abandoned
	}
	switch {
	case sum.failed:
		return false, r.ranks.agree(err)
	case sum.abandoned:
		return false, errStopped
	}
	r.times.add(r.laned, all)
	loss := 0.0
	if sum.weight > 0 {
		loss = s.loss / sum.weight
	}
	if err := checkLoss(loss, r.at.Epoch+1, r.at.Batch+1); err != nil {
		return false, err
	}
	s.divide(sum.weight, n)
	r.learn(s.grads, n)
	r.count(tally{Images: n, Correct: sum.correct, Loss: loss * float64(n)})
	return sum.stop, nil
}

// whole trains on a batch in one piece.
func (r *run) whole(ctx context.Context, b data.Batch) error {
	m, err := r.forward(ctx, b)
	if err != nil {
		return err
	}
	if err := checkLoss(m.Loss(), r.at.Epoch+1, r.at.Batch+1); err != nil {
		return err
	}
	for i, p := range m.Params() {
		r.grads[i] = p.Grad().Float32s()
	}
	r.learn(r.grads, len(b.Classes))
	var t tally
	t.add(m)
	r.count(t)
	return nil
}

// forward runs some samples through the network and back.
func (r *run) forward(ctx context.Context, b data.Batch) (*graph.Model, error) {
	n := len(b.Classes)
	m, err := r.net.Model(graph.Train, n)
	if err != nil {
		return nil, err
	}
	give(m, b)
	if r.mixed() {
		r.mix(m.Input.Float32s(), b.X)
	}
	r.weigh(m, b.Samples)
	return m, r.runModel(ctx, m, b.Samples)
}

// kept is what a step changes before it changes the weights: the network's own state, such
// as BatchNorm's running statistics, and the number of the step.
type kept struct {
	weights *graph.Weights
	tensors [][]float32 // the state
	before  [][]float32 // as it was before the step
	step    uint64      // likewise
}

// newKept is for a network, of which m is a graph for training.
func newKept(net *graph.Network, m *graph.Model) *kept {
	k := &kept{weights: net.Weights}
	for _, name := range slices.Sorted(slices.Values(m.State())) {
		k.tensors = append(k.tensors, net.Weights.Get(name).Float32s())
	}
	k.before = make([][]float32, len(k.tensors))
	return k
}

// keep notes all before a step.
func (k *kept) keep() {
	k.step = k.weights.Step
	for i, t := range k.tensors {
		k.before[i] = append(k.before[i][:0], t...)
	}
}

// restore brings all back.
func (k *kept) restore() {
	k.weights.Step = k.step
	for i, t := range k.tensors {
		copy(t, k.before[i])
	}
}

// count counts a batch that has been trained on.
func (r *run) count(t tally) {
	r.arithmetic = op.Arithmetic()
	r.at.Sums.Images += t.Images
	r.at.Sums.Correct += t.Correct
	r.at.Sums.Loss += t.Loss
	r.at.Batch++
}

// learn takes up the gradients of a batch of n samples. With the last batch of a
// group of Accumulate, or of the epoch, it changes the weights.
func (r *run) learn(grads [][]float32, n int) {
	group := max(r.Accumulate, 1)
	before := r.at.Batch % group * r.Batch // samples of the group
	r.updater.collect(grads, float64(n)/float64(before+n))
	if at := r.at.Batch + 1; at%group > 0 && at < batchCount(r.data.Train.Len(), r.Batch) {
		return
	}
	at := r.moment()
	rule := r.Optimizer
	if r.Schedule != nil {
		rule = rule.(Rated).WithRate(r.rate(at))
	}
	r.updater.step(rule, uint64(at.Step+1))
}

// moment is that of the next step, or after an epoch's batches of its last step.
func (r *run) moment() Moment {
	group := max(r.Accumulate, 1)
	steps := batchCount(batchCount(r.data.Train.Len(), r.Batch), group)
	return Moment{Step: r.at.Epoch*steps + min(r.at.Batch/group, steps-1), StepsPerEpoch: steps, Epochs: r.Epochs, History: r.history}
}

// rate is the learning rate at a moment, 0 if the optimizer does not tell. A rate
// of 0 would mean the default.
func (r *run) rate(at Moment) float64 {
	o, ok := r.Optimizer.(Rated)
	switch {
	case !ok:
		return 0
	case r.Schedule == nil:
		return o.Rate()
	}
	return max(o.Rate()*r.Schedule.Factor(at), 1e-30)
}

// batchCount is the number of batches that n samples make.
func batchCount(n, size int) int { return 1 + (n-1)/size }
