package regular

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRegular: a file and a link to one are read by all four ways.
func TestRegular(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "a"), "hello")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{file, link} {
		f, size, err := Open(path)
		if err != nil || size != 5 {
			t.Fatalf("%s: %d bytes, %v, want 5", path, size, err)
		}
		f.Close()
		if text, err := Read(path, 5); string(text) != "hello" || err != nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		if text, err := ReadIn(os.DirFS(dir), filepath.Base(path), 5); string(text) != "hello" || err != nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
}

// TestErrors: what is no file, and what is too long, is an error of one line that has
// the name once.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	long := write(t, filepath.Join(dir, "long"), "hello")
	tests := []struct{ path, want string }{
		{dir, "open " + dir + ": found a folder, want a regular file"},
		{os.DevNull, "open " + os.DevNull + ": found a device, want a regular file"},
		{long, "read " + long + ": more than 4 bytes, want at most that"},
	}
	for _, tt := range tests {
		var of *fs.PathError
		if _, err := Read(tt.path, 4); err == nil || err.Error() != tt.want || !errors.As(err, &of) {
			t.Errorf("%s: error %v, want a PathError %q", tt.path, err, tt.want)
		}
	}
	if _, err := Read(filepath.Join(dir, "none"), 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// growing is a file that says that it is empty.
type growing struct{ fs.File }

func (g growing) Stat() (fs.FileInfo, error) {
	s, err := g.File.Stat()
	return empty{s}, err
}

type empty struct{ fs.FileInfo }

func (empty) Size() int64 { return 0 }

// TestBoundIsOnWhatCame: a size is not believed.
func TestBoundIsOnWhatCame(t *testing.T) {
	f, err := fstest.MapFS{"a": {Data: bytes.Repeat([]byte("x"), 100)}}.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(growing{f}, "a", 99); err == nil || !strings.Contains(err.Error(), "more than 99 bytes") {
		t.Errorf("error %v, want that it is too long", err)
	}
}
