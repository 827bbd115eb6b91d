package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/weights"
)

// turning goes down the gradient up to a step, and up from there on.
type turning struct{ at uint64 }

func (turning) Slots() []string { return nil }

func (r turning) Update(step uint64, w, grad []float32, slots [][]float32) {
	lr := float32(0.1)
	if step > r.at {
		lr = -lr
	}
	for i, g := range grad {
		w[i] -= lr * g
	}
}

// turningRun has three steps an epoch; its third epoch is the best.
func turningRun(dir string) Config {
	return Config{Epochs: 10, Batch: 20, Optimizer: turning{9}, Patience: 2, Dir: dir}
}

// A run whose test loss no longer falls ends, with the weights of its best epoch.
func TestPatience(t *testing.T) {
	c := turningRun(t.TempDir())
	res := fit(t, plainNet(), blobSet(53, 20), c)
	if len(res.History) != 5 || best(res.History) != 2 {
		t.Fatalf("%d epochs, the best is %d, want 5 and index 2: %+v", len(res.History), best(res.History), res.History)
	}
	if res.Best != res.History[2] {
		t.Errorf("the best is %+v, want %+v", res.Best, res.History[2])
	}
	c.Epochs, c.Patience, c.Dir = 3, 0, t.TempDir()
	want := fit(t, plainNet(), blobSet(53, 20), c)
	if !reflect.DeepEqual(bits(res.Network), bits(want.Network)) {
		t.Error("the weights are not those after three epochs")
	}
	loss, _, err := Evaluate(t.Context(), res.Network, blobSet(53, 20).Test)
	if err != nil || loss != res.History[2].ValLoss {
		t.Errorf("the network's test loss is %v (%v), want %v of the best epoch", loss, err, res.History[2].ValLoss)
	}
	without := turningRun("")
	if got := fit(t, plainNet(), blobSet(53, 20), without); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("without a folder the weights are not those after three epochs")
	}
}

// The files say the same, also while the run goes on, and a run that has ended
// so does nothing more.
func TestPatienceFiles(t *testing.T) {
	c := turningRun(t.TempDir())
	same := func() bool {
		return slices.Equal(tensorBytes(t, c.Dir, ModelFile), tensorBytes(t, c.Dir, BestFile))
	}
	c.Callbacks = append(c.Callbacks, onEpoch(func(e Epoch) {
		if got, want := same(), e.Epoch <= 3; got != want {
			t.Errorf("epoch %d: the model is the best one: %t, want %t", e.Epoch, got, want)
		}
	}))
	want := fit(t, plainNet(), blobSet(53, 20), c)
	if !same() {
		t.Error("in the end, the model is not the best one")
	}
	c.Resume, c.Callbacks = true, append(c.Callbacks, BatchFunc(func(Progress) { t.Error("a batch of a run that has ended") }))
	if got := fit(t, plainNet(), blobSet(53, 20), c); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) || !same() {
		t.Error("resuming it gives another model")
	}
	if err := os.Remove(filepath.Join(c.Dir, BestFile)); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(53, 20), c, "train: the run needs its best weights so far: ", BestFile)
}

// The best weights are not believed either.
func TestPatienceDamaged(t *testing.T) {
	c := turningRun(t.TempDir())
	fit(t, plainNet(), blobSet(53, 20), c)
	m, err := weights.LoadModel(filepath.Join(c.Dir, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors["dense/bias"].Float32s()[1] = float32(math.NaN())
	if err := m.Save(filepath.Join(c.Dir, BestFile)); err != nil {
		t.Fatal(err)
	}
	c.Resume = true
	failing(t, plainNet(), blobSet(53, 20), c, "train: ", BestFile+" is damaged: weights/dense/bias holds NaN or Inf")
	delete(m.Tensors, "dense/bias")
	if err := m.Save(filepath.Join(c.Dir, BestFile)); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(53, 20), c, "train: ", BestFile, "dense/bias is missing")
}

// Keep leaves the checkpoints of the last epochs, and one of them in the place
// of the checkpoint goes on from there.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	c := resumeConfig(dir)
	c.KeepCheckpoints, c.Epochs = 2, 4
	want := fit(t, smallNet(), resumeSet(), c)
	kept, err := filepath.Glob(filepath.Join(dir, "epoch-*"))
	if err != nil || !slices.Equal(kept, []string{filepath.Join(dir, "epoch-0003.safetensors"), filepath.Join(dir, "epoch-0004.safetensors")}) {
		t.Fatalf("kept %v (%v), want epochs 3 and 4", kept, err)
	}
	if !slices.Equal(tensorBytes(t, dir, "epoch-0004.safetensors"), tensorBytes(t, dir, CheckpointFile)) {
		t.Error("the last one is not the checkpoint")
	}
	again := t.TempDir()
	b, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, "epoch-0003.safetensors"} {
		if err := os.WriteFile(filepath.Join(again, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.Dir, c.Resume = again, true
	got, err := Fit(context.Background(), smallNet(), resumeSet(), c)
	if err != nil || len(got.History) != 4 || !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Errorf("going on from epoch 3 gives %+v (%v), want the run's end", got, err)
	}
}

// A smaller Keep removes all older checkpoints, and nothing else.
func TestKeepFewer(t *testing.T) {
	c := resumeConfig(t.TempDir())
	c.KeepCheckpoints, c.Epochs = 5, 4
	fit(t, smallNet(), resumeSet(), c)
	others := []string{"epoch-0000.safetensors", "epoch-0001.safetensors.bak", "epoch-1.safetensors", "epoch-00001.safetensors", "epoch-0009.safetensors", "my-epoch-0001.safetensors"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(c.Dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.KeepCheckpoints, c.Epochs, c.Resume = 2, 5, true
	fit(t, smallNet(), resumeSet(), c)
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if strings.Contains(e.Name(), "epoch-") {
			got = append(got, e.Name())
		}
	}
	want := append(others, "epoch-0004.safetensors", "epoch-0005.safetensors")
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func TestBest(t *testing.T) {
	for want, losses := range [][]float64{{3}, {3, 2, 2}, {3, 2, 1}} {
		var h []Epoch
		for _, l := range losses {
			h = append(h, Epoch{ValLoss: l})
		}
		if got := best(h); got != want {
			t.Errorf("of %v, %d is the best, want %d", losses, got, want)
		}
	}
	if got := best(nil); got != -1 {
		t.Errorf("of nothing, %d is the best", got)
	}
}

// rewound is the folder of a run whose fourth epoch is its best, back at its
// second, which then is.
func rewound(t *testing.T, average float64) Config {
	t.Helper()
	c := Config{Epochs: 4, Batch: 20, Optimizer: SGD{LR: 0.1}, Patience: 9, KeepCheckpoints: 4, Average: average, Dir: t.TempDir()}
	res := fit(t, plainNet(), blobSet(53, 20), c)
	if best(res.History) != 3 {
		t.Fatalf("epoch %d is the best, want 4", res.Best.Epoch)
	}
	if err := os.Rename(filepath.Join(c.Dir, epochFile(2)), filepath.Join(c.Dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	c.Resume, c.Epochs = true, 2
	return c
}

// A run that goes on from an earlier checkpoint forgets the later best epoch.
func TestRewind(t *testing.T) {
	for _, average := range []float64{0, 0.9} {
		short := Config{Epochs: 2, Batch: 20, Optimizer: SGD{LR: 0.1}, Average: average, Dir: t.TempDir()}
		want := fit(t, plainNet(), blobSet(53, 20), short)
		for _, patience := range []int{0, 9} {
			c := rewound(t, average)
			c.Patience = patience
			got := fit(t, plainNet(), blobSet(53, 20), c)
			if got.Best.Epoch != 2 || !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
				t.Errorf("patience %d, average %g: the network is not that of epoch 2", patience, average)
			}
			m, err := weights.LoadModel(filepath.Join(c.Dir, BestFile))
			if err != nil || m.Epoch != 2 || !slices.Equal(tensorBytes(t, c.Dir, BestFile), tensorBytes(t, short.Dir, BestFile)) {
				t.Errorf("patience %d, average %g: %s is of epoch %d (%v), want epoch 2", patience, average, BestFile, m.Epoch, err)
			}
			if patience > 0 && !slices.Equal(tensorBytes(t, c.Dir, ModelFile), tensorBytes(t, short.Dir, ModelFile)) {
				t.Errorf("average %g: %s is not of epoch 2", average, ModelFile)
			}
		}
	}
}

// Where no file has the best epoch's weights, Patience says so; a checkpoint of
// that epoch in another run has them not.
func TestRewindWithoutBest(t *testing.T) {
	c := rewound(t, 0)
	s := stateOf(t, c.Dir)
	s.History[0].ValLoss = s.History[1].ValLoss / 2 // epoch 1 was better
	setState(t, c.Dir, s)
	failing(t, plainNet(), blobSet(53, 20), c, "train: the run needs its best weights so far: ", BestFile+" is of epoch 4, and there is no checkpoint of epoch 1")
	c.Patience = 0
	fit(t, plainNet(), blobSet(53, 20), c)
}

// A file of the best weights that does not say its epoch is believed, as all
// were once.
func TestBestWithoutEpoch(t *testing.T) {
	c := turningRun(t.TempDir())
	want := fit(t, plainNet(), blobSet(53, 20), c)
	m, err := weights.LoadModel(filepath.Join(c.Dir, BestFile))
	if err != nil || m.Epoch != 3 {
		t.Fatalf("epoch %d, error %v, want 3", m.Epoch, err)
	}
	m.Epoch = 0
	if err := m.Save(filepath.Join(c.Dir, BestFile)); err != nil {
		t.Fatal(err)
	}
	c.Resume = true
	if got := fit(t, plainNet(), blobSet(53, 20), c); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("the network is not that of the best epoch")
	}
}

// TestBestOfAnotherRun: best weights that are whole, and of the right epoch, but another
// run's, or rounded, are not taken for the run's own.
func TestBestOfAnotherRun(t *testing.T) {
	c := turningRun(t.TempDir())
	c.Epochs = 4
	want := fit(t, plainNet(), blobSet(53, 20), c)
	other := turningRun(t.TempDir())
	other.Epochs, other.Seed = 4, 7
	fit(t, plainNet(), blobSet(53, 20), other)
	rounded := loadFile(t, c.Dir, BestFile)
	rounded.Half = true
	for name, f := range map[string]weights.File{"another run": loadFile(t, other.Dir, BestFile), "rounded": rounded} {
		for _, previous := range []bool{false, true} {
			again := c
			again.Dir, again.Resume = t.TempDir(), true
			if err := os.CopyFS(again.Dir, os.DirFS(c.Dir)); err != nil {
				t.Fatal(err)
			}
			if err := f.Save(filepath.Join(again.Dir, BestFile)); err != nil {
				t.Fatal(err)
			}
			if !previous {
				failing(t, plainNet(), blobSet(53, 20), again, "train: the run needs its best weights so far", BestFile+" has other weights than the run had in its best epoch, and there is no checkpoint of epoch 3")
				continue
			}
			if err := loadFile(t, c.Dir, BestFile).Save(filepath.Join(again.Dir, formerBest)); err != nil {
				t.Fatal(err)
			}
			got := fit(t, plainNet(), blobSet(53, 20), again)
			if got.Best != want.Best || !slices.Equal(tensorBytes(t, again.Dir, ModelFile), tensorBytes(t, c.Dir, ModelFile)) || !slices.Equal(tensorBytes(t, again.Dir, BestFile), tensorBytes(t, c.Dir, BestFile)) {
				t.Errorf("%s: goes on with other best weights than its own, which %s has", name, formerBest)
			}
		}
	}
}
