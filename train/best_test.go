package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	c.OnEpoch = func(e Epoch) {
		if got, want := same(), e.Epoch <= 3; got != want {
			t.Errorf("epoch %d: the model is the best one: %t, want %t", e.Epoch, got, want)
		}
	}
	want := fit(t, plainNet(), blobSet(53, 20), c)
	if !same() {
		t.Error("in the end, the model is not the best one")
	}
	c.Resume, c.OnBatch = true, func(Progress) { t.Error("a batch of a run that has ended") }
	if got := fit(t, plainNet(), blobSet(53, 20), c); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) || !same() {
		t.Error("resuming it gives another model")
	}
	if err := os.Remove(filepath.Join(c.Dir, BestFile)); err != nil {
		t.Fatal(err)
	}
	failing(t, plainNet(), blobSet(53, 20), c, "train: Patience needs the best weights so far: ", BestFile)
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
	c.Keep, c.Epochs = 2, 4
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
