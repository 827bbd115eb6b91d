package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// A run that goes on with other settings is refused, with the settings that differ and no others.
func TestResumeOtherSettings(t *testing.T) {
	base := Config{Epochs: 1, Batch: 8, Seed: 3, Model: "net"}
	base.Dir = t.TempDir()
	fit(t, plainNet(), blobSet(20, 5), base)
	all := []string{"model", "dataset", "change of the images", "shape of an image", "number of training images", "number of test images", "holding out of test images", "batch size", "optimizer", "seed", "clipping by norm", "clipping by value", "average", "accumulation", "schedule",
		"label smoothing", "generalized cross-entropy", "mixup", "defence", "number of lanes", "class weighting", "sample weighting"}
	for _, tt := range []struct {
		name string
		edit func(c *Config, d *data.Dataset)
		want []string
	}{
		{"model", func(c *Config, _ *data.Dataset) { c.Model = "other" }, []string{`model is "net", this run's "other"`}},
		{"dataset", func(_ *Config, d *data.Dataset) { d.Name = "dots" }, []string{`dataset is "blobs", this run's "dots"`}},
		{"augmentation", func(_ *Config, d *data.Dataset) { *d = data.Augment(*d, 1, data.Shift{By: 0.1}) },
			[]string{`change of the images is "", this run's "data.Shift{`}},
		{"images", func(_ *Config, d *data.Dataset) { d.Train = &blobs{n: 21} }, []string{"number of training images is 20, this run's 21"}},
		{"shape", func(_ *Config, d *data.Dataset) { d.Shape = [3]int{1, 2, 8} }, []string{"shape of an image is [1 4 4], this run's [1 2 8]"}},
		{"test images", func(_ *Config, d *data.Dataset) { d.Test = &blobs{n: 6} }, []string{"number of test images is 5, this run's 6"}},
		{"held out", func(_ *Config, d *data.Dataset) { d.HeldOut = true }, []string{"holding out of test images is false, this run's true"}},
		{"batch", func(c *Config, _ *data.Dataset) { c.Batch = 16 }, []string{"batch size is 8, this run's 16"}},
		{"lanes", func(c *Config, _ *data.Dataset) { c.Lanes = 8 }, []string{"number of lanes is 1, this run's 8"}},
		{"optimizer", func(c *Config, _ *data.Dataset) { c.Optimizer = SGD{} },
			[]string{`optimizer is "adam lr 0.001 beta1 0.9 beta2 0.999 epsilon 1e-07", this run's "sgd lr 0.01 momentum 0"`}},
		{"learning rate", func(c *Config, _ *data.Dataset) { c.Optimizer = Adam{LR: 0.1} }, []string{`optimizer is "adam lr 0.001`, `this run's "adam lr 0.1`}},
		{"seed", func(c *Config, _ *data.Dataset) { c.Seed = 1 << 63 }, []string{"seed is 3, this run's 9223372036854775808"}},
		{"clipping by norm", func(c *Config, _ *data.Dataset) { c.ClipNorm = 0.5 }, []string{"clipping by norm is 0, this run's 0.5"}},
		{"clipping by value", func(c *Config, _ *data.Dataset) { c.ClipValue = 0.5 }, []string{"clipping by value is 0, this run's 0.5"}},
		{"average", func(c *Config, _ *data.Dataset) { c.Average = 0.9 }, []string{"average is 0, this run's 0.9"}},
		{"accumulation", func(c *Config, _ *data.Dataset) { c.Accumulate = 2 }, []string{"accumulation is 0, this run's 2"}},
		{"schedule", func(c *Config, _ *data.Dataset) { c.Schedule = Cosine{} }, []string{`schedule is "", this run's "cosine:0"`}},
		{"label smoothing", func(c *Config, _ *data.Dataset) { c.LabelSmoothing = 0.1 }, []string{"label smoothing is 0, this run's 0.1"}},
		{"focal loss", func(c *Config, _ *data.Dataset) { c.Focal = 2 }, []string{"γ of the focal loss is 0, this run's 2"}},
		{"generalized cross-entropy", func(c *Config, _ *data.Dataset) { c.GeneralizedCrossEntropy = 0.7 }, []string{"generalized cross-entropy is 0, this run's 0.7"}},
		{"rates", func(c *Config, _ *data.Dataset) { c.Rates = map[string]float64{"dense/weight": 0.5} }, []string{"learning rates' factors is \"\", this run's \"map[dense/weight:0.5]\""}},
		{"cutmix", func(c *Config, _ *data.Dataset) { c.CutMix = 1 }, []string{"cutmix is 0, this run's 1"}},
		{"mixup", func(c *Config, _ *data.Dataset) { c.Mixup = 0.2 }, []string{"mixup is 0, this run's 0.2"}},
		{"defence", func(c *Config, _ *data.Dataset) { c.Defence = darkening{0.1} }, []string{`defence is "", this run's "train.darkening{By:0.1}"`}},
		{"class weights", func(c *Config, _ *data.Dataset) { c.ClassWeights = []float64{1, 2, 1} }, []string{`class weighting is "", this run's "[1 2 1]"`}},
		{"sample weights", func(c *Config, _ *data.Dataset) { c.SampleWeights = make([]float32, 20) },
			[]string{`sample weighting is "", this run's "20 weights, hash `}},
		{"two", func(c *Config, _ *data.Dataset) { c.Batch, c.Seed = 7, 4 }, []string{"batch size is 8, this run's 7", "; its seed is 3, this run's 4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, d := base, blobSet(20, 5)
			c.Resume = true
			tt.edit(&c, &d)
			before := filesOf(t, c.Dir)
			_, err := Fit(t.Context(), plainNet(), d, c)
			checkError(t, err, append(tt.want, "train: ", filepath.Join(c.Dir, CheckpointFile))...)
			for _, setting := range all {
				named := strings.Contains(err.Error(), "its "+setting+" is ")
				if wanted := strings.Contains(strings.Join(tt.want, " "), setting+" is "); named != wanted {
					t.Errorf("error %q names %s: %v, want %v", err, setting, named, wanted)
				}
			}
			if after := filesOf(t, c.Dir); !slices.Equal(after, before) {
				t.Error("the folder has changed")
			}
		})
	}
}

// Long settings are shown where they differ.
func TestResumeLongSettings(t *testing.T) {
	long := strings.Repeat("ä, ", 100) // its bytes are odd in number
	for _, tt := range []struct{ saved, now, want string }{
		{long + "shift by 0.1", long + "shift by 0.2", `ä, shift by 0.1", this run's "…`},
		{long, long + "flip", `ä, ", this run's "…`},
		{"short one", "short two", `is "short one", this run's "short two"`},
	} {
		c, d := Config{Epochs: 1, Dir: t.TempDir()}, blobSet(20, 5)
		d.Changes = tt.saved
		fit(t, plainNet(), d, c)
		c.Resume, d.Changes = true, tt.now
		_, err := Fit(t.Context(), plainNet(), d, c)
		checkError(t, err, "is of another run: its change of the images is ", tt.want, tt.now[len(tt.now)-4:])
		if strings.Contains(err.Error(), `\x`) || len(err.Error()) > 400 {
			t.Errorf("error %q, want whole characters, and not many", err)
		}
	}
}

// A checkpoint that does not say what images the run was tested on, as older
// ones do not, goes on with any.
func TestResumeOlderSettings(t *testing.T) {
	c := Config{Epochs: 1, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(20, 5), c)
	c.Dir = damagedCopy(t, c.Dir, func(f *weights.File) { f.Metadata[stateKey] = olderState(t, f.Metadata[stateKey]) })
	c.Resume, c.Epochs = true, 2
	d := blobSet(20, 6)
	d.HeldOut = true
	if n := len(fit(t, plainNet(), d, c).History); n != 2 {
		t.Errorf("%d epochs, want 2", n)
	}
	failing(t, plainNet(), blobSet(20, 5), c, "number of test images is 6") // now it does
}

// olderState is a checkpoint's state without what the run was tested on.
func olderState(t *testing.T, text string) string {
	t.Helper()
	var s state
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.Settings.testPart() == "" {
		t.Fatalf("%s does not say what the run is evaluated on", text)
	}
	for _, key := range []string{"Shape", "TestImages", "HeldOut"} {
		delete(s.Settings, key)
	}
	older, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(older)
}

// What is no setting may change: the defaults written out, and the number of epochs.
func TestResumeEqualSettings(t *testing.T) {
	c := Config{Epochs: 1, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(20, 5), c)
	c = Config{Epochs: 2, Batch: 32, Accumulate: 1, Optimizer: Adam{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}, Dir: c.Dir, Resume: true}
	if n := len(fit(t, plainNet(), blobSet(20, 5), c).History); n != 2 {
		t.Errorf("%d epochs, want 2", n)
	}
}

// twin is another rule with decay's fields.
type twin struct{ LR float32 }

func (twin) Slots() []string { return decay{}.Slots() }

func (t twin) Update(step uint64, w, grad []float32, slots [][]float32) {
	decay{-t.LR}.Update(step, w, grad, slots)
}

// Two optimizers of equal fields are different ones.
func TestResumeOtherType(t *testing.T) {
	c := Config{Epochs: 1, Optimizer: decay{0.01}, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(20, 5), c)
	c.Resume, c.Optimizer = true, twin{0.01}
	failing(t, plainNet(), blobSet(20, 5), c, "its optimizer is ", "decay", "this run's ", "twin")
}

// A network of other tensors is refused even without a name.
func TestResumeOtherNetwork(t *testing.T) {
	c := Config{Epochs: 1, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(20, 5), c)
	c.Resume = true
	deeper := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 4}, graph.Dense{Units: 3}}
	failing(t, deeper, blobSet(20, 5), c, "train: ", CheckpointFile, "tensor dense/bias is (3), the network's is (4)")
	failing(t, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3, NoBias: true}}, blobSet(20, 5), c,
		"train: ", CheckpointFile, `no tensor "dense/bias"`)
}

// A folder that holds a run is not overwritten, and nothing in it changes.
func TestFitKeepsEarlierRun(t *testing.T) {
	c := Config{Epochs: 2, Batch: 8, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(20, 5), c)
	before := filesOf(t, c.Dir)
	c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) { t.Error("a batch was trained") }))
	failing(t, plainNet(), blobSet(20, 5), c, "train: "+c.Dir+" holds a run already (epoch 2): set Resume to go on with it, or choose another folder")
	if err := os.Truncate(filepath.Join(c.Dir, CheckpointFile), 100); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(20, 5), c, "train: "+c.Dir+" holds a run already (epoch 1): set Resume") // the checkpoint before it
	if err := os.Remove(filepath.Join(c.Dir, PreviousFile)); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(20, 5), c, "train: "+c.Dir+" holds a run already, but ", "cut off", "choose another folder")
	if err := os.Remove(filepath.Join(c.Dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(20, 5), c, "train: "+c.Dir+" holds a model already", ModelFile, "choose another folder")
	before = slices.DeleteFunc(before, func(file string) bool {
		return strings.HasPrefix(file, CheckpointFile) || strings.HasPrefix(file, PreviousFile)
	})
	if after := filesOf(t, c.Dir); !slices.Equal(after, before) {
		t.Errorf("the folder has %q, want it as it was but for the checkpoint", after)
	}
}

// A run that was stopped within its first epoch is worth keeping; one that never trained a batch is not, as after a
// first attempt whose learning rate was too high.
func TestFitAfterNothing(t *testing.T) {
	c := Config{Epochs: 1, Batch: 10, Dir: t.TempDir()}
	d := blobSet(53, 2*evalBatch+7)
	stopped(t, c, beforeAll)
	fit(t, plainNet(), d, c)

	c.Dir = t.TempDir()
	stopped(t, c, afterBatch(1, "after 10 "))
	failing(t, plainNet(), d, c, "holds a run already (epoch 0)")
}

// filesOf lists a folder's files with their content, by name.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fmt.Sprintf("%s %x", e.Name(), b))
	}
	return files
}
