package train

import (
	"errors"
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

// loadBest takes up the best weights of the run, of which s is the state, into the network
// too. Where the file is not of that epoch and that run, as when the run goes on from an
// earlier checkpoint, the best one before it has them, or the epoch's own checkpoint, if it
// was kept.
func (r *run) loadBest(s state) error {
	r.bestSum = s.Best
	epoch := best(s.History) + 1
	err := r.readBest(BestFile, epoch)
	if err != nil {
		r.bestFileStale = r.readBest(formerBest, epoch) == nil || r.bestOfCheckpoint(s.History[:epoch])
		if !r.bestFileStale {
			return fmt.Errorf("train: the run needs its best weights so far: %w", err)
		}
	}
	r.best = copies(r.net.Weights.Map())
	return nil
}

// readBest takes up the weights of an epoch from a file. Older files do not say of which
// epoch they are.
func (r *run) readBest(name string, epoch int) error {
	path := r.folder.path(name)
	m, err := weights.LoadModel(path)
	if err != nil {
		return err
	}
	if m.Epoch != epoch && m.Epoch != 0 {
		return fmt.Errorf("%s is of epoch %d, and there is no checkpoint of epoch %d", path, m.Epoch, epoch)
	}
	if err := r.takeBest(m.Tensors); err != nil {
		return fmt.Errorf("%s %w, and there is no checkpoint of epoch %d", path, err, epoch)
	}
	return nil
}

// bestOfCheckpoint takes them up from a checkpoint after the last epoch of a history.
func (r *run) bestOfCheckpoint(history []Epoch) bool {
	tensors := r.folder.weightsAfter(history)
	return tensors != nil && r.takeBest(tensors) == nil
}

// takeBest takes up tensors, if they are those that the run had in its best epoch. An older
// checkpoint does not know them, and takes any.
func (r *run) takeBest(tensors map[string]*tensor.Dense) error {
	if err := r.net.Weights.Load(tensors); err != nil {
		return fmt.Errorf("does not fit: %w", err)
	}
	if name := r.notFinite(); name != "" {
		return fmt.Errorf("is damaged: %s holds NaN or Inf", name)
	}
	if r.bestSum != "" && r.bestSum != sumOfBest(r.net.Weights.Map()) {
		return errors.New("has other weights than the run had in its best epoch")
	}
	return nil
}

// sumOfBest is a hash of weights, by which a checkpoint knows the best ones.
func sumOfBest(tensors map[string]*tensor.Dense) string { return fmt.Sprintf("%x", sumOf(tensors)) }
