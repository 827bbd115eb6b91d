package data

import (
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
