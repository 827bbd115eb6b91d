//go:build unix

package infer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pipe makes a named pipe.
func pipe(t *testing.T, name string) string {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestInterruptedPipe: the command ends while it waits for a picture.
func TestInterruptedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	name := fmt.Sprintf("/dev/fd/%d", r.Fd())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- classify(ctx, network{batch: 1}, []source{{name: name}}, func([]result) error { return nil }, io.Discard)
	}()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) || err.Error() != "infer: stopped after 0 of 1 files: context canceled" {
			t.Errorf("error %v, want the context's", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("still waits for the picture")
	}
}

// TestNamedPipe: a named pipe, which may have no writer, is refused and not waited for.
func TestNamedPipe(t *testing.T) {
	name := pipe(t, filepath.Join(t.TempDir(), "pipe"))
	_, _, err := reader{}.read(name)
	if err == nil || err.Error() != "found a named pipe, want a regular file" {
		t.Errorf("error %v, want that it is a pipe", err)
	}
}

// TestPipeInFolder: what may have no end is no picture of a folder.
func TestPipeInFolder(t *testing.T) {
	dir := t.TempDir()
	pipe(t, filepath.Join(dir, "a.png"))
	b := write(t, filepath.Join(dir, "b.png"), nil)
	if list, _ := sources([]string{dir}); len(list) != 1 || list[0].name != b {
		t.Errorf("got %v, want %s alone", list, b)
	}
}
