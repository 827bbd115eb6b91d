package train

import (
	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/train/data"
)

// batch trains on a batch.
func (r *run) batch(b data.Batch) error {
	n := len(b.Classes)
	m, err := r.net.Model(graph.Train, n)
	if err != nil {
		return err
	}
	give(m, b)
	if r.Mixup > 0 {
		mixUp(m.Input.Float32s(), b.X, len(b.X)/n, r.Mixup, r.mixing())
	}
	r.weigh(m, b.Samples)
	if err := m.Run(); err != nil {
		return err
	}
	if err := checkLoss(m.Loss(), r.at.Epoch+1, r.at.Batch+1); err != nil {
		return err
	}
	r.learn(m.Params(), n)
	r.arithmetic = op.Arithmetic()
	r.at.Sums.add(m)
	r.at.Batch++
	return nil
}

// learn takes up the gradients of a batch of n samples. With the last batch of a
// group of Accumulate, or of the epoch, it changes the weights.
func (r *run) learn(params []graph.Param, n int) {
	group := max(r.Accumulate, 1)
	before := r.at.Batch % group * r.Batch // samples of the group
	r.updater.collect(params, float64(n)/float64(before+n))
	if at := r.at.Batch + 1; at%group > 0 && at < batchCount(r.data.Train.Len(), r.Batch) {
		return
	}
	at := r.moment()
	rule := r.Optimizer
	if r.Schedule != nil {
		rule = rule.(Rated).WithRate(r.rate(at))
	}
	r.updater.step(rule, uint64(at.Step+1), params)
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
