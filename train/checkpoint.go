package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gorgonia.org/tensor"

	"tapenet/graph/op"
	"tapenet/graph/weights"
)

// A checkpoint is one safetensors file. Its tensors are the network's under
// "weights/", the optimizer's under "optimizer/", and where Config asks for them
// the gradients accumulated under "gradient/" and the moving averages under
// "average/"; its metadata has one entry:
const stateKey = "tapenet.train"

// state is that entry, in JSON.
type state struct {
	Settings settings
	Step     uint64 // training steps taken; dropout draws from it
	At       position
	History  []Epoch

	Parameters int `json:",omitempty"` // values of the network that training changes, for those who list runs

	// Best is the sumOfBest of the weights of the best epoch, which BestFile has; "" before
	// the first epoch, and in checkpoints of commit 1b20723 and before.
	Best string `json:",omitempty"`

	// Arithmetic is the op.Arithmetic of the last step; "" if there was none, and
	// in checkpoints of commit 81b9a2b and before.
	Arithmetic string `json:",omitempty"`
}

const (
	maxSettings = 1 << 20 // bytes of a state's settings
	leastEpoch  = 32      // bytes of an epoch in a state's history, which has 100 at least
)

// parseState reads the text of a state. What it takes is in proportion to the text, whose
// lists and maps may have very many very short elements.
func parseState(text string) (state, error) {
	var parts struct {
		state
		Settings, History json.RawMessage // in place of the state's
	}
	if err := json.Unmarshal([]byte(text), &parts); err != nil {
		return state{}, err
	}
	s := parts.state
	if n := len(parts.Settings); n > maxSettings {
		return state{}, fmt.Errorf("settings of %d bytes, want at most %d", n, maxSettings)
	}
	if parts.Settings != nil {
		if err := json.Unmarshal(parts.Settings, &s.Settings); err != nil {
			return state{}, err
		}
	}
	var err error
	s.History, err = parseHistory(parts.History)
	return s, err
}

// parseHistory reads the epochs of a state.
func parseHistory(text []byte) (all []Epoch, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); first == nil {
		if err == io.EOF {
			err = nil // there is none, or null
		}
		return nil, err
	} else if first != json.Delim('[') {
		return nil, fmt.Errorf("a history that begins with %.20v, want a list", first)
	}
	for d.More() {
		if len(all) > len(text)/leastEpoch {
			return nil, fmt.Errorf("more than %d epochs in a history of %d bytes, want %d bytes for each at least", len(all), len(text), leastEpoch)
		}
		var e Epoch
		if err := d.Decode(&e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// rounding says in one line why a run that goes on from the state will not come to
// the bits of a run without a break; "" if it will.
func (s state) rounding() string {
	switch now := op.Arithmetic(); {
	case s.Step == 0 || s.Arithmetic == now:
		return ""
	case s.Arithmetic == "":
		return fmt.Sprintf("an earlier version took its steps, whose kernels sum in another order than this one's (revision %s): "+
			"the weights will differ in their last bits from those of a run without a break", now)
	default:
		return fmt.Sprintf("kernels of revision %.40q took its last steps, this program's are of revision %q and sum in another order: "+
			"the weights will differ in their last bits from those of a run without a break", s.Arithmetic, now)
	}
}

// possible reports whether a run with the state's settings can have come to that
// state.
func (s state) possible() bool {
	at, images, batch := s.At, s.Settings.number("Images"), s.Settings.number("Batch")
	if images < 1 || batch < 1 {
		return false
	}
	batches := batchCount(images, batch) // of an epoch
	if at.Epoch != len(s.History) || at.Batch < 0 || at.Batch > batches || s.Step != uint64(at.Epoch*batches+at.Batch) {
		return false
	}
	if at.Sums.Images != min(at.Batch*batch, images) || at.Sums.Correct < 0 || at.Sums.Correct > at.Sums.Images {
		return false
	}
	for i, e := range s.History {
		if e.Epoch != i+1 || !plausible(e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, e.LearningRate, e.Attacked) {
			return false
		}
	}
	return at.Seconds >= 0 && plausible(at.Sums.loss(), at.Seconds, at.speed())
}

// plausible reports whether numbers may be losses, which are float32.
func plausible(numbers ...float64) bool {
	return !slices.ContainsFunc(numbers, func(v float64) bool { return math.Abs(v) > math.MaxFloat32 })
}

// state is the run's.
func (r *run) state() (state, error) {
	s, err := r.settings()
	return state{s, r.net.Weights.Step, r.at, r.history, parameters(r.net), r.bestSum, r.arithmetic}, err
}

// tensors are those of a checkpoint.
func (r *run) tensors() map[string]*tensor.Dense {
	all := map[string]*tensor.Dense{}
	for name, t := range r.net.Weights.Map() {
		all["weights/"+name] = t
	}
	maps.Copy(all, r.updater.tensors())
	return all
}

// evaluated are the weights that a checkpoint's network is evaluated with: the moving
// averages, where there are any.
func evaluated(tensors map[string]*tensor.Dense) map[string]*tensor.Dense {
	all := under("weights/", tensors)
	maps.Copy(all, under("average/", tensors))
	return all
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

// notFinite names a tensor that holds NaN or Inf, "" if none does.
func (r *run) notFinite() string {
	all := r.tensors()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, v := range all[name].Float32s() {
			if v-v != 0 {
				return name
			}
		}
	}
	return ""
}

// save writes the checkpoint, if the run has a folder, and keeps the one before it.
func (r *run) save() error {
	if r.folder == nil {
		return nil
	}
	if err := r.folder.keep(CheckpointFile, PreviousFile); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	if err := r.saveAs(CheckpointFile); err != nil {
		return err
	}
	r.unsaved = nil
	return nil
}

func (r *run) saveAs(name string) error {
	if r.folder == nil {
		return nil
	}
	r.savedAt = time.Now()
	s, err := r.state()
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return r.folder.saveCheckpoint(name, s, r.tensors())
}

// writeAll writes all files of the run's folder after an epoch. The checkpoint
// comes last: what it says is there, is there.
func (r *run) writeAll() error {
	if r.folder == nil {
		return nil
	}
	if err := r.averaged(r.saveModels); err != nil {
		return err
	}
	if err := r.folder.write(HistoryFile, writeCSV, r.history); err != nil {
		return err
	}
	draw := func(w io.Writer, history []Epoch) error { return writeCurves(w, r.data.TestPart(), history) }
	if err := r.folder.write(CurvesFile, draw, r.history); err != nil {
		return err
	}
	if r.KeepCheckpoints > 0 {
		if err := r.saveAs(epochFile(r.at.Epoch)); err != nil {
			return err
		}
		if err := r.folder.dropOld(r.at.Epoch - r.KeepCheckpoints); err != nil {
			return err
		}
	}
	return r.save()
}

// saveModels writes the network, and once more if it is the best so far.
func (r *run) saveModels() error {
	if err := r.saveModel(ModelFile, r.net.Weights.Map(), len(r.history)); err != nil || best(r.history) < len(r.history)-1 {
		return err
	}
	if err := r.folder.keep(BestFile, formerBest); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.bestSum = sumOfBest(r.net.Weights.Map())
	return r.saveModel(BestFile, r.net.Weights.Map(), len(r.history))
}

// saveModel writes the weights after an epoch for inference, if the run has a folder.
func (r *run) saveModel(name string, tensors map[string]*tensor.Dense, epoch int) error {
	if r.folder == nil {
		return nil
	}
	m := weights.Model{
		Name: r.Model, Input: r.pictured().Shape, Classes: r.data.Classes, Tensors: tensors, Epoch: epoch,
		Preprocessing: r.pictured().Prepared(),
	}
	if r.data.Sets != nil {
		m.Thresholds = slices.Repeat([]float64{0.5}, len(m.Classes))
	}
	return m.Save(r.folder.path(name))
}

// load takes up the run in the folder.
func (r *run) load() error {
	path := r.folder.path(CheckpointFile)
	if err := r.folder.hold(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, s, note, err := r.folder.latest()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: nothing to resume, there is no %s", path)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	if d := s.Settings.differences(r); d != "" {
		return fmt.Errorf("train: %s is of another run: %s", path, d)
	}
	if len(s.History) > 0 {
		if err := r.loadBest(s); err != nil && r.keepsBest() {
			return err
		}
	}
	if err := r.net.Weights.Load(under("weights/", f.Tensors)); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if err := r.updater.load(f.Tensors); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if name := r.notFinite(); name != "" {
		return fmt.Errorf("train: %s is damaged: %s holds NaN or Inf", path, name)
	}
	r.net.Weights.Step, r.at, r.history = s.Step, s.At, s.History
	r.arithmetic, r.rounding, r.recovered = s.Arithmetic, s.rounding(), note
	return nil
}
