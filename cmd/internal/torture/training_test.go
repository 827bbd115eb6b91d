package torture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// digits is a folder of datasets, each with the same few digits of MNIST: idx has them as
// IDX files, pictures as PNG files, shards as tar files.
func digits(t *testing.T) string {
	t.Helper()
	return share(t, "digits", func() string {
		all, err := data.MNIST()
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(shared, "digits")
		for _, part := range []struct {
			idx, name string
			of        data.Samples
			n         int
		}{{"train", "train", all.Train, 240}, {"t10k", "test", all.Test, 40}} {
			if err := writeDigits(dir, part.idx, part.name, data.Limit(part.of, part.n)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	})
}

// writeDigits writes a part of the datasets.
func writeDigits(dir, idx, part string, s data.Samples) error {
	images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(s.Len()))
	images = append(images, 0, 0, 0, 28, 0, 0, 0, 28)
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(s.Len()))
	x := make([]float32, 28*28)
	for i := range s.Len() {
		class, err := s.Read(i, x)
		if err != nil {
			return err
		}
		labels = append(labels, byte(class))
		for _, v := range x {
			images = append(images, byte(v*255+0.5))
		}
		picture, err := data.Picture(x, [3]int{1, 28, 28})
		if err != nil {
			return err
		}
		if err := create(filepath.Join(dir, "pictures", part, strconv.Itoa(class), fmt.Sprintf("%03d.png", i)), func(f *os.File) error { return png.Encode(f, picture) }); err != nil {
			return err
		}
	}
	whole := func(b []byte) func(*os.File) error {
		return func(f *os.File) error { _, err := f.Write(b); return err }
	}
	return errors.Join(
		create(filepath.Join(dir, "idx", idx+"-images-idx3-ubyte"), whole(images)),
		create(filepath.Join(dir, "idx", idx+"-labels-idx1-ubyte"), whole(labels)),
		create(filepath.Join(dir, "shards", part+"-0.tar"), func(f *os.File) error {
			return data.WriteShard(f, s, [3]int{1, 28, 28}, data.InOrder(s.Len()))
		}))
}

// create makes a file, and the folders that it needs.
func create(path string, write func(f *os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// teacher is the folder of a run that others begin with or learn from.
func teacher(t *testing.T) string {
	t.Helper()
	return share(t, "teacher", func() string {
		dir := filepath.Join(shared, "teacher")
		succeed(t, program(t, "train", "-tags", "mpi"), "-model", "lenet5", "-data", filepath.Join(digits(t), "idx"), "-epochs", "1", "-out", dir)
		return dir
	})
}

// arguments are flags of train, in one text. DIGITS and TEACHER in it are the folders of
// those names.
func arguments(t *testing.T, flags string) []string {
	t.Helper()
	flags = strings.ReplaceAll(flags, "DIGITS", digits(t))
	if strings.Contains(flags, "TEACHER") {
		flags = strings.ReplaceAll(flags, "TEACHER", teacher(t))
	}
	return strings.Fields(flags)
}

// contents are what a run has come to, by what it is: the model's and the best model's file, the
// checkpoint's tensors, and the history without its speeds, the only numbers that no seed
// fixes. They are hashes, but for the history.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{train.ModelFile, train.BestFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	f, err := weights.Load(filepath.Join(dir, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	all[train.CheckpointFile] = hash(t, f.Tensors)
	r, err := train.ReadRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	all["history"] = timeless(r.History)
	return all
}

// timeless is a history without its images per second.
func timeless(history []train.Epoch) (text string) {
	for _, e := range history {
		e.ImagesPerSecond = 0
		text += fmt.Sprintf("%v ", e)
	}
	return text
}

// same fails for what differs in what two runs have come to.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s is not that of an uninterrupted run: %s, want %s", name, got[name], want[name])
		}
	}
}

// whole fails for files in a folder that are not as they were written; what it finds is
// how many there are. Temporary files are none.
func whole(t *testing.T, dir string) (n int) {
	t.Helper()
	for _, name := range names(t, dir) {
		if filepath.Ext(name) != ".safetensors" || strings.HasPrefix(name, weights.TempPrefix) {
			continue
		}
		f, err := weights.Load(filepath.Join(dir, name))
		if err != nil || f.Checksum == "" {
			t.Errorf("%s: error %v, checksum %q, want a whole file", name, err, f.Checksum)
		}
		n++
	}
	return n
}

// swept fails for temporary files in a folder.
func swept(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, weights.TempPrefix) {
			t.Errorf("a temporary file is left, %s", name)
		}
	}
}

// names are those of the files in a folder, which may be missing.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// hash is that of tensors: their names, shapes and bits.
func hash(t *testing.T, tensors map[string]*tensor.Dense) string {
	t.Helper()
	h := sha256.New()
	if err := (weights.File{Tensors: tensors}).Encode(h); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
