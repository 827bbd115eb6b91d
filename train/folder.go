package train

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

// The files of a run's folder.
const (
	ModelFile      = "model.safetensors"      // the weights, for inference
	BestFile       = "best.safetensors"       // those of the epoch with the lowest ValLoss
	CheckpointFile = "checkpoint.safetensors" // all that a run needs to go on
	PreviousFile   = "previous.safetensors"   // the checkpoint before it, to go on from if it is damaged
	HistoryFile    = "history.csv"            // a line for each epoch
	CurvesFile     = "curves.svg"             // loss and accuracy over the epochs
)

// folder is where a run's files lie.
type folder struct {
	dir    string
	unlock func() error // nil unless this run has the folder
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// claim makes the folder and takes it. It must not hold the work of another run; a
// checkpoint from before the first step is no work. earlier, if not nil, may move what
// is there, while no other run can have it.
func (f *folder) claim(earlier func() error) error {
	if err := f.moveEarlier(earlier); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return fmt.Errorf("train: the run's folder: %w", err)
	}
	if err := f.hold(); err != nil {
		return err
	}
	_, s, err := readCheckpoint(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(f.path(ModelFile)); err == nil {
			return fmt.Errorf("train: %s holds a model already, %s: choose another folder", f.dir, ModelFile)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: %s holds a run already, but %w: choose another folder", f.dir, err)
	}
	if s.Step > 0 {
		return fmt.Errorf("train: %s holds a run already (epoch %d): set Resume to go on with it, or choose another folder", f.dir, s.At.Epoch)
	}
	return nil
}

// moveEarlier lets earlier move what is in the folder.
func (f *folder) moveEarlier(earlier func() error) error {
	if _, err := os.Stat(f.dir); err != nil || earlier == nil {
		return nil
	}
	if err := f.hold(); err != nil {
		return err
	}
	defer f.release() // the folder, which may have another name now
	return earlier()
}

// hold takes the folder, which must be there, until release: no other run can have it.
func (f *folder) hold() error {
	unlock, err := lock(f.dir)
	if errors.Is(err, errBusy) {
		return fmt.Errorf("train: %w in %s: stop it, or choose another folder", err, f.dir)
	}
	if err != nil {
		return fmt.Errorf("train: the run's folder: %w", err)
	}
	f.unlock = unlock
	return f.sweep()
}

// sweep removes the temporary files of a run that was killed, which nobody writes any more.
func (f *folder) sweep() error {
	left, err := filepath.Glob(filepath.Join(f.dir, weights.TempPattern))
	for _, path := range left {
		err = cmp.Or(err, os.Remove(path))
	}
	if err != nil {
		return fmt.Errorf("train: a file left by a run that was killed: %w", err)
	}
	return nil
}

// release lets other runs have the folder, if this one has it.
func (f *folder) release() {
	if f != nil && f.unlock != nil {
		f.unlock()
		f.unlock = nil
	}
}

// saveCheckpoint writes a checkpoint under a name.
func (f *folder) saveCheckpoint(name string, s state, tensors map[string]*tensor.Dense) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	file := weights.File{Tensors: tensors, Metadata: map[string]string{stateKey: string(text)}}
	if err := file.Save(f.path(name)); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// keepPrevious makes the checkpoint the previous one too, which it is when the next one
// takes its place.
func (f *folder) keepPrevious() error {
	temp := f.path(strings.Replace(weights.TempPattern, "*", PreviousFile, 1))
	defer os.Remove(temp) // which is still there if both were the same file
	err := os.Link(f.path(CheckpointFile), temp)
	switch {
	case err == nil:
		return os.Rename(temp, f.path(PreviousFile))
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return os.Rename(f.path(CheckpointFile), f.path(PreviousFile)) // a file system without links
}

// latest reads the checkpoint that the run goes on from: the last one, or where that is
// damaged or gone the one before, of which note tells.
func (f *folder) latest() (file weights.File, s state, note string, err error) {
	file, s, err = readSound(f.path(CheckpointFile))
	if err == nil {
		return file, s, "", nil
	}
	file, s, failed := readSound(f.path(PreviousFile))
	if failed != nil {
		return file, s, "", err
	}
	return file, s, fmt.Sprintf("%v; the run goes on from the checkpoint before it, %s", err, f.path(PreviousFile)), nil
}

// readSound is readState, of a state that a run can be in.
func readSound(path string) (weights.File, state, error) {
	file, s, err := readState(path)
	if err == nil && !s.possible() {
		err = fmt.Errorf("%s is damaged: its run cannot be at epoch %d, batch %d, step %d with that history", path, s.At.Epoch, s.At.Batch, s.Step)
	}
	return file, s, err
}

// write writes a file that shows a history.
func (f *folder) write(name string, show func(io.Writer, []Epoch) error, history []Epoch) error {
	return weights.WriteFile(f.path(name), func(w io.Writer) error { return show(w, history) })
}

// dropOld removes the checkpoints of epochs up to the given one.
func (f *folder) dropOld(epoch int) error {
	files, err := os.ReadDir(f.dir)
	for _, file := range files {
		if e, ok := checkpointEpoch(file.Name()); ok && e <= epoch && file.Type().IsRegular() {
			err = cmp.Or(err, os.Remove(f.path(file.Name())))
		}
	}
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("train: an old checkpoint: %w", err)
	}
	return nil
}

// weightsAfter returns the weights that the last epoch of a history was evaluated
// with, from a checkpoint after it, and its path; nil if there is none.
func (f *folder) weightsAfter(history []Epoch) (map[string]*tensor.Dense, string) {
	for _, name := range []string{epochFile(len(history)), CheckpointFile} {
		file, s, err := readState(f.path(name))
		if err == nil && s.At.Batch == 0 && slices.Equal(s.History, history) {
			return evaluated(file.Tensors), f.path(name)
		}
	}
	return nil, ""
}

// epochFile is the name of the checkpoint after an epoch, for Config.KeepCheckpoints.
func epochFile(epoch int) string { return fmt.Sprintf("epoch-%04d.safetensors", epoch) }

// checkpointEpoch is the epoch of which a name is epochFile.
func checkpointEpoch(name string) (epoch int, ok bool) {
	number, _ := strings.CutPrefix(name, "epoch-")
	number, _ = strings.CutSuffix(number, ".safetensors")
	epoch, err := strconv.Atoi(number)
	return epoch, err == nil && epoch > 0 && name == epochFile(epoch)
}

// readCheckpoint reads the checkpoint in a folder. Its tensors and its state are
// not checked yet. A missing file satisfies errors.Is(err, fs.ErrNotExist).
func readCheckpoint(dir string) (weights.File, state, error) {
	return readState(filepath.Join(dir, CheckpointFile))
}

// readState is readCheckpoint for the path of a file.
func readState(path string) (weights.File, state, error) {
	f, err := weights.Load(path)
	if err != nil {
		return f, state{}, err
	}
	var s state
	if err := json.Unmarshal([]byte(f.Metadata[stateKey]), &s); err != nil {
		return f, state{}, fmt.Errorf("%s is damaged: its metadata %q: %w", path, stateKey, err)
	}
	return f, s, nil
}
