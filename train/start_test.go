package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"tapenet/graph"
)

// started fits and returns what Start was called with, once.
func started(t *testing.T, c Config) Progress {
	t.Helper()
	var starts []Progress
	c.Callbacks = append(c.Callbacks, onStart(func(net *graph.Network, p Progress) error {
		if net.Weights.Get("dense/weight") == nil {
			t.Error("a network without weights")
		}
		starts = append(starts, p)
		return nil
	}))
	net := fit(t, plainNet(), blobSet(20, 5), c).Network
	if len(starts) != 1 || net == nil {
		t.Fatalf("%d calls, want one", len(starts))
	}
	return starts[0]
}

// Start says where a run begins: a new one, one that goes on between epochs
// or within one, and one that is complete.
func TestStart(t *testing.T) {
	c := Config{Epochs: 2, Batch: 8, Dir: t.TempDir()}
	if got, want := started(t, c), (Progress{Epoch: 1, Epochs: 2, Of: 20, Lanes: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("a new run: %+v, want %+v", got, want)
	}
	c.Resume, c.Epochs = true, 4
	ctx, cancel := context.WithCancel(t.Context())
	d := c
	d.Callbacks = append(d.Callbacks, BatchFunc(func(p Progress) {
		if p.Epoch == 3 && p.Images == 16 {
			cancel()
		}
	}))
	if _, err := Fit(ctx, plainNet(), blobSet(20, 5), d); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	got := started(t, c)
	if got.Epoch != 3 || got.Epochs != 4 || got.Images != 16 || got.Of != 20 || !(got.Loss > 0) {
		t.Errorf("within epoch 3: %+v", got)
	}
	if got := started(t, c); got.Epoch != 5 || got.Images != 0 {
		t.Errorf("a complete run: %+v, want epoch 5 of 4", got)
	}
}

// Start comes after all checks and before anything is written; its error ends
// Fit.
func TestStartOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	called := false
	c := Config{Epochs: 1, Dir: dir, Callbacks: []Callback{onStart(func(*graph.Network, Progress) error { called = true; return errDisk })}}
	if _, err := Fit(t.Context(), plainNet(), blobSet(20, 5), c); !errors.Is(err, errDisk) || !called {
		t.Errorf("error %v, want that of Start", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made before")
	}
	called = false
	c.Resume = true
	failing(t, plainNet(), blobSet(20, 5), c, "nothing to resume")
	c.Resume = false
	failing(t, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, blobSet(20, 5), c, "output is (1, 2), want (1, 3)")
	if called {
		t.Error("Start was called before a check that failed")
	}
}
