package torture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"gorgonia.org/tensor"

	"tapenet/cmd/internal/tomlfile"
	"tapenet/graph"
	"tapenet/graph/keras/hdf5"
	"tapenet/graph/raster/decode"
	"tapenet/graph/weights"
	"tapenet/modelzoo/open"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/data/parquet"
)

// reader reads files of a folder. It is tried with damaged ones.
type reader struct {
	name    string
	files   func(t *testing.T) map[string][]byte // sound ones
	damaged []string                             // those of files that are damaged, one at a time; nil is all
	grammar func(sound []byte) func(b *builder)  // by which a file is built that takes the place of a sound one of damaged
	read    func(dir string) error
	most    func(content []byte) int64 // bytes that reading a damaged file may take; nil is proportional's
}

// proportional bounds what is not compressed, by four times the file and 64 MB.
func proportional(content []byte) int64 { return 4*int64(len(content)) + 64<<20 }

// compressed bounds what is.
func compressed(content []byte) int64 { return 64*int64(len(content)) + 64<<20 }

// planned bounds a network: its file, and what it needs for a picture, of which open
// allows as much as the machine has. These networks are small; damaged ones grow.
func planned(content []byte) int64 { return 64*int64(len(content)) + 512<<20 }

// pictureMemory bounds a picture by what its header says that it takes.
func pictureMemory(content []byte) int64 {
	h, err := decode.Decoder(0).Header(content)
	if err != nil {
		return 64 << 20
	}
	return h.Memory + 16<<20
}

// readers are all of the project's.
func readers() []reader {
	all := slices.Concat(dataReaders(), pictureReaders(), modelReaders())
	for i := range all {
		if all[i].most == nil {
			all[i].most = proportional
		}
	}
	return all
}

// one is the file of a reader that needs no other.
func one(name string, content func(t *testing.T) []byte) func(t *testing.T) map[string][]byte {
	return func(t *testing.T) map[string][]byte { return map[string][]byte{name: content(t)} }
}

// stored is one of the project's files.
func stored(path string) func(t *testing.T) []byte {
	return func(t *testing.T) []byte { return file(t, path) }
}

// some reads a dataset and some of its samples.
func some(d data.Dataset, err error) error {
	if err != nil {
		return err
	}
	x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	for _, s := range []data.Samples{d.Train, d.Test} {
		for i := range min(5, s.Len()) {
			if _, err := s.Read(i, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// always is a grammar that needs no sound file.
func always(grammar func(b *builder)) func([]byte) func(b *builder) {
	return func([]byte) func(b *builder) { return grammar }
}

func dataReaders() []reader {
	opened := func(dir string) error { return some(data.Open(dir)) }
	of := func(kind string) func(t *testing.T) map[string][]byte {
		return func(t *testing.T) map[string][]byte { return folderOf(t, filepath.Join(digits(t), kind)) }
	}
	return []reader{
		{name: "IDX", files: of("idx"), grammar: always(builtIDX), read: opened},
		{name: "IDX.gz", files: func(t *testing.T) map[string][]byte {
			zipped := map[string][]byte{}
			for name, content := range of("idx")(t) {
				zipped[name+".gz"] = gzipped(t, content)
			}
			return zipped
		}, grammar: always(builtIDXgz), read: opened, most: compressed},
		{name: "CIFAR", files: cifar, grammar: always(builtCIFAR), read: opened},
		{name: "tar", files: of("shards"), grammar: builtTar, read: opened},
		{name: "CSV", files: table("table.csv"), damaged: []string{"table.csv"}, grammar: builtCSV, read: func(dir string) error { return some(data.Open(filepath.Join(dir, "table.csv"))) }},
		{name: "JSONL", files: table("table.jsonl"), damaged: []string{"table.jsonl"}, grammar: builtJSONL, read: func(dir string) error { return some(data.Open(filepath.Join(dir, "table.jsonl"))) }},
		{name: "Parquet", files: one("x.parquet", stored("train/data/parquet/testdata/huggingface.parquet")), most: compressed, grammar: builtThrift, read: func(dir string) error {
			return some(parquet.Open(data.Options{Spill: dir}, filepath.Join(dir, "x.parquet")))
		}},
	}
}

// cifar are files of a few images.
func cifar(*testing.T) map[string][]byte {
	record := func(label byte) []byte { return append([]byte{label}, make([]byte, 3072)...) }
	files := map[string][]byte{"batches.meta.txt": []byte(strings.Repeat("name\n", 10)), "test_batch.bin": record(1)}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		files["data_batch_"+n+".bin"] = append(record(0), record(9)...)
	}
	return files
}

// table are pictures, and a table of them.
func table(name string) func(t *testing.T) map[string][]byte {
	return func(t *testing.T) map[string][]byte {
		files := folderOf(t, filepath.Join(digits(t), "pictures", "test"))
		row, rows := "{\"file\": %q, \"label\": %q}\n", ""
		if name == "table.csv" {
			row, rows = "%s,%s\n", "file,label\n"
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			rows += fmt.Sprintf(row, name, filepath.Dir(name))
		}
		files[name] = []byte(rows)
		return files
	}
}

func pictureReaders() (all []reader) {
	img := image.NewPaletted(image.Rect(0, 0, 40, 30), palette.Plan9)
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	encoded := func(write func(w io.Writer) error) func(t *testing.T) []byte {
		return func(t *testing.T) []byte {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
	}
	for _, format := range []struct {
		name    string
		picture func(t *testing.T) []byte
		grammar func(sound []byte) func(b *builder)
	}{
		{"PNG", encoded(func(w io.Writer) error { return png.Encode(w, img) }), always(builtPNG)},
		{"JPEG", encoded(func(w io.Writer) error { return jpeg.Encode(w, img, nil) }), always(builtJPEG)},
		{"GIF", encoded(func(w io.Writer) error { return gif.Encode(w, img, nil) }), always(builtGIF)},
		{"BMP", encoded(func(w io.Writer) error { return bmp.Encode(w, img) }), always(builtBMP)},
		{"TIFF", encoded(func(w io.Writer) error { return tiff.Encode(w, img, &tiff.Options{Compression: tiff.Deflate}) }), always(builtTIFF)},
		{"WebP", webp, builtWebP},
	} {
		all = append(all, reader{name: format.name, files: one("picture", format.picture), most: pictureMemory, grammar: format.grammar, read: func(dir string) error {
			f, err := os.Open(filepath.Join(dir, "picture"))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = decode.Read(f, 0)
			return err
		}})
	}
	return all
}

func modelReaders() []reader {
	opened := func(name string) func(dir string) error {
		return func(dir string) error { _, err := open.Open(filepath.Join(dir, name)); return err }
	}
	const toml = "[a]\nb = 1.5\nc = \"x\"\nd = [1, 2, [3]]\ne.f = true\n[[g]]\nh = {i = 1979-05-27}\n# remark\n"
	return []reader{
		{name: "safetensors", files: one("x.safetensors", func(t *testing.T) []byte { return modelFile(t, "lenet5", "lenet5", 1) }), grammar: builtSafetensors, read: opened("x.safetensors"), most: planned},
		{name: "npz", files: one("x.npz", arrays), most: compressed, grammar: always(builtNPZ), read: func(dir string) error { _, err := weights.LoadNPZ(filepath.Join(dir, "x.npz")); return err }},
		{name: "ONNX", files: one("x.onnx", stored("graph/onnx/testdata/block_windows.onnx")), grammar: builtONNX, read: opened("x.onnx"), most: planned},
		{name: "HDF5", files: one("x.h5", func(t *testing.T) []byte {
			return gunzipped(t, file(t, "graph/keras/hdf5/testdata/everything_latest.h5.gz"))
		}), most: compressed, grammar: builtHDF5, read: readHDF5},
		{name: "HDF5-earliest", files: one("x.h5", func(t *testing.T) []byte {
			return gunzipped(t, file(t, "graph/keras/hdf5/testdata/everything_earliest.h5.gz"))
		}), most: compressed, grammar: builtHDF5, read: readHDF5},
		{name: "Keras", files: one("x.keras", stored("graph/keras/testdata/small.keras")), grammar: builtKeras, read: opened("x.keras"), most: planned},
		{name: "model.json", files: func(t *testing.T) map[string][]byte {
			return folderOf(t, filepath.Join(root(t), "graph/tfjs/testdata/layers"))
		}, damaged: []string{"model.json", "group1-shard1of3.bin"}, grammar: builtTFJS, read: opened("model.json"), most: planned},
		{name: "TOML", files: one("x.toml", func(*testing.T) []byte { return []byte(toml) }), grammar: always(builtTOML), read: func(dir string) error {
			var v map[string]any
			return tomlfile.Decode(filepath.Join(dir, "x.toml"), &v)
		}},
		{name: "description", files: func(t *testing.T) map[string][]byte {
			return map[string][]byte{"x.onnx": stored("graph/onnx/testdata/block_windows.onnx")(t), "x.onnx.toml": []byte("input = [3, 8, 8]\nfit = \"crop\"\n"), "names.txt": []byte("a\nb\n")}
		}, damaged: []string{"x.onnx.toml"}, grammar: always(builtDescription), read: opened("x.onnx"), most: planned},
		{name: "checkpoint", files: one(train.CheckpointFile, checkpoint), grammar: builtState, read: func(dir string) error { _, err := train.ReadRecord(dir); return err }},
	}
}

// checkpoint is a checkpoint of a small run.
func checkpoint(t *testing.T) []byte {
	t.Helper()
	d, err := data.IDX(filepath.Join(digits(t), "idx"))
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 64), data.Limit(d.Test, 32)
	dir := t.TempDir()
	if _, err := train.Fit(t.Context(), graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}}, d, train.Config{Epochs: 3, Batch: 32, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// arrays is an .npz file.
func arrays(t *testing.T) []byte {
	var b bytes.Buffer
	f := weights.File{Metadata: map[string]string{"a": "b"}, Tensors: map[string]*tensor.Dense{
		"x": tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float32, 6))), "y": tensor.New(tensor.WithShape(5), tensor.WithBacking(make([]float64, 5))),
	}}
	if err := f.EncodeNPZ(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readHDF5 reads all that is in x.h5.
func readHDF5(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "x.h5"))
	if err != nil {
		return err
	}
	f, err := hdf5.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	return walk(f.Root(), 4)
}

// walk reads what is below an object of an HDF5 file.
func walk(o *hdf5.Object, depth int) error {
	if o.IsDataset() {
		_, err := o.Read()
		return err
	}
	names, err := o.Names()
	if err != nil || depth == 0 {
		return err
	}
	var errs []error
	for _, name := range names {
		child, err := o.Find(name)
		if err == nil && child != nil {
			err = walk(child, depth-1)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// webp is a picture of golang.org/x/image's tests, as nothing here writes such files.
func webp(t *testing.T) []byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image").Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata/blue-purple-pink.lossy.webp"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// root is the project's folder.
func root(t *testing.T) string {
	t.Helper()
	return share(t, "root", func() string {
		gomod, err := exec.Command("go", "env", "GOMOD").Output()
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(strings.TrimSpace(string(gomod)))
	})
}

// file is one of the project's.
func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// folderOf are the files of a folder and below, by their names.
func folderOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func gunzipped(t *testing.T, z []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
