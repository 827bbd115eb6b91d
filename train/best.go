package train

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

// best is the index of the epoch with the lowest ValLoss, the first of equal
// ones; -1 without epochs.
func best(history []Epoch) int {
	at := -1
	for i, e := range history {
		if at < 0 || e.ValLoss < history[at].ValLoss {
			at = i
		}
	}
	return at
}

// stalled reports whether ValLoss has not fallen for Patience epochs.
func (r *run) stalled() bool {
	return r.Patience > 0 && len(r.history)-1-best(r.history) >= r.Patience
}

// remember keeps the weights of the epoch that ended, if it is the best.
func (r *run) remember() {
	if r.Patience > 0 && best(r.history) == len(r.history)-1 {
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

// finish ends a complete run: with Patience, the best weights are the model's.
func (r *run) finish() (*Result, error) {
	res := r.result()
	if r.Patience == 0 {
		return res, nil
	}
	if err := r.net.Weights.Load(r.best); err != nil {
		return res, err
	}
	if r.Dir == "" {
		return res, nil
	}
	return res, r.saveModel(ModelFile, r.best, res.Best.Epoch)
}

// loadBest takes up the best weights of a history, into the network too. Where
// the file is not of that epoch, as when the run goes on from an earlier
// checkpoint, the epoch's own checkpoint has them, if it was kept.
func (r *run) loadBest(history []Epoch) error {
	epoch := best(history) + 1
	path := filepath.Join(r.Dir, BestFile)
	m, err := weights.LoadModel(path)
	strayed := false
	if err == nil && m.Epoch != epoch && m.Epoch != 0 { // older files do not say
		err = fmt.Errorf("%s is of epoch %d, and there is no checkpoint of epoch %d", path, m.Epoch, epoch)
	}
	if err != nil {
		if m.Tensors, path = r.kept(history[:epoch]); m.Tensors == nil {
			return fmt.Errorf("train: Patience needs the best weights so far: %w", err)
		}
		strayed = true
	}
	if err := r.net.Weights.Load(m.Tensors); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if name := r.notFinite(); name != "" {
		return fmt.Errorf("train: %s is damaged: %s holds NaN or Inf", path, name)
	}
	r.best, r.strayed = copies(r.net.Weights.Map()), strayed
	return nil
}

// kept returns the weights that the last epoch of a history was evaluated with,
// from a checkpoint after it, and its path; nil if there is none.
func (r *run) kept(history []Epoch) (map[string]*tensor.Dense, string) {
	for _, name := range []string{keptFile(len(history)), CheckpointFile} {
		path := filepath.Join(r.Dir, name)
		f, s, err := readState(path)
		if err == nil && s.At.Batch == 0 && slices.Equal(s.History, history) {
			all := under("weights/", f.Tensors)
			maps.Copy(all, under("average/", f.Tensors))
			return all, path
		}
	}
	return nil, ""
}

// keptFile is the name of the checkpoint after an epoch, for Config.Keep.
func keptFile(epoch int) string { return fmt.Sprintf("epoch-%04d.safetensors", epoch) }

// keptEpoch is the epoch of which a name is keptFile.
func keptEpoch(name string) (epoch int, ok bool) {
	number, _ := strings.CutPrefix(name, "epoch-")
	number, _ = strings.CutSuffix(number, ".safetensors")
	epoch, err := strconv.Atoi(number)
	return epoch, err == nil && epoch > 0 && name == keptFile(epoch)
}

// keepLast writes the checkpoint after an epoch under a name of its own, and
// removes those that are now too old.
func (r *run) keepLast() error {
	if r.Keep == 0 {
		return nil
	}
	if err := r.saveAs(keptFile(r.at.Epoch)); err != nil {
		return err
	}
	files, err := os.ReadDir(r.Dir)
	for _, f := range files {
		if epoch, ok := keptEpoch(f.Name()); ok && epoch <= r.at.Epoch-r.Keep && f.Type().IsRegular() {
			err = cmp.Or(err, os.Remove(filepath.Join(r.Dir, f.Name())))
		}
	}
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("train: an old checkpoint: %w", err)
	}
	return nil
}
