package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

// The files of a run's folder.
const (
	ModelFile      = "model.safetensors"      // the weights, for inference
	CheckpointFile = "checkpoint.safetensors" // all that a run needs to go on
	HistoryFile    = "history.csv"            // a line for each epoch
	CurvesFile     = "curves.svg"             // loss and accuracy over the epochs
)

// A checkpoint is one safetensors file. Its tensors are the network's under
// "weights/" and the optimizer's under "optimizer/"; its metadata has one entry:
const stateKey = "tapenet.train"

// state is that entry, in JSON.
type state struct {
	Settings settings
	Step     uint64 // training steps taken; dropout draws from it
	At       position
	History  []Epoch
}

// settings are what must not change when a run goes on.
type settings struct {
	Model     string
	Dataset   string
	Images    int
	Batch     int
	Optimizer string
	Seed      uint64
}

func (r *run) settings() settings {
	return settings{r.Model, r.data.Name, r.data.Train.Len(), r.Batch, fmt.Sprint(r.Optimizer), r.Seed}
}

// save writes the checkpoint.
func (r *run) save() error {
	if r.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return fmt.Errorf("train: the run's folder: %w", err)
	}
	s, err := json.Marshal(state{r.settings(), r.net.Weights.Step, r.at, r.history})
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	f := weights.File{Tensors: map[string]*tensor.Dense{}, Metadata: map[string]string{stateKey: string(s)}}
	for name, t := range r.net.Weights.Map() {
		f.Tensors["weights/"+name] = t
	}
	for name, t := range r.updater.state() {
		f.Tensors["optimizer/"+name] = t
	}
	if err := f.Save(filepath.Join(r.Dir, CheckpointFile)); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// keep writes all files of the run's folder after an epoch. The checkpoint
// comes last: what it says is there, is there.
func (r *run) keep() error {
	if r.Dir == "" {
		return nil
	}
	path := func(name string) string { return filepath.Join(r.Dir, name) }
	model := weights.Model{Name: r.Model, Input: r.data.Shape, Classes: r.data.Classes, Tensors: r.net.Weights.Map()}
	var curves bytes.Buffer
	return errors.Join(
		model.Save(path(ModelFile)),
		weights.WriteFile(path(HistoryFile), func(w io.Writer) error { return writeCSV(w, r.history) }),
		writeCurves(&curves, r.history),
		weights.WriteFile(path(CurvesFile), func(w io.Writer) error { _, err := curves.WriteTo(w); return err }),
		r.save(),
	)
}

// load takes up the run in the folder.
func (r *run) load() error {
	path := filepath.Join(r.Dir, CheckpointFile)
	f, err := weights.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: nothing to resume, there is no %s", path)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	var s state
	if err := json.Unmarshal([]byte(f.Metadata[stateKey]), &s); err != nil {
		return fmt.Errorf("train: %s is no checkpoint: its metadata %q: %w", path, stateKey, err)
	}
	if want := r.settings(); s.Settings != want {
		return fmt.Errorf("train: %s is of another run: it has %+v, this one %+v", path, s.Settings, want)
	}
	if err := r.net.Weights.Load(under("weights/", f.Tensors)); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if err := r.updater.load(under("optimizer/", f.Tensors)); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	r.net.Weights.Step, r.at, r.history = s.Step, s.At, s.History
	return nil
}

// load copies saved slots into the updater's.
func (u *updater) load(from map[string]*tensor.Dense) error {
	own := u.state()
	for name, t := range own {
		saved := from[name]
		if saved == nil || !saved.Shape().Eq(t.Shape()) || saved.Dtype() != tensor.Float32 {
			return fmt.Errorf("the optimizer's %s is missing or not %v", name, t.Shape())
		}
	}
	for name := range maps.Keys(own) {
		copy(own[name].Float32s(), from[name].Float32s())
	}
	return nil
}

// under returns the tensors whose name begins with prefix, without it.
func under(prefix string, all map[string]*tensor.Dense) map[string]*tensor.Dense {
	some := map[string]*tensor.Dense{}
	for name, t := range all {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			some[rest] = t
		}
	}
	return some
}
