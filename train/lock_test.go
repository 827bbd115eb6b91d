//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package train

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tapenet/graph"
)

// A folder is one run's while that goes on, and free after it.
func TestOneRunAFolder(t *testing.T) {
	dir := t.TempDir()
	moved := func() error { t.Error("the run's folder may be moved"); return nil }
	tried := 0
	c := Config{Epochs: 2, Dir: dir}
	c.Callbacks = append(c.Callbacks, onEpoch(func(Epoch) {
		before := filesOf(t, dir)
		for _, resume := range []bool{false, true} {
			tried++
			failing(t, plainNet(), blobSet(20, 5), Config{Epochs: 3, Dir: dir, Resume: resume, OnEarlier: moved},
				"train: a run is going on in "+dir+": stop it, or choose another folder")
		}
		if !slices.Equal(filesOf(t, dir), before) {
			t.Error("the folder has changed")
		}
	}))
	fit(t, plainNet(), blobSet(20, 5), c)
	if tried != 4 {
		t.Errorf("%d runs tried, want 4", tried)
	}
	for range 2 {
		fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 3, Dir: dir, Resume: true})
	}
}

// A run that fails lets go of its folder too.
func TestFailedRunsFolder(t *testing.T) {
	c := Config{Epochs: 1, Dir: t.TempDir(), Callbacks: []Callback{onStart(func(*graph.Network, Progress) error { return errDisk })}}
	for range 2 {
		if _, err := Fit(t.Context(), plainNet(), blobSet(20, 5), c); !errors.Is(err, errDisk) {
			t.Errorf("error %v, want that of Start", err)
		}
	}
}

// OnEarlier moves a run away: the new one has the new folder, and nobody the
// other.
func TestMovedFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	c := Config{Epochs: 1, Dir: dir, OnEarlier: func() error { return os.Rename(dir, dir+".1") }}
	fit(t, plainNet(), blobSet(20, 5), c) // there is nothing to move
	c.Callbacks = append(c.Callbacks, onEpoch(func(Epoch) {
		failing(t, plainNet(), blobSet(20, 5), Config{Dir: dir}, "a run is going on in "+dir)
		fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 2, Dir: dir + ".1", Resume: true})
	}))
	fit(t, plainNet(), blobSet(20, 5), c)
	for name, epochs := range map[string]int{dir: 1, dir + ".1": 2} {
		if r, err := ReadRecord(name); err != nil || len(r.History) != epochs {
			t.Errorf("%s: record %+v and error %v, want %d epochs", name, r, err, epochs)
		}
	}
}

// A folder that was moved between its opening and its locking is no longer that
// of the name.
func TestLockMoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	for _, name := range []string{dir, dir + ".2"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if moved(f, dir) {
		t.Error("a folder in its place is moved")
	}
	if err := os.Rename(dir, dir+".1"); err != nil {
		t.Fatal(err)
	}
	if !moved(f, dir) {
		t.Error("a folder without a successor is in its place")
	}
	if err := os.Rename(dir+".2", dir); err != nil {
		t.Fatal(err)
	}
	if !moved(f, dir) {
		t.Error("a folder with a successor is in its place")
	}
}
