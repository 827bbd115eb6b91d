package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"gorgonia.org/tensor"

	"tapenet/graph/op"
	"tapenet/graph/weights"
)

// The files of a run's folder.
const (
	ModelFile      = "model.safetensors"      // the weights, for inference
	BestFile       = "best.safetensors"       // those of the epoch with the lowest ValLoss
	CheckpointFile = "checkpoint.safetensors" // all that a run needs to go on
	HistoryFile    = "history.csv"            // a line for each epoch
	CurvesFile     = "curves.svg"             // loss and accuracy over the epochs
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

	// Arithmetic is the op.Arithmetic of the last step; "" if there was none, and
	// in checkpoints of commit 81b9a2b and before.
	Arithmetic string `json:",omitempty"`
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

// settings are what must not change when a run goes on.
type settings struct {
	Model     string
	Dataset   string
	Images    int
	Batch     int
	Optimizer string
	Seed      uint64

	LabelSmoothing, Mixup, ClipNorm, ClipValue, Average float64 `json:",omitempty"`

	Accumulate   int    `json:",omitempty"`
	Changes      string `json:",omitempty"` // of the dataset
	Schedule     string `json:",omitempty"` // "" if there is none
	ClassWeights string `json:",omitempty"` // "" if there are none

	SampleWeights string `json:",omitempty"` // as describeWeights says

	// Older checkpoints do not have these; TestImages is 0 then.
	Shape      [3]int
	TestImages int
	HeldOut    bool
}

func (r *run) settings() settings {
	s := settings{
		Model: r.Model, Dataset: r.data.Name, Images: r.data.Train.Len(), Batch: r.Batch,
		Optimizer: describe(r.Optimizer), Seed: r.Seed, Changes: r.data.Changes,
		LabelSmoothing: r.LabelSmoothing, Mixup: r.Mixup, ClipNorm: r.ClipNorm, ClipValue: r.ClipValue, Average: r.Average, Accumulate: r.Accumulate,
		SampleWeights: describeWeights(r.SampleWeights),
		Shape:         r.data.Shape, TestImages: r.data.Test.Len(), HeldOut: r.data.HeldOut,
	}
	if r.Schedule != nil {
		s.Schedule = describe(r.Schedule)
	}
	if r.ClassWeights != nil {
		s.ClassWeights = fmt.Sprint(r.ClassWeights)
	}
	return s
}

// differences says in which settings s, a checkpoint's, is not those of the run.
func (s settings) differences(run settings) string {
	if s.TestImages == 0 {
		s.Shape, s.TestImages, s.HeldOut = run.Shape, run.TestImages, run.HeldOut
	}
	var all []string
	for _, d := range []struct {
		name, verb string // a bounded one for text, which comes from a file
		saved, now any
	}{
		{"model", "%.100q", s.Model, run.Model},
		{"dataset", "%.100q", s.Dataset, run.Dataset},
		{"change of the images", "%.100q", s.Changes, run.Changes},
		{"shape of an image", "%d", s.Shape, run.Shape},
		{"number of training images", "%d", s.Images, run.Images},
		{"number of test images", "%d", s.TestImages, run.TestImages},
		{"holding out of test images", "%t", s.HeldOut, run.HeldOut},
		{"batch size", "%d", s.Batch, run.Batch},
		{"optimizer", "%.100q", s.Optimizer, run.Optimizer},
		{"seed", "%d", s.Seed, run.Seed},
		{"clipping by norm", "%g", s.ClipNorm, run.ClipNorm},
		{"clipping by value", "%g", s.ClipValue, run.ClipValue},
		{"average", "%g", s.Average, run.Average},
		{"accumulation", "%d", s.Accumulate, run.Accumulate},
		{"label smoothing", "%g", s.LabelSmoothing, run.LabelSmoothing},
		{"mixup", "%g", s.Mixup, run.Mixup},
		{"class weighting", "%.100q", s.ClassWeights, run.ClassWeights},
		{"sample weighting", "%.100q", s.SampleWeights, run.SampleWeights},
		{"schedule", "%.100q", s.Schedule, run.Schedule},
	} {
		if d.saved != d.now {
			if text, ok := d.saved.(string); ok {
				d.saved, d.now = apart(text, d.now.(string))
			}
			all = append(all, fmt.Sprintf("its %s is "+d.verb+", this run's "+d.verb, d.name, d.saved, d.now))
		}
	}
	return strings.Join(all, "; ")
}

// apart leaves out most of a long beginning that two texts have in common.
func apart(a, b string) (string, string) {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	if n < 60 {
		return a, b
	}
	for n -= 30; n > 0 && !utf8.RuneStart(a[n]); n-- {
	}
	return "…" + a[n:], "…" + b[n:]
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

// claim makes the run's folder and takes it. It must not hold the work of another
// run; a checkpoint from before the first step is no work.
func (r *run) claim() error {
	if err := r.moveEarlier(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return fmt.Errorf("train: the run's folder: %w", err)
	}
	if err := r.hold(); err != nil {
		return err
	}
	_, s, err := readCheckpoint(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(r.Dir, ModelFile)); err == nil {
			return fmt.Errorf("train: %s holds a model already, %s: choose another folder", r.Dir, ModelFile)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: %s holds a run already, but %w: choose another folder", r.Dir, err)
	}
	if s.Step > 0 {
		return fmt.Errorf("train: %s holds a run already (epoch %d): set Resume to go on with it, or choose another folder", r.Dir, s.At.Epoch)
	}
	return nil
}

// save writes the checkpoint.
func (r *run) save() error { return r.saveAs(CheckpointFile) }

func (r *run) saveAs(name string) error {
	if r.Dir == "" {
		return nil
	}
	s, err := json.Marshal(state{r.settings(), r.net.Weights.Step, r.at, r.history, parameters(r.net), r.arithmetic})
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	f := weights.File{Tensors: r.tensors(), Metadata: map[string]string{stateKey: string(s)}}
	if err := f.Save(filepath.Join(r.Dir, name)); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// writeAll writes all files of the run's folder after an epoch. The checkpoint
// comes last: what it says is there, is there.
func (r *run) writeAll() error {
	if r.Dir == "" {
		return nil
	}
	if err := r.averaged(r.saveModels); err != nil {
		return err
	}
	if err := r.write(HistoryFile, writeCSV); err != nil {
		return err
	}
	draw := func(w io.Writer, history []Epoch) error { return writeCurves(w, r.data.TestPart(), history) }
	if err := r.write(CurvesFile, draw); err != nil {
		return err
	}
	if err := r.keepLast(); err != nil {
		return err
	}
	return r.save()
}

// saveModels writes the network, and once more if it is the best so far.
func (r *run) saveModels() error {
	if err := r.saveModel(ModelFile, r.net.Weights.Map(), len(r.history)); err != nil || best(r.history) < len(r.history)-1 {
		return err
	}
	return r.saveModel(BestFile, r.net.Weights.Map(), len(r.history))
}

// saveModel writes the weights after an epoch for inference.
func (r *run) saveModel(name string, tensors map[string]*tensor.Dense, epoch int) error {
	m := weights.Model{
		Name: r.Model, Input: r.data.Shape, Classes: r.data.Classes, Tensors: tensors, Epoch: epoch,
		Mean: r.data.Stats.Mean, Deviation: r.data.Stats.Deviation, Scaled: r.data.Scaled,
	}
	return m.Save(filepath.Join(r.Dir, name))
}

// write writes a file that shows the history.
func (r *run) write(name string, show func(io.Writer, []Epoch) error) error {
	return weights.WriteFile(filepath.Join(r.Dir, name), func(w io.Writer) error { return show(w, r.history) })
}

// load takes up the run in the folder.
func (r *run) load() error {
	path := filepath.Join(r.Dir, CheckpointFile)
	if err := r.hold(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, s, err := readCheckpoint(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: nothing to resume, there is no %s", path)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	if d := s.Settings.differences(r.settings()); d != "" {
		return fmt.Errorf("train: %s is of another run: %s", path, d)
	}
	if !s.possible() {
		return fmt.Errorf("train: %s is damaged: its run cannot be at epoch %d, batch %d, step %d with that history", path, s.At.Epoch, s.At.Batch, s.Step)
	}
	if len(s.History) > 0 {
		if err := r.loadBest(s.History); err != nil && r.Patience > 0 {
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
	r.arithmetic, r.rounding = s.Arithmetic, s.rounding()
	return nil
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

// possible reports whether a run with the state's settings, which are sound, can
// have come to that state.
func (s state) possible() bool {
	at := s.At
	batches := batchCount(s.Settings.Images, s.Settings.Batch) // of an epoch
	if at.Epoch != len(s.History) || at.Batch < 0 || at.Batch > batches || s.Step != uint64(at.Epoch*batches+at.Batch) {
		return false
	}
	if at.Sums.Images != min(at.Batch*s.Settings.Batch, s.Settings.Images) || at.Sums.Correct < 0 || at.Sums.Correct > at.Sums.Images {
		return false
	}
	for i, e := range s.History {
		if e.Epoch != i+1 || !plausible(e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, e.LearningRate) {
			return false
		}
	}
	return at.Seconds >= 0 && plausible(at.Sums.loss(), at.Seconds, at.speed())
}

// plausible reports whether numbers may be losses, which are float32.
func plausible(numbers ...float64) bool {
	return !slices.ContainsFunc(numbers, func(v float64) bool { return math.Abs(v) > math.MaxFloat32 })
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
