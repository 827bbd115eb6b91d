package data

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFolderNotRegular holds that a named pipe or a folder is an error and is
// not waited for.
func TestFolderNotRegular(t *testing.T) {
	dir := writeTree(t, "odd", folder{"cat/b.png": encode(t, "png", grey(2, 2, 9)), "cat/c.png": encode(t, "png", grey(2, 2, 9))})
	if err := syscall.Mkfifo(filepath.Join(dir, "cat", "a.png"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Inspect(t.Context(), d, Inspection{})
	if err == nil || !strings.Contains(err.Error(), "cat/a.png: found a named pipe, want a regular file") {
		t.Errorf("error %v, want the pipe's", err)
	}
	if err := os.Remove(filepath.Join(dir, "cat", "a.png")); err != nil {
		t.Fatal(err)
	}
	if d, err = (Options{TestShare: 0.5}).Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "cat")); err != nil {
		t.Fatal(err)
	}
	_, err = d.Train.Read(0, make([]float32, 4))
	wantError(t, err, "data: cat/", "no such file")
}

// TestUnreadableFolder holds that a folder which the system does not let be read is not
// said to be missing, and that a part or a class in one is not left out. A link to itself
// is such a folder for everybody, the superuser too.
func TestUnreadableFolder(t *testing.T) {
	dir := writeTree(t, "loops", folder{"cat/b.png": encode(t, "png", grey(2, 2, 9)), "dog/c.png": encode(t, "png", grey(2, 2, 9))})
	loop := filepath.Join(t.TempDir(), "loop")
	for _, path := range []string{loop, filepath.Join(dir, "train")} {
		if err := os.Symlink(filepath.Base(path), path); err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range map[string]func(string) (Dataset, error){"Open": Open, "IDX": IDX, "CIFAR": CIFAR, "Shards": Options{}.Shards, "Folder": Options{}.Folder} {
		_, err := open(loop)
		if want := "data: folder \"" + loop + "\" cannot be read: too many levels of symbolic links"; err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	_, err := Open(dir)
	wantError(t, err, "data: folder ", "train: too many levels of symbolic links")
	if err := errors.Join(os.Remove(filepath.Join(dir, "train")), os.Symlink("elk", filepath.Join(dir, "elk"))); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wantError(t, err, "data: folder ", "elk: too many levels of symbolic links")
}
