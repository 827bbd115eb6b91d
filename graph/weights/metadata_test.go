package weights

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"
)

// TestLoadMetadata: it is what Load finds, also when the tensors are cut off.
func TestLoadMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	f := File{
		Tensors:  map[string]*tensor.Dense{"a": tensor.New(tensor.WithBacking([]float32{1, 2, 3}))},
		Metadata: map[string]string{"model": "cnn", "ключ": "<значение>"},
	}
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int64{0, 5, 12} { // bytes of the data
		if err := os.Truncate(path, stat.Size()-cut); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadMetadata(path); err != nil || !maps.Equal(got, f.Metadata) {
			t.Errorf("%d bytes cut off: %q and error %v, want %q", cut, got, err, f.Metadata)
		}
	}
}

func TestLoadMetadataErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadMetadata(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: error %v, want fs.ErrNotExist", err)
	}
	for name, content := range map[string]string{
		"empty":       "",
		"no header":   "\xff\x00\x00\x00\x00\x00\x00\x00{}",
		"no JSON":     "\x02\x00\x00\x00\x00\x00\x00\x00[]",
		"huge header": "\xff\xff\xff\xff\xff\xff\xff\xff{}",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if meta, err := LoadMetadata(path); err == nil {
			t.Errorf("%s: %q, want an error", name, meta)
		}
	}
	if _, err := LoadMetadata(dir); err == nil {
		t.Error("a folder: no error")
	}
}
