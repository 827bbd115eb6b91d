package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"tapenet/graph/raster"
)

// encode returns a picture as a file of that format.
func encode(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, img)
	case "jpeg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 100})
	case "gif":
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain returns a picture of one colour.
func plain(w, h int, c color.Color) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	return img
}

// grey returns a grey picture of one brightness.
func grey(w, h int, v byte) image.Image {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	return img
}

// zoo returns a folder with two classes in three formats.
func zoo(t testing.TB) folder {
	t.Helper()
	return folder{
		"train/cat/1.png":   encode(t, "png", plain(4, 3, color.NRGBA{255, 0, 0, 255})),
		"train/cat/2.JPG":   encode(t, "jpeg", plain(8, 6, color.NRGBA{0, 0, 255, 255})),
		"train/dog/1.gif":   encode(t, "gif", plain(2, 2, color.NRGBA{0, 255, 0, 255})),
		"train/dog/.x.png":  []byte("hidden"),
		"train/dog/x.txt":   []byte("no picture"),
		"train/none/x.txt":  []byte("no pictures"),
		"train/.git/x.png":  []byte("hidden"),
		"train/readme.md":   []byte("no folder"),
		"test/dog/9.png":    encode(t, "png", grey(4, 3, 51)),
		"test/.cache/x.png": []byte("hidden"),
	}
}

// near demands that values differ from want by no more than bound.
func near(t *testing.T, name string, got []float32, want, bound float64) {
	t.Helper()
	for i, v := range got {
		if !(math.Abs(float64(v)-want) <= bound) {
			t.Errorf("%s: value %d is %v, want %v", name, i, v, want)
			return
		}
	}
}

// writeTree writes files in sub-folders of a new folder of that name.
func writeTree(t testing.TB, name string, files folder) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for file, content := range files {
		writeFolder(t, filepath.Join(dir, filepath.Dir(file)), folder{filepath.Base(file): content})
	}
	return dir
}

func TestFolder(t *testing.T) {
	d, err := Open(writeTree(t, "zoo", zoo(t)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "zoo" || d.Shape != [3]int{3, 3, 3} || !slices.Equal(d.Classes, []string{"cat", "dog"}) || d.Train.Len() != 3 || d.Test.Len() != 1 {
		t.Fatalf("%q %v %q with %d and %d samples, want zoo [3 3 3] [cat dog] with 3 and 1", d.Name, d.Shape, d.Classes, d.Train.Len(), d.Test.Len())
	}
	tests := []struct {
		s               Samples
		i, class        int
		r, g, b, within float64
	}{
		{d.Train, 0, 0, 1, 0, 0, 0},
		{d.Train, 1, 1, 0, 1, 0, 0},    // the dog among the cats
		{d.Train, 2, 0, 0, 0, 1, 0.01}, // JPEG
		{d.Test, 0, 1, 0.2, 0.2, 0.2, 1e-7},
	}
	x := make([]float32, 27)
	for _, tt := range tests {
		class, err := tt.s.Read(tt.i, x)
		if err != nil || class != tt.class {
			t.Fatalf("class %d and error %v, want %d and none", class, err, tt.class)
		}
		near(t, "red", x[:9], tt.r, tt.within)
		near(t, "green", x[9:18], tt.g, tt.within)
		near(t, "blue", x[18:], tt.b, tt.within)
	}
}

// TestFolderOrder holds that the first pictures are of all classes, each with
// its share.
func TestFolderOrder(t *testing.T) {
	files := folder{}
	for i := range 12 {
		files[fmt.Sprintf("a/%02d.png", i)] = encode(t, "png", grey(3, 2, 0))
		if i%3 == 0 {
			files[fmt.Sprintf("b/%02d.png", i)] = files["a/00.png"]
		}
	}
	d, err := Options{}.loadFolder(files.fsys())
	if err != nil {
		t.Fatal(err)
	}
	labels, err := Labels(Limit(d.Train, 6), d.Shape)
	if got := slices.Compact(slices.Sorted(slices.Values(labels))); err != nil || !slices.Equal(got, []int{0, 1}) {
		t.Errorf("classes %v of the first 6 and error %v, want both", labels, err)
	}
}

// TestFolderVal holds that val is the test part where there is no test.
func TestFolderVal(t *testing.T) {
	files := zoo(t)
	files["val/cat/1.png"], files["val/cat/2.png"] = files["train/cat/1.png"], files["train/cat/1.png"]
	for _, want := range []int{1, 2} { // with test and without
		d, err := Options{}.loadFolder(files.fsys())
		if err != nil || d.Test.Len() != want || d.Train.Len() != 3 {
			t.Fatalf("%v with the error %v, want %d test samples", d, err, want)
		}
		delete(files, "test/dog/9.png")
		delete(files, "test/.cache/x.png")
	}
}

func TestFolderOptions(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want [3]int
		red  float64 // of the first picture, which is red
	}{
		{"as half of them come", Options{}, [3]int{3, 3, 3}, 1},
		{"grey", Options{Channels: 1}, [3]int{1, 3, 3}, 76. / 255}, // 0.299 of red, rounded
		{"smaller", Options{Height: 2, Width: 2}, [3]int{3, 2, 2}, 1},
		{"larger", Options{Height: 9, Width: 16, Channels: 1}, [3]int{1, 9, 16}, 76. / 255},
		{"one side", Options{Width: 7}, [3]int{3, 7, 7}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := tt.o.loadFolder(zoo(t).fsys())
			if err != nil {
				t.Fatal(err)
			}
			if d.Shape != tt.want {
				t.Fatalf("shape %v, want %v", d.Shape, tt.want)
			}
			x := make([]float32, volumeOf(d.Shape))
			if _, err := d.Train.Read(0, x); err != nil {
				t.Fatal(err)
			}
			near(t, "first channel", x[:d.Shape[1]*d.Shape[2]], tt.red, 1e-7)
		})
	}
}

func TestFolderWithoutTest(t *testing.T) {
	files := folder{}
	for class := range 12 {
		for i := range 10 {
			files[fmt.Sprintf("%d/%d.png", class, i)] = encode(t, "png", grey(1, 1, byte(16*class+i)))
		}
	}
	load := func(o Options) Dataset {
		d, err := o.loadFolder(files.fsys())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := load(Options{Seed: 3})
	if want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}; !slices.Equal(d.Classes, want) {
		t.Errorf("classes %q, want %q", d.Classes, want)
	}
	labels, err := Labels(d.Test, d.Shape)
	if err != nil {
		t.Fatal(err)
	}
	var count [12]int
	for _, l := range labels {
		count[l]++
	}
	if d.Train.Len() != 96 || count != [12]int{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2} {
		t.Errorf("%d samples left, and %v held out by class, want 96 and 2 each", d.Train.Len(), count)
	}
	if d.HeldOut || d.Preprocessing.Fit != raster.Crop {
		t.Errorf("held out: %t, fit %q, want a test part of pictures that were cropped", d.HeldOut, d.Preprocessing.Fit)
	}
	if same := load(Options{Seed: 3}); !slices.Equal(values(t, same.Test, 1), values(t, d.Test, 1)) {
		t.Error("the same seed gives another test part")
	}
	if other := load(Options{Seed: 4}); slices.Equal(values(t, other.Test, 1), values(t, d.Test, 1)) {
		t.Error("another seed gives the same test part")
	}
	if half := load(Options{TestShare: 0.5}); half.Test.Len() != 60 {
		t.Errorf("%d test samples, want 60", half.Test.Len())
	}
}

// values returns the images of s, of the given size, one after another.
func values(t testing.TB, s Samples, size int) []float32 {
	t.Helper()
	all := make([]float32, s.Len()*size)
	for i := range s.Len() {
		if _, err := s.Read(i, all[i*size:][:size]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// bomb returns a PNG file that claims to be that large.
func bomb(t testing.TB, w, h uint32) []byte {
	b := encode(t, "png", grey(1, 1, 0))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestFolderErrors(t *testing.T) {
	good := encode(t, "png", grey(2, 2, 9))
	tests := []struct {
		name string
		f    folder
		o    Options
		want string
	}{
		{"no folders", folder{"a.png": good}, Options{}, "no pictures in sub-folders of ., want one sub-folder a class"},
		{"no pictures", folder{"cat/a.txt": []byte("text")}, Options{}, "no pictures in sub-folders of ., want one sub-folder a class with pictures, PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"empty train", folder{"train/cat/a.txt": nil, "test/cat/a.png": good}, Options{}, "no pictures in sub-folders of train"},
		{"empty test", folder{"train/cat/a.png": good, "test/cat/a.txt": []byte("text")}, Options{}, "no pictures in sub-folders of test"},
		{"unknown class", folder{"train/cat/a.png": good, "test/dog/a.png": good}, Options{}, "test/dog: no such class among the 1 of train"},
		{"too few to hold out", folder{"cat/a.png": good}, Options{}, "divided into 1 and 0 samples"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.o.Folder(writeTree(t, "bad", tt.f))
			wantError(t, err, "data: ", tt.want)
		})
	}
}
