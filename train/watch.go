package train

import (
	"context"
	"fmt"

	"tapenet/graph"
	"tapenet/train/data"
)

// watched is a Defence that has the network measured under attack after every epoch, on
// so many samples, and ends a run whose accuracy there falls by collapse or more below
// the best epoch's; 0 is never.
type watched interface {
	watch() (samples int, collapse float64)
}

// watcher is the Defender of a watched one.
type watcher interface {
	// survivors is how many of the pictures, as the network takes them, are given their
	// classes under attack. It changes the pictures.
	survivors(pictures, classes []float32) (int, error)
}

func (a Adversarial) watch() (samples int, collapse float64) {
	return a.Watch, a.defaults().Collapse
}

// watch is that of the Defence, zeros for none.
func (c Config) watch() (samples int, collapse float64) {
	if d, ok := c.Defence.(watched); ok {
		samples, collapse = d.watch()
	}
	return samples, collapse
}

// keepsBest reports whether a run may end with the best epoch's weights.
func (c Config) keepsBest() bool {
	samples, collapse := c.watch()
	return c.Patience > 0 || samples > 0 && collapse > 0
}

// collapsed reports whether the last epoch is so bad under attack that the run ends.
func (r *run) collapsed() bool {
	samples, collapse := r.Config.watch()
	if i := best(r.history); samples > 0 && collapse > 0 && i >= 0 {
		return r.history[len(r.history)-1].Attacked <= r.history[i].Attacked-collapse
	}
	return false
}

// ended reports whether the run ends before its last epoch.
func (r *run) ended() bool { return r.stalled() || r.collapsed() }

// paused reports whether Until stops the run before its end.
func (r *run) paused() bool {
	return r.Until > 0 && r.at.Epoch >= r.Until && r.at.Epoch < r.Epochs && !r.ended()
}

// attacked measures the network under attack, 0 without a watch. Every rank does all of
// it: what is random in it follows from nothing but the network, and there is little.
func (r *run) attacked(ctx context.Context) (float64, error) {
	n, _ := r.Config.watch()
	w, ok := r.defender.(watcher)
	if n == 0 || !ok {
		return 0, nil
	}
	of := r.data.Test
	if !r.data.HeldOut {
		of = data.Epoch(r.data.Train, 0)
	}
	n = min(n, of.Len())
	part, right := r.laneSize(r.data), 0
	for lo := 0; lo < n; lo += part {
		k, err := r.survivors(w, of, lo, min(lo+part, n))
		if stoppedBy(ctx, err) {
			err = nil // the others learn that it is to stop
		}
		if stop, err := r.agreeToStop(ctx, err); err != nil {
			return 0, err
		} else if stop {
			return 0, errStopped
		}
		right += k
	}
	return float64(right) / float64(n), nil
}

// survivors is how many of the samples [lo,hi) the network gets right under attack.
func (r *run) survivors(w watcher, of data.Samples, lo, hi int) (int, error) {
	size := r.data.Shape[0] * r.data.Shape[1] * r.data.Shape[2]
	x, classes := make([]float32, (hi-lo)*size), make([]float32, hi-lo)
	for k := range classes {
		class, err := of.Read(lo+k, x[k*size:][:size])
		if err != nil {
			return 0, fmt.Errorf("train: watch: sample %d: %w", lo+k, err)
		}
		classes[k] = float32(class)
	}
	n, err := w.survivors(x, classes)
	if err != nil {
		return 0, fmt.Errorf("train: watch: %w", err)
	}
	return n, nil
}

// agreeToStop reports whether a rank is to stop, and returns an error if one has failed.
func (r *run) agreeToStop(ctx context.Context, err error) (bool, error) {
	if err := r.ranks.agree(err); err != nil {
		return false, err
	}
	mine := []byte{0}
	if ctx.Err() != nil {
		mine[0] = 1
	}
	all, err := r.ranks.gatherEqual(mine)
	for _, stop := range all {
		mine[0] |= stop
	}
	return mine[0] > 0, err
}

// survivors attacks pictures by PGD of WatchSteps steps.
func (d *adversary) survivors(pictures, classes []float32) (right int, err error) {
	if err := d.start(); err != nil {
		return 0, err
	}
	s := attempt{epsilon: d.Epsilon, size: d.Epsilon / 10, steps: WatchSteps}
	if err := d.attack(s, pictures, classes); err != nil {
		return 0, err
	}
	if err := d.run(); err != nil {
		return 0, err
	}
	logits := d.model.Output().Float32s()
	for k, class := range d.classes {
		n := len(logits) / d.task.Lane
		if graph.ArgMax(logits[k*n:][:n]) == class {
			right++
		}
	}
	return right, nil
}
