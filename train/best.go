package train

import (
	"fmt"
	"maps"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

// best is the index of the epoch with the highest Attacked, or where that is not
// measured with the lowest ValLoss, the first of equal ones; -1 without epochs.
func best(history []Epoch) int {
	at := -1
	for i, e := range history {
		if at < 0 || e.better(history[at]) {
			at = i
		}
	}
	return at
}

func (e Epoch) better(than Epoch) bool {
	if e.Attacked != than.Attacked {
		return e.Attacked > than.Attacked
	}
	return e.Attacked == 0 && e.ValLoss < than.ValLoss
}

// stalled reports whether no epoch has been better for Patience epochs.
func (r *run) stalled() bool {
	return r.Patience > 0 && len(r.history)-1-best(r.history) >= r.Patience
}

// copyBest copies the weights of the epoch that ended, if it is the best.
func (r *run) copyBest() {
	if r.keepsBest() && best(r.history) == len(r.history)-1 {
		r.averaged(func() error { r.best = copies(r.net.Weights.Map()); return nil })
	}
}

func copies(of map[string]*tensor.Dense) map[string]*tensor.Dense {
	all := maps.Clone(of)
	for name, t := range all {
		all[name] = t.Clone().(*tensor.Dense)
	}
	return all
}

// finish ends a run that is paused or complete: with Patience, or after a collapse, the best weights are
// the model's at its end.
func (r *run) finish() (*Result, error) {
	res := r.result()
	if res.Paused || r.Patience == 0 && !res.Collapsed {
		return res, r.restoreModel()
	}
	if err := r.net.Weights.Load(r.best); err != nil {
		return res, err
	}
	return res, r.saveModel(ModelFile, r.best, res.Best.Epoch)
}

// restoreModel writes the model of a run that was complete already, if its file is gone
// or damaged: the checkpoint has it.
func (r *run) restoreModel() error {
	if !r.complete || r.folder == nil {
		return nil
	}
	if _, err := weights.LoadModel(r.folder.path(ModelFile)); err == nil {
		return nil
	}
	return r.saveModel(ModelFile, r.net.Weights.Map(), len(r.history))
}

// loadBest takes up the best weights of a history, into the network too. Where
// the file is not of that epoch, as when the run goes on from an earlier
// checkpoint, the best one before it has them, or the epoch's own checkpoint, if it was kept.
func (r *run) loadBest(history []Epoch) error {
	epoch := best(history) + 1
	path := r.folder.path(BestFile)
	m, err := weights.LoadModel(path)
	stale := false
	if err != nil || m.Epoch > epoch {
		if former, e := weights.LoadModel(r.folder.path(formerBest)); e == nil && former.Epoch == epoch {
			m, err, stale = former, nil, true
		}
	}
	if err == nil && m.Epoch != epoch && m.Epoch != 0 { // older files do not say
		err = fmt.Errorf("%s is of epoch %d, and there is no checkpoint of epoch %d", path, m.Epoch, epoch)
	}
	if err != nil {
		if m.Tensors, path = r.folder.weightsAfter(history[:epoch]); m.Tensors == nil {
			return fmt.Errorf("train: the run needs its best weights so far: %w", err)
		}
		stale = true
	}
	if err := r.net.Weights.Load(m.Tensors); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if name := r.notFinite(); name != "" {
		return fmt.Errorf("train: %s is damaged: %s holds NaN or Inf", path, name)
	}
	r.best, r.bestFileStale = copies(r.net.Weights.Map()), stale
	return nil
}
