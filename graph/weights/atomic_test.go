package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// checkFolder expects dir to hold one file with the given content, and nothing
// temporary.
func checkFolder(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("folder holds %v, want only %s", entries, name)
	}
	if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != content {
		t.Errorf("file holds %.40q, error %v, want %.40q", b, err, content)
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "", "the third is longer"} {
		if err := WriteFile(path, text(content)); err != nil {
			t.Fatal(err)
		}
		checkFolder(t, dir, "file", content)
	}
}

// The permissions are those that the system gives to any new file of mode
// 0o644.
func TestWriteFilePermissions(t *testing.T) {
	dir := t.TempDir()
	plain, path := filepath.Join(dir, "plain"), filepath.Join(dir, "file")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, text("x")); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("got %v, error %v, want %v", got.Mode(), err, want.Mode())
	}
}

func TestWriteFileFails(t *testing.T) {
	wrong := errors.New("wrong")
	tests := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"at once", func(io.Writer) error { return wrong }},
		{"midway", func(w io.Writer) error {
			if err := text("half of it")(w); err != nil {
				return err
			}
			return wrong
		}},
		{"after more than the buffer", func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 3*pieceSize)); err != nil {
				return err
			}
			return fmt.Errorf("wrapped: %w", wrong)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			if err := WriteFile(path, text("old")); err != nil {
				t.Fatal(err)
			}
			err := WriteFile(path, tt.write)
			if !errors.Is(err, wrong) {
				t.Errorf("got %v, want it to wrap %v", err, wrong)
			}
			checkError(t, err, path)
			checkFolder(t, dir, "file", "old")
		})
	}
}

func TestWriteFilePanics(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if got := recover(); got != "ouch" {
				t.Errorf("recovered %v, want the panic of write", got)
			}
		}()
		_ = WriteFile(path, func(io.Writer) error { panic("ouch") })
	}()
	checkFolder(t, dir, "file", "old")
}

// A tensor that cannot be written leaves the weights that were there.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	bad := sample()
	bad.Tensors["bad"] = nil
	checkError(t, bad.Save(path), `w.safetensors: tensor "bad": found nil`)
	checkFolder(t, dir, "w.safetensors", string(encoded(t, sample())))
}

func TestWriteFileBadPath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := WriteFile(file, text("old")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		path string
		want string
	}{
		{"folder", dir, dir + ": found a folder"},
		{"no folder", filepath.Join(dir, "none", "file"), filepath.Join(dir, "none")},
		{"file for a folder", filepath.Join(file, "file"), "folder " + file},
		{"empty", "", "write : "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			err := WriteFile(tt.path, func(io.Writer) error { called = true; return nil })
			checkError(t, err, tt.want)
			if called && tt.path != "" {
				t.Error("write was called")
			}
		})
	}
	if err := WriteFile(tests[1].path, text("")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got %v, want fs.ErrNotExist", err)
	}
	checkFolder(t, dir, "file", "old")
}

func TestWriteFileReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may write to any folder")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	err := WriteFile(path, text("new"))
	checkError(t, err, "cannot create a file in folder "+dir+": permission denied")
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want fs.ErrPermission", err)
	}
	checkFolder(t, dir, "file", "old")
}

// Writers of one path do not disturb each other, and a reader always finds a
// whole file.
func TestWriteFileConcurrent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if err := sample().Save(path); err != nil {
					t.Error(err)
				}
				if f, err := Load(path); err != nil || !same(f, sample()) {
					t.Errorf("got %v, error %v, want the sample", f, err)
				}
			}
		})
	}
	wg.Wait()
	checkFolder(t, dir, "w.safetensors", string(encoded(t, sample())))
}

// An error of write about a file of its own keeps that file's name.
func TestWriteFileKeepsForeignPath(t *testing.T) {
	dir := t.TempDir()
	err := WriteFile(filepath.Join(dir, "file"), func(io.Writer) error {
		_, err := os.ReadFile(filepath.Join(dir, "source"))
		return err
	})
	checkError(t, err, filepath.Join(dir, "source"))
	if bytes.Contains([]byte(err.Error()), []byte(".tmp-")) {
		t.Errorf("got %q, want nothing about a temporary file", err)
	}
}
