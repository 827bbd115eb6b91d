package search

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tapenet/cmd/internal/tomlfile"
	"tapenet/graph/weights"
	"tapenet/train"
)

// The files of a trial's folder that search itself reads or writes; all else is train's.
const (
	configFile   = "config.toml"  // the run's settings, by train
	divergedFile = "diverged.txt" // train's error, of a trial that is not to be repeated
)

// trial is one point of the space, and the run that it is trained in. What has become of
// it is read from the run's folder, so that a search goes on from there.
type trial struct {
	number int
	dir    string
	values settings // of the space
	all    settings // of the run, as its config.toml has them
	epochs int      // of the whole run

	rung     int // the last one that it was trained for
	until    int // that one's epochs
	history  []train.Epoch
	diverged bool // before until
}

// arguments are the flags of train for the trial's values.
func (t *trial) arguments() (args []string) {
	for _, name := range t.values.names() {
		args = append(args, fmt.Sprintf("-%s=%v", name, t.values[name]))
	}
	return args
}

// check returns an error if the folder has a run of other settings.
func (t *trial) check() error {
	if !t.begun() {
		return nil
	}
	path, was := filepath.Join(t.dir, configFile), settings{}
	if err := tomlfile.Decode(path, &was); err != nil {
		return fmt.Errorf("search: %s holds a run already, but %w: want another -out", t.dir, err)
	}
	for _, name := range t.all.names() {
		if name == "lanes" || was[name] == nil { // the file has the number that the default is
			continue
		}
		if a, b := fmt.Sprint(was[name]), fmt.Sprint(t.all[name]); a != b {
			return fmt.Errorf("search: %s is of another search: its %s is %.100s, this one's %.100s: want another -out, or the same space, seed and flags", t.dir, name, a, b)
		}
	}
	return nil
}

// begun reports whether there is a checkpoint to go on from.
func (t *trial) begun() bool {
	return train.HasRun(t.dir)
}

// read takes up what the folder says.
func (t *trial) read() error {
	r, err := train.ReadRecord(t.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("search: %w", err)
	case r.EvaluatedOn != "validation":
		return fmt.Errorf("search: %s was evaluated on the %s part, want images held out of the training set, as with -val 0.1", t.dir, r.EvaluatedOn)
	}
	t.history = r.History
	_, err = os.Stat(filepath.Join(t.dir, divergedFile))
	t.diverged = err == nil && len(t.history) < t.until
	return nil
}

// trained reports whether there is nothing to train up to an epoch.
func (t *trial) trained(until int) bool {
	return t.diverged || len(t.history) >= until || t.stalled()
}

// stalled reports whether -patience has ended the run.
func (t *trial) stalled() bool {
	patience, _ := t.all["patience"].(int64)
	return patience > 0 && len(t.history)-train.Record{History: t.history}.Best().Epoch >= int(patience)
}

// diverge keeps the error of a trial that has diverged, for read.
func (t *trial) diverge(err error) error {
	write := func(w io.Writer) error { _, failed := fmt.Fprintln(w, err); return failed }
	return cmp.Or(os.MkdirAll(t.dir, 0o755), weights.WriteFile(filepath.Join(t.dir, divergedFile), write))
}

// result is the epoch that the trial is judged by: that of the weights which its run has
// at the last rung's end, so the best one where patience or a collapse choose it. Its
// Epoch is 0 if there is none.
func (t *trial) result() train.Epoch {
	h := t.history[:min(len(t.history), t.until)]
	if patience, _ := t.all["patience"].(int64); patience > 0 || len(h) < t.until {
		return train.Record{History: h}.Best()
	}
	return h[len(h)-1]
}

// before orders trials, the best first: those that came further, then by accuracy, then
// by loss. Those that diverged are last.
func before(a, b *trial) int {
	switch {
	case a.diverged && b.diverged:
		return cmp.Or(cmp.Compare(b.rung, a.rung), cmp.Compare(a.number, b.number))
	case a.diverged:
		return 1
	case b.diverged:
		return -1
	}
	x, y := a.result(), b.result()
	return cmp.Or(cmp.Compare(b.rung, a.rung), cmp.Compare(y.ValAccuracy, x.ValAccuracy), cmp.Compare(x.ValLoss, y.ValLoss), cmp.Compare(a.number, b.number))
}
