package train

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// smallDisk mounts a disk of 256 kB at a new folder. It needs the right to do so.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fillDisk takes all the room that is left, in a file.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{1 << 14, 1} { // to the last byte
		for err == nil {
			_, err = f.Write(make([]byte, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
		err = nil
	}
}

// A disk that is full in the second epoch leaves all files of the first; with room again the run goes on.
func TestFitDiskFull(t *testing.T) {
	disk, straight := smallDisk(t), t.TempDir()
	c := Config{Epochs: 3, Batch: 10, Dir: filepath.Join(disk, "run")}
	filler := filepath.Join(disk, "filler")
	var before []string
	c.Callbacks = append(c.Callbacks, onEpoch(func(e Epoch) {
		if before == nil {
			before = filesOf(t, c.Dir)
			fillDisk(t, filler)
		}
	}))
	_, err := Fit(t.Context(), smallNet(), blobSet(25, 5), c)
	checkError(t, err, ModelFile, "no space left")
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want ENOSPC in it", err)
	}
	if after := filesOf(t, c.Dir); !slices.Equal(after, before) {
		t.Error("the folder is not what it was before")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.Resume, c.Callbacks = true, nil
	got := fit(t, smallNet(), blobSet(25, 5), c)
	want := fit(t, smallNet(), blobSet(25, 5), Config{Epochs: 3, Batch: 10, Dir: straight})
	compareRuns(t, got, want, c.Dir, straight)
}

// A full disk and a read-only one are found before anything is trained, by a new run and by one that goes on.
func TestFitDiskReadOnly(t *testing.T) {
	disk := smallDisk(t)
	c := Config{Epochs: 1, Batch: 10, Dir: filepath.Join(disk, "run")}
	fit(t, plainNet(), blobSet(25, 5), c)
	c.Epochs = 2
	c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) { t.Error("a batch was trained") }))
	refused := func(want string) {
		t.Helper()
		again, other := c, c
		again.Resume, other.Dir = true, filepath.Join(disk, "other")
		failing(t, plainNet(), blobSet(25, 5), again, "train: checkpoint: ", want)
		failing(t, plainNet(), blobSet(25, 5), other, "train: ", want)
	}
	filler := filepath.Join(disk, "filler")
	fillDisk(t, filler)
	refused("no space left")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot make the disk read-only: %v", err)
	}
	refused("read-only")
}
