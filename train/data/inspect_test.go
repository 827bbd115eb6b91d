package data

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/raster"
)

// album is a folder of 2 classes with 10 pictures each, all different.
func album(t testing.TB) folder {
	t.Helper()
	files := folder{}
	for i := range 20 {
		img := plain(5, 4, color.NRGBA{byte(10 * i), byte(i), 7, 255}).(*image.NRGBA)
		img.Set(2, 1, color.White)
		files[fmt.Sprintf("%c/%02d.png", 'a'+i%2, i)] = encode(t, "png", img)
	}
	return files
}

func openAlbum(t testing.TB, o Options, files folder) Dataset {
	t.Helper()
	d, err := o.Folder(writeTree(t, "album", files))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestInspect: every damaged picture is named at once, or left out and noted.
func TestInspect(t *testing.T) {
	files := album(t)
	files["a/cut.png"] = files["a/00.png"][:40]
	files["b/page.jpg"] = []byte("<html>404</html>")
	files["b/empty.gif"] = nil
	bad := []string{"a/cut.png", "b/page.jpg", "b/empty.gif"}
	d := openAlbum(t, Options{Height: 4, Width: 4, Channels: 3}, files)
	_, err := Inspect(t.Context(), d, Inspection{})
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("error %v, want damaged pictures", err)
	}
	for _, name := range append(bad, "no picture, want PNG", "(3)") {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q, want one with %q", err, name)
		}
	}
	var told []int
	got, err := Inspect(t.Context(), d, Inspection{Skip: true, Progress: func(done, all int) { told = append(told, done, all) }})
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Train.Len() + got.Test.Len(); n != 20 {
		t.Errorf("%d pictures left, want 20", n)
	}
	if len(told) != 2*23 || told[1] != 23 || slices.Max(told) != 23 {
		t.Errorf("progress %v, want 23 calls up to 23 of 23", told)
	}
	for _, name := range bad {
		if !slices.ContainsFunc(got.Notes, func(n string) bool { return strings.HasPrefix(n, "skipped "+name+": ") }) {
			t.Errorf("notes %q do not name %s", got.Notes, name)
		}
	}
	if _, err := NewStats(t.Context(), got.Train, got.Shape); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Inspect(ctx, d, Inspection{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	d = openAlbum(t, Options{Height: 4, Width: 4, Channels: 3}, folder{"a/1.png": bomb(t, 1<<20, 1<<20), "a/2.png": []byte("x")})
	if _, err := Inspect(t.Context(), d, Inspection{Skip: true}); !errors.Is(err, ErrDamaged) {
		t.Errorf("nothing but damaged pictures: error %v", err)
	}
	numbers := numberedSet(10, 2)
	if got, err := Inspect(t.Context(), numbers, Inspection{}); err != nil || got.Notes != nil || got.Train != numbers.Train {
		t.Errorf("a dataset of no pictures: %v, %v, want it as it is", got, err)
	}
}

// TestDuplicates: a file in two parts or two classes is told.
func TestDuplicates(t *testing.T) {
	files := folder{}
	for name, content := range album(t) {
		files["train/"+name] = content
		if strings.HasSuffix(name, "0.png") {
			files["test/"+name] = content
		}
	}
	files["train/b/again.png"] = files["train/a/00.png"]
	d, err := Inspect(t.Context(), openAlbum(t, Options{}, files), Inspection{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the same picture in training and in testing (2): \"train/a/", "the same picture in two classes (1): \"train/a/00.png and train/b/again.png\""} {
		if !slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("notes %q, want one with %q", d.Notes, want)
		}
	}
}

// TestNotes: whatever is left out is named.
func TestNotes(t *testing.T) {
	files := album(t)
	files["a/notes.txt"], files["a/phone.heic"] = []byte("text"), []byte("\x00\x00\x00\x18ftypheic")
	files["a/deeper/x.png"], files["empty/.keep"], files["README"] = files["a/00.png"], nil, nil
	files["small/only.png"] = files["a/00.png"]
	d := openAlbum(t, Options{}, files)
	want := []string{
		`folders of classes without pictures (1): "empty"`,
		`not read, HEIC (1): "a/phone.heic"`,
		`not read, folders inside those of classes (1): "a/deeper"`,
		`not read, no picture (1): "a/notes.txt"`,
		`not used, beside the classes (1): "README"`,
		`classes without pictures for testing (1): "small"`,
	}
	if !slices.Equal(d.Notes, want) {
		t.Errorf("notes %q, want %q", d.Notes, want)
	}
	for name := range files {
		if !strings.HasPrefix(name, "a/") {
			delete(files, name)
		}
	}
	d = openAlbum(t, Options{}, files)
	if only := `"a" is the only class: there is nothing to tell it from`; !slices.Contains(d.Notes, only) {
		t.Errorf("notes %q, want %q", d.Notes, only)
	}
	three := folder{"train/.x": nil}
	for name, content := range album(t) {
		for _, part := range []string{"train", "val", "test", "extra"} {
			three[part+"/"+name] = content
		}
	}
	d = openAlbum(t, Options{}, three)
	if d.Validation == nil || d.Validation.Len() != 20 || d.Test.Len() != 20 || !slices.Equal(d.Notes, []string{`not used, beside the classes (1): "extra"`}) {
		t.Errorf("validation %v, notes %q, want 20 pictures for validation and a note about extra", d.Validation, d.Notes)
	}
}

// TestStore: a picture that is kept has the bits of one that is unpacked anew, in memory
// and on the disk, and it is not read a second time.
func TestStore(t *testing.T) {
	files := album(t)
	for _, fit := range []string{raster.Crop, raster.Strokes} {
		p := Options{Height: 3, Width: 3, Channels: 1, Preprocessing: raster.Preprocessing{Fit: fit}, Memory: -1}
		plain := values(t, openAlbum(t, p, files).Train, 9)
		for name, o := range map[string]Options{"memory": {}, "disk": {Memory: 1, Spill: t.TempDir()}, "neither": {Memory: 1}} {
			t.Run(name+", "+fit, func(t *testing.T) {
				o.Height, o.Width, o.Channels, o.Preprocessing = 3, 3, 1, p.Preprocessing
				dir := writeTree(t, "album", files)
				d, err := o.Folder(dir)
				if err != nil {
					t.Fatal(err)
				}
				if d.Kept() != (name != "neither") {
					t.Errorf("kept: %t", d.Kept())
				}
				if d, err = Inspect(t.Context(), d, Inspection{}); err != nil {
					t.Fatal(err)
				}
				if got := values(t, d.Train, 9); !slices.Equal(got, plain) {
					t.Error("other pixels than without a store")
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				_, err = d.Train.Read(0, make([]float32, 9))
				if keeps := name != "neither"; fit != raster.Strokes && keeps != (err == nil) {
					t.Errorf("after the files are gone: error %v; kept: %t", err, keeps)
				}
				if left, err := os.ReadDir(o.Spill); o.Spill != "" && (err != nil || len(left) > 0) {
					t.Errorf("left in the folder: %v, %v", left, err)
				}
			})
		}
	}
}

// TestFeatures: numbers take the place of images, classes and names stay.
func TestFeatures(t *testing.T) {
	d := openAlbum(t, Options{}, album(t))
	train, test := make([]float32, 3*d.Train.Len()), make([]float32, 3*d.Test.Len())
	for i := range train {
		train[i] = float32(i)
	}
	f, err := Features(d, 3, train, test)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3)
	for i := range d.Train.Len() {
		class, err := f.Train.Read(i, x)
		want, _ := classOf(d.Train, i, nil)
		if err != nil || class != want || x[2] != float32(3*i+2) || Name(f.Train, i) != Name(d.Train, i) {
			t.Fatalf("sample %d: %v of class %d, %v, named %q", i, x, class, err, Name(f.Train, i))
		}
	}
	if f.Shape != [3]int{3, 1, 1} || onDisk(f.Train) {
		t.Errorf("shape %v, on the disk: %t", f.Shape, onDisk(f.Train))
	}
	if _, err := Features(d, 3, train[1:], test); err == nil || !strings.Contains(err.Error(), "want 3 each") {
		t.Errorf("too few numbers: error %v", err)
	}
	if _, err := f.Train.Read(0, x[:2]); err == nil {
		t.Error("read into too little room")
	}
}
