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
	formerBest     = "previous-best.safetensors"
	HistoryFile    = "history.csv" // a line for each epoch
	CurvesFile     = "curves.svg"  // loss and accuracy over the epochs
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
	_, s, _, err := f.latest()
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
	f.sweep()
	return nil
}

// sweep removes the temporary files of a run that was killed. What cannot be removed
// does no harm.
func (f *folder) sweep() {
	files, _ := os.ReadDir(f.dir)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), weights.TempPrefix) && file.Type().IsRegular() {
			os.Remove(f.path(file.Name()))
		}
	}
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

// keep makes a file the previous one too, which it is when the next one takes its place.
func (f *folder) keep(name, previous string) error {
	temp := f.path(weights.TempPrefix + previous)
	defer os.Remove(temp) // which is still there if both were the same file
	err := os.Link(f.path(name), temp)
	switch {
	case err == nil:
		return os.Rename(temp, f.path(previous))
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	err = os.Rename(f.path(name), f.path(previous)) // a file system without links, which may refuse them before it looks for the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// latest reads the checkpoint that the run goes on from: the last one, or where that is
// damaged or gone the one before, of which note tells. One that the system does not let
// be read is neither.
func (f *folder) latest() (file weights.File, s state, note string, err error) {
	file, s, err = readSound(f.path(CheckpointFile))
	if path := (*fs.PathError)(nil); err == nil || errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return file, s, "", err
	}
	file, s, failed := readSound(f.path(PreviousFile))
	if failed != nil {
		return file, s, "", err
	}
	return file, s, fmt.Sprintf("%v; the run goes on from the checkpoint before it, %s", err, f.path(PreviousFile)), nil
}

// setAside renames a damaged checkpoint, which somebody may want to look at.
func (f *folder) setAside() error {
	err := os.Rename(f.path(CheckpointFile), f.path(CheckpointFile+".damaged"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %w", err)
	}
	return nil
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
// with, from a checkpoint after it; nil if there is none.
func (f *folder) weightsAfter(history []Epoch) map[string]*tensor.Dense {
	for _, name := range []string{epochFile(len(history)), CheckpointFile} {
		file, s, err := readState(f.path(name))
		if err == nil && s.At.Batch == 0 && slices.Equal(s.History, history) {
			return evaluated(file.Tensors)
		}
	}
	return nil
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

// HasRun tells whether a folder has a checkpoint to go on from, sound or not.
func HasRun(dir string) bool {
	for _, name := range []string{CheckpointFile, PreviousFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// readState reads a checkpoint. Its tensors and its state are not checked yet. A missing
// file satisfies errors.Is(err, fs.ErrNotExist).
func readState(path string) (weights.File, state, error) {
	f, err := weights.Load(path)
	if err != nil {
		return f, state{}, err
	}
	s, err := parseState(f.Metadata[stateKey])
	if err != nil {
		return f, state{}, fmt.Errorf("%s is damaged: its metadata %q: %w", path, stateKey, err)
	}
	return f, s, nil
}
