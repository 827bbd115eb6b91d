package parquet

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"tapenet/train/data"
)

// colours are the classes by the channel that is brightest in a picture of the files.
func colours(t *testing.T, d data.Dataset, s data.Samples) (names []string) {
	t.Helper()
	x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	for i := range s.Len() {
		class, err := s.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		plane, best := len(x)/3, 0
		for c := range 3 {
			if x[c*plane+plane/2] > x[best*plane+plane/2] {
				best = c
			}
		}
		if best != class {
			t.Errorf("%s: the picture is of class %d, want %d", data.Name(s, i), best, class)
		}
		names = append(names, d.Classes[class])
	}
	return names
}

// TestArrow reads what arrow-rs has written: pictures in a structure, with Hugging Face's names of
// classes, and in a column of bytes, with text and a split; compressed with Snappy and Zstandard, in
// groups of five rows.
func TestArrow(t *testing.T) {
	d, err := Open(data.Options{Spill: t.TempDir()}, "testdata/huggingface.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Name, d.Classes, d.Shape, d.Train.Len(), d.Test.Len()); got != "huggingface[cat dog fox] [3 14 14] 9 3" {
		t.Errorf("got %s", got)
	}
	if train, test := colours(t, d, d.Train), colours(t, d, d.Test); len(train) != 9 || !slices.Contains(test, "fox") {
		t.Errorf("training %q, test %q, want a share of each class held out", train, test)
	}
	if d, err = Open(data.Options{Height: 8, Spill: t.TempDir()}, "testdata/text.parquet"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Classes, d.Shape, colours(t, d, d.Test)); got != "[cat dog fox] [3 8 8] [cat dog fox]" || d.Train.Len() != 9 {
		t.Errorf("got %s, %d training pictures", got, d.Train.Len())
	}
	if name := data.Name(d.Test, 1); name != "text.parquet: row 10" {
		t.Errorf("name %q", name)
	}
}

// picture is a PNG file of one grey.
func picture(t *testing.T, grey uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 6, 6))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	img.SetGray(0, 0, color.Gray{grey / 2})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type sample struct {
	Image []byte `parquet:"image,optional"`
	Label int32  `parquet:"label"`
}

func write[T any](t *testing.T, path string, rows []T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
}

// TestFolder: the names of files say which part they are, and rows without a picture are named
// before anything is trained.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	rows := func(labels ...int32) (all []sample) {
		for _, l := range labels {
			all = append(all, sample{picture(t, uint8(20*l)), l})
		}
		return all
	}
	write(t, filepath.Join(dir, "data", "train-0.parquet"), rows(2, 10, 2))
	write(t, filepath.Join(dir, "data", "train-1.parquet"), rows(10))
	write(t, filepath.Join(dir, "data", "validation-0.parquet"), rows(2))
	write(t, filepath.Join(dir, "data", "test-0.parquet"), rows(10, 2))
	if !Is(dir) || Is(t.TempDir()) || Is(filepath.Join(dir, "none")) {
		t.Error("Is does not see the folder, or sees others")
	}
	d, err := Open(data.Options{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Classes, d.Shape, d.Train.Len(), d.Validation.Len(), d.Test.Len()); got != "[2 10] [1 6 6] 4 1 2" {
		t.Errorf("got %s", got)
	}
	x := make([]float32, 36)
	if class, err := d.Test.Read(0, x); err != nil || class != 1 || x[7] != 200.0/255 {
		t.Errorf("class %d, pixel %v, %v; want 1 and 200/255", class, x[7], err)
	}

	holed := append(rows(2, 10, 2), sample{nil, 10})
	write(t, filepath.Join(dir, "holed.parquet"), holed)
	if d, err = Open(data.Options{TestShare: 0.5}, filepath.Join(dir, "holed.parquet")); err != nil {
		t.Fatal(err)
	}
	if _, err := data.Inspect(t.Context(), d, data.Inspection{}); err == nil || !strings.Contains(err.Error(), "holed.parquet: row 3: no bytes, want a picture") {
		t.Errorf("error %v, want one that names the row", err)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("nopictures.parquet"), []struct {
		Label int32   `parquet:"label"`
		Score float64 `parquet:"score"`
	}{{1, 2}})
	write(t, at("nolabel.parquet"), []struct {
		Image []byte `parquet:"image"`
	}{{picture(t, 1)}})
	write(t, at("float.parquet"), []struct {
		Image []byte  `parquet:"image"`
		Label float64 `parquet:"label"`
	}{{picture(t, 1), 1}})
	write(t, at("split.parquet"), []struct {
		Image []byte `parquet:"image"`
		Label string `parquet:"label"`
		Split string `parquet:"split"`
	}{{picture(t, 1), "a", "fold1"}})
	write(t, at("unknown.parquet"), []struct {
		Image []byte `parquet:"image"`
		Label string `parquet:"label"`
		Split string `parquet:"split"`
	}{{picture(t, 1), "a", "train"}, {picture(t, 1), "b", "test"}})
	write(t, at("empty.parquet"), []sample{})
	whole, err := os.ReadFile("testdata/text.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cut.parquet": whole[:len(whole)/2], "text.parquet": []byte("file,label\n"), "none.parquet": nil} {
		if err := os.WriteFile(at(name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"nopictures.parquet": `no column of pictures, want image, file, picture, img with bytes, or with a field bytes; it has "label" (INT(32,true)), "score" (DOUBLE)`,
		"nolabel.parquet":    `no column of classes, want label, class, category, fine_label; it has "image"`,
		"float.parquet":      "column label is of DOUBLE, want text or whole numbers",
		"split.parquet":      `row 0: split "fold1", want train, val or test`,
		"unknown.parquet":    `row 1: no class "b" among the 1 of the training rows`,
		"empty.parquet":      "no rows for training",
		"cut.parquet":        "no Parquet file, or a damaged one",
		"text.parquet":       "no Parquet file, or a damaged one",
		"none.parquet":       "no Parquet file, or a damaged one",
		"absent.parquet":     "no such file",
		"":                   "no Parquet files, want some that end in .parquet",
	} {
		path := at(name)
		if name == "" {
			path = t.TempDir()
		}
		if _, err := Open(data.Options{}, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		}
	}
}

// FuzzOpen: a damaged file is an error, or gives what it gives; nothing panics.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"huggingface", "text"} {
		b, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x.parquet")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := Open(data.Options{Spill: t.TempDir()}, path)
		if err != nil {
			return
		}
		x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
		for i := range min(20, d.Train.Len()) {
			d.Train.Read(i, x)
		}
	})
}
