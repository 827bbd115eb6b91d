//go:build unix

package tfjs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOpenLinks: weights are read from regular files in the model's folder alone, by
// whatever way their names lead there; the model.json itself may be a link.
func TestOpenLinks(t *testing.T) {
	outside := t.TempDir()
	for name, content := range map[string]string{"w.bin": "12345678", "model.json": sequential(denseLayer, denseWeights)} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, shard, want string
		make              func(dir string) error
	}{
		{"a file", "w.bin", "", func(dir string) error { return os.WriteFile(filepath.Join(dir, "w.bin"), []byte("12345678"), 0o644) }},
		{"a link inside", "link", "", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "w.bin"), []byte("12345678"), 0o644), os.Symlink("w.bin", filepath.Join(dir, "link")))
		}},
		{"a link to elsewhere", "link", "escapes", func(dir string) error { return os.Symlink(filepath.Join(outside, "w.bin"), filepath.Join(dir, "link")) }},
		{"a folder that is a link", "sub/w.bin", "escapes", func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "sub")) }},
		{"a device by a link", "link", "escapes", func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "link")) }},
		{"a path upwards", "../w.bin", "invalid", func(dir string) error { return os.WriteFile(filepath.Join(dir, "../w.bin"), []byte("12345678"), 0o644) }},
		{"a whole path", "/etc/passwd", "no such file", func(string) error { return nil }},
		{"a named pipe", "pipe", "want a regular file", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }},
		{"a folder", ".", "want a regular file", func(string) error { return nil }},
		{"a file twice", `w.bin","./w.bin`, `weights in "w.bin": it is named twice`, func(dir string) error { return os.WriteFile(filepath.Join(dir, "w.bin"), []byte("1234"), 0o644) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m", "model.json")
			text := strings.Replace(sequential(denseLayer, denseWeights), "w.bin", tt.shard, 1)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), tt.make(filepath.Dir(path))); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe.json"), filepath.Join(dir, "link.json")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(filepath.Join(outside, "model.json"), link), os.WriteFile(filepath.Join(dir, "w.bin"), []byte("12345678"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(pipe); err == nil || !strings.Contains(err.Error(), "pipe.json: found a named pipe, want a regular file") {
		t.Errorf("a pipe: error %v", err)
	}
	if _, err := Open(link); err != nil {
		t.Errorf("a link to a model.json: %v", err)
	}
}
