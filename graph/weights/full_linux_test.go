package weights

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk without room leaves the old file and nothing else. It needs the right
// to mount a small disk.
func TestWriteFileDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		return err
	})
	checkError(t, err, "no space left")
	if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), ".tmp-") {
		t.Errorf("got %v, want ENOSPC without the temporary file's name", err)
	}
	checkFolder(t, dir, "file", "old")
}

// Opening a named pipe would wait for its writer for ever.
func TestLoadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("cannot make a pipe: %v", err)
	}
	_, err := Load(path)
	checkError(t, err, "want a regular file")
	_, err = Load(os.DevNull)
	checkError(t, err, "want a regular file")
}
