package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// damages are ways in which a file of a run is spoilt after it was written.
var damages = map[string]func(t *testing.T, path string){
	"gone": func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	},
	"cut": func(t *testing.T, path string) {
		changeFile(t, path, func(b []byte) []byte { return b[:len(b)/2] })
	},
	"a bit of a weight": func(t *testing.T, path string) {
		changeFile(t, path, func(b []byte) []byte { b[len(b)-9] ^= 4; return b })
	},
	"zeros": func(t *testing.T, path string) {
		changeFile(t, path, func(b []byte) []byte { clear(b[len(b)-64:]); return b })
	},
}

func changeFile(t *testing.T, path string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestResumePrevious: a run whose last checkpoint is damaged goes on from the one before
// it, says so, and comes to the bits of a run without a break; with both damaged it is an error.
func TestResumePrevious(t *testing.T) {
	straight := t.TempDir()
	c := Config{Epochs: 4, Batch: 10, Optimizer: Adam{LR: 0.01}, Patience: 4, CheckpointEvery: 1, Seed: 1}
	c.Dir = straight
	want := fit(t, smallNet(), blobSet(25, 5), c)
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			c := c
			c.Dir, c.Until = t.TempDir(), 3
			fit(t, smallNet(), blobSet(25, 5), c)
			damage(t, filepath.Join(c.Dir, CheckpointFile))
			c.Until, c.Resume = 0, true
			var began startListener
			c.Callbacks = append(c.Callbacks, &began)
			got := fit(t, smallNet(), blobSet(25, 5), c)
			if began.p.Epoch != 3 || began.p.Images != 25 {
				t.Errorf("goes on in epoch %d after %d images, want 3 and 25", began.p.Epoch, began.p.Images)
			}
			if said := began.p.Recovered; !strings.Contains(said, CheckpointFile) || !strings.Contains(said, "goes on from the checkpoint before it, "+filepath.Join(c.Dir, PreviousFile)) {
				t.Errorf("says %q", said)
			}
			compareRuns(t, got, want, c.Dir, straight)
			damage(t, filepath.Join(c.Dir, CheckpointFile))
			damages["cut"](t, filepath.Join(c.Dir, PreviousFile))
			if name != "gone" { // of which there is nothing to say but that
				failing(t, smallNet(), blobSet(25, 5), c, "train: checkpoint: ", CheckpointFile)
			}
		})
	}
}

// startListener keeps what it is told at the start.
type startListener struct {
	Ignore
	p Progress
}

func (l *startListener) Start(_ *graph.Network, p Progress) error {
	l.p = p
	return nil
}

// TestRestoreModel: a complete run whose model is gone or damaged has it again after -resume,
// from its checkpoint.
func TestRestoreModel(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			c := Config{Epochs: 2, Batch: 10, Average: 0.9, Seed: 1, Dir: t.TempDir()}
			fit(t, smallNet(), blobSet(25, 5), c)
			path := filepath.Join(c.Dir, ModelFile)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, path)
			if _, err := weights.LoadModel(path); err == nil {
				t.Fatal("the damage is not noticed")
			}
			c.Resume = true
			fit(t, smallNet(), blobSet(25, 5), c)
			if again, err := os.ReadFile(path); err != nil || string(again) != string(whole) {
				t.Errorf("%v: the model's file is not what it was", err)
			}
		})
	}
}

// TestCheckpointEvery: a run that is killed after any batch of an epoch goes on from the
// batch before, and comes to the bits of a run without a break.
func TestCheckpointEvery(t *testing.T) {
	straight := t.TempDir()
	c := Config{Epochs: 2, Batch: 10, Optimizer: Adam{LR: 0.01}, Accumulate: 2, Average: 0.9, Patience: 3, Seed: 1, Dir: straight}
	want := fit(t, smallNet(), blobSet(45, 5), c)
	c.Dir, c.CheckpointEvery = t.TempDir(), 1 // each batch is later than that
	var killed []string
	c.Callbacks = append(c.Callbacks, BatchFunc(func(p Progress) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(c.Dir)); err != nil {
			t.Fatal(err)
		}
		killed = append(killed, dir)
	}))
	fit(t, smallNet(), blobSet(45, 5), c)
	if len(killed) != 10 {
		t.Fatalf("%d batches, want 10", len(killed))
	}
	for i, dir := range killed {
		var began startListener
		again := c
		again.Dir, again.Resume, again.Callbacks = dir, true, []Callback{&began}
		got := fit(t, smallNet(), blobSet(45, 5), again)
		if p := began.p; p.Epoch != i/5+1 || p.Images != i%5*10 {
			t.Errorf("killed after batch %d: goes on in epoch %d after %d images", i+1, p.Epoch, p.Images)
		}
		compareRuns(t, got, want, dir, straight)
	}
}

// TestGroupCheckpointEvery: the first rank of several writes such checkpoints, and if it
// cannot, all of them end with that error.
func TestGroupCheckpointEvery(t *testing.T) {
	c := Config{Epochs: 2, Batch: 20, Lanes: 8, Seed: 1}
	d := func() data.Dataset { return blobSet(53, 9) }
	want := fit(t, lanedNet(), d(), c)
	c.CheckpointEvery, c.Dir = 1, filepath.Join(t.TempDir(), "run")
	for rank, got := range fitGroup(t, 3, lanedNet, d, c, func(int, *Config, *data.Dataset) {}) {
		if got.err != nil || got.SHA256 != want.SHA256 {
			t.Errorf("rank %d: %v, or other weights than one process has", rank, got.err)
		}
	}
	c.Dir = filepath.Join(t.TempDir(), "gone")
	gone := func(rank int, c *Config, _ *data.Dataset) {
		if rank == 0 {
			c.Callbacks = append(c.Callbacks, BatchFunc(func(p Progress) {
				if p.Images == 40 {
					os.RemoveAll(c.Dir)
				}
			}))
		}
	}
	for rank, got := range fitGroup(t, 3, lanedNet, d, c, gone) {
		if got.err == nil || !strings.Contains(got.err.Error(), "checkpoint") {
			t.Errorf("rank %d: error %v, want that of the checkpoint", rank, got.err)
		}
	}
}

// TestSweep: a temporary file of a run that was killed is gone after the next start.
func TestSweep(t *testing.T) {
	c := Config{Epochs: 1, Batch: 10, Dir: t.TempDir()}
	fit(t, smallNet(), blobSet(25, 5), c)
	left := filepath.Join(c.Dir, ".tmp-ABC")
	if err := os.WriteFile(left, []byte("half a mod"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Epochs, c.Resume = 2, true
	fit(t, smallNet(), blobSet(25, 5), c)
	if _, err := os.Stat(left); err == nil {
		t.Error("the file is still there")
	}
}
