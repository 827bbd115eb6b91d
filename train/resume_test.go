package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/weights"
	"tapenet/train/data"
)

// A stop cancels a call of Fit somewhere, and says what the error must contain.
type stop struct {
	name  string
	set   func(c *Config, d *data.Dataset, cancel func())
	where string
}

// afterBatch stops after so many batches of the call.
func afterBatch(n int, where string) stop {
	return stop{fmt.Sprintf("after batch %d", n), func(c *Config, _ *data.Dataset, cancel func()) {
		c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) {
			if n--; n == 0 {
				cancel()
			}
			if n < 0 {
				panic("a batch after the cancelled one")
			}
		}))
	}, where}
}

var (
	beforeAll = stop{"before the first batch", func(_ *Config, _ *data.Dataset, cancel func()) { cancel() },
		"stopped in epoch 1 after 0 of 53 images"}
	afterEpoch = stop{"at the end of an epoch", func(c *Config, _ *data.Dataset, cancel func()) {
		c.Callbacks = append(c.Callbacks, onEpoch(func(Epoch) { cancel() }))
	}, "after 0 of 53 images"}
	duringEvaluation = stop{"during evaluation", func(_ *Config, d *data.Dataset, cancel func()) {
		d.Test = &blobs{n: d.Test.Len(), onRead: func(i int) (int, error) {
			if i == 140 { // in the second of three batches
				cancel()
			}
			if i >= 2*evalBatch {
				return 0, errors.New("a batch after the cancelled one")
			}
			return -1, nil
		}}
	}, "after 53 of 53 images"}
)

// resumeConfig makes six batches an epoch, the last of three samples; three batches evaluate.
func resumeConfig(dir string) Config { return Config{Epochs: 3, Batch: 10, Seed: 5, Dir: dir} }
func resumeSet() data.Dataset        { return blobSet(53, 2*evalBatch+7) }

// A run that is stopped anywhere and goes on ends as one that was never stopped: weights, optimizer, history and files.
func TestResume(t *testing.T) {
	straight := t.TempDir()
	want := fit(t, smallNet(), resumeSet(), resumeConfig(straight))
	for _, stops := range [][]stop{
		{beforeAll},
		{afterBatch(1, "stopped in epoch 1 after 10 of 53 images")},
		{afterBatch(9, "stopped in epoch 2 after 30 of 53 images")},
		{afterBatch(5, "stopped in epoch 1 after 50 of 53 images")},  // before the short batch
		{afterBatch(12, "stopped in epoch 2 after 53 of 53 images")}, // before the evaluation
		{duringEvaluation},
		{afterEpoch},
		{afterBatch(2, "epoch 1 after 20 "), afterBatch(1, "epoch 1 after 30 ")},
		{afterBatch(8, "epoch 2 after 20 "), duringEvaluation, afterEpoch, afterBatch(3, "epoch 3 after 30 ")},
		{beforeAll, beforeAll},
	} {
		t.Run(names(stops), func(t *testing.T) {
			dir := t.TempDir()
			for i, s := range stops {
				c := resumeConfig(dir)
				c.Resume = i > 0
				stopped(t, c, s)
			}
			c := resumeConfig(dir)
			c.Resume = true
			got := fit(t, smallNet(), resumeSet(), c)
			compareRuns(t, got, want, dir, straight)
		})
	}
}

func names(stops []stop) string {
	var names []string
	for _, s := range stops {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// stopped makes a call of Fit that the stop ends.
func stopped(t *testing.T, c Config, s stop) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d := resumeSet()
	s.set(&c, &d, cancel)
	_, err := Fit(ctx, smallNet(), d, c)
	checkError(t, err, "train: ", s.where)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled in it", err)
	}
}

// compareRuns fails unless two finished runs are equal, bit for bit.
func compareRuns(t *testing.T, got, want *Result, gotDir, wantDir string) {
	t.Helper()
	if !reflect.DeepEqual(timeless(got.History), timeless(want.History)) {
		t.Errorf("history %+v, want %+v", got.History, want.History)
	}
	if !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("other weights in memory")
	}
	for _, name := range []string{ModelFile, BestFile, CheckpointFile} {
		got, want := tensorBytes(t, gotDir, name), tensorBytes(t, wantDir, name)
		if !slices.Equal(got, want) {
			t.Errorf("%s has other tensors", name)
		}
	}
	g, w := stateOf(t, gotDir), stateOf(t, wantDir)
	g.History, w.History = timeless(g.History), timeless(w.History)
	if !reflect.DeepEqual(g, w) {
		t.Errorf("the checkpoint's state is %+v, want %+v", g, w)
	}
}

// tensorBytes is a file without its metadata.
func tensorBytes(t *testing.T, dir, name string) []byte {
	t.Helper()
	f := loadFile(t, dir, name)
	f.Metadata = nil
	var b strings.Builder
	if err := f.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// More epochs for a finished run are a longer run, and none are no change.
func TestResumeFinished(t *testing.T) {
	dir, straight := t.TempDir(), t.TempDir()
	long := resumeConfig(straight)
	long.Epochs = 5
	want := fit(t, smallNet(), resumeSet(), long)

	c := resumeConfig(dir)
	short := fit(t, smallNet(), resumeSet(), c)
	c.Resume = true
	c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) { t.Error("a batch of a finished run") }))
	again := fit(t, smallNet(), resumeSet(), c)
	compareRuns(t, again, short, dir, dir)

	c.Epochs, c.Callbacks = 5, nil
	compareRuns(t, fit(t, smallNet(), resumeSet(), c), want, dir, straight)
}

// Optimizers with any number of slots go on as well.
func TestResumeOptimizers(t *testing.T) {
	for _, rule := range []Optimizer{
		Adam{}, SGD{}, SGD{Momentum: 0.9}, decay{0.01}, SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}, RMSProp{},
		RMSProp{Momentum: 0.9}, Adagrad{}, AdamW{}, NAdam{WeightDecay: 0.01}, Lion{LR: 0.001, WeightDecay: 0.1},
	} {
		t.Run(fmt.Sprintf("%T %v", rule, rule), func(t *testing.T) {
			dir, straight := t.TempDir(), t.TempDir()
			c := resumeConfig(straight)
			c.Optimizer = rule
			want := fit(t, smallNet(), resumeSet(), c)
			c.Dir = dir
			stopped(t, c, afterBatch(9, "epoch 2 after 30 "))
			c.Resume = true
			compareRuns(t, fit(t, smallNet(), resumeSet(), c), want, dir, straight)
		})
	}
}

// What is done with gradients and weights around the optimizer goes on as well. The stops are within a group of
// batches, after one, and in the epoch's last one, which is short.
func TestResumeAround(t *testing.T) {
	for name, set := range map[string]func(c *Config){
		"clipping":     func(c *Config) { c.ClipNorm, c.ClipValue = 0.1, 0.05 },
		"accumulation": func(c *Config) { c.Accumulate = 4 },
		"average":      func(c *Config) { c.Average = 0.9 },
		"schedule":     func(c *Config) { c.Schedule = Cosine{Warmup: 0.5} },
		"plateau":      func(c *Config) { c.Schedule = ReduceOnPlateau{Patience: 1} },
		"patience":     func(c *Config) { c.Patience = 2; c.Optimizer = SGD{LR: 0.5} },
		"average and patience": func(c *Config) {
			c.Average, c.Patience, c.Optimizer = 0.9, 1, SGD{LR: 0.5}
		},
		"targets": func(c *Config) {
			c.LabelSmoothing, c.ClassWeights = 0.1, []float64{1, 0.5, 3}
			c.SampleWeights = make([]float32, resumeSet().Train.Len())
			for i := range c.SampleWeights {
				c.SampleWeights[i] = float32(i % 5)
			}
		},
		"all": func(c *Config) {
			c.Schedule = OneCycle{}
			c.Accumulate, c.Average, c.ClipNorm, c.Optimizer = 2, 0.99, 0.5, NAdam{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, straight := t.TempDir(), t.TempDir()
			c := resumeConfig(straight)
			set(&c)
			want := fit(t, smallNet(), resumeSet(), c)
			c.Dir = dir
			stopped(t, c, afterBatch(3, "epoch 1 after 30 "))
			c.Resume = true
			stopped(t, c, afterBatch(1, "epoch 1 after 40 "))
			stopped(t, c, afterBatch(7, "epoch 2 after 50 "))
			stopped(t, c, duringEvaluation)
			compareRuns(t, fit(t, smallNet(), resumeSet(), c), want, dir, straight)
		})
	}
}

// Without a folder there is nothing to go on from, but a cancelled run still says so.
func TestCancelWithoutDir(t *testing.T) {
	stopped(t, resumeConfig(""), afterBatch(4, "stopped in epoch 1 after 40 of 53 images"))
}

// A deadline is as good as a cancellation.
func TestFitDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	_, err := Fit(ctx, smallNet(), resumeSet(), resumeConfig(""))
	checkError(t, err, "stopped in epoch 1 after 0 of 53 images")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded in it", err)
	}
}

func TestResumeNothing(t *testing.T) {
	c := resumeConfig(t.TempDir())
	c.Resume = true
	failing(t, smallNet(), resumeSet(), c, "train: nothing to resume", filepath.Join(c.Dir, CheckpointFile))
	if entries, err := os.ReadDir(c.Dir); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v (%v), want nothing", entries, err)
	}
	c.Dir = filepath.Join(c.Dir, "none")
	failing(t, smallNet(), resumeSet(), c, "train: nothing to resume")
	c.Dir = ""
	failing(t, smallNet(), resumeSet(), c, "train: Resume without Dir")
}

// stateOf is what a folder's checkpoint says in JSON.
func stateOf(t testing.TB, dir string) state {
	t.Helper()
	_, s, err := readState(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setState writes another state into the checkpoint of a run.
func setState(t testing.TB, dir string, s state) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	f := loadFile(t, dir, CheckpointFile)
	f.Metadata[stateKey] = string(text)
	if err := f.Save(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
}

// damagedCopy copies a run's checkpoint into a new folder, changed by edit.
func damagedCopy(t testing.TB, dir string, edit func(*weights.File)) string {
	t.Helper()
	f := loadFile(t, dir, CheckpointFile)
	edit(&f)
	to := t.TempDir()
	if err := f.Save(filepath.Join(to, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	return to
}
