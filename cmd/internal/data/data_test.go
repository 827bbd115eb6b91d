package data

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/train/data"
)

// command runs the command.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// contains demands parts in a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %q", part, text)
		}
	}
}

// photos returns a folder with ten pictures of 8x6 in each of two classes: red ones that get brighter, and
// blue ones.
func photos(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "photos")
	for class, c := range map[string]color.NRGBA{"red": {100, 0, 0, 255}, "a very long name of a class": {0, 0, 255, 255}} {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			img := image.NewNRGBA(image.Rect(0, 0, 8, 6))
			if c.R > 0 {
				c.R = byte(100 + 10*i)
			}
			for k := range 48 {
				img.Set(k%8, k/8, c)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestSummary(t *testing.T) {
	out, errs, err := command(t)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	contains(t, out, "mnist: 10 classes, images of (channels, height, width) = (1,28,28)\n",
		"  class  training   test\n", "      1      6742   1135\n", "    all     60000  10000\n",
		"mean 0.1307 and standard deviation 0.3081 of the training images")
	out, _, err = command(t, "-data", photos(t), "-height", "4", "-test", "0.3")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "photos: 2 classes", "(3,4,4)", "red         7     3\n", "all        14     6\n", "mean 0.", ", 0.0000, 0.5000 and standard deviation 0.", ", 0.0000, 0.5000 of")
}

// drawn runs the command with -picture and returns the picture.
func drawn(t *testing.T, args ...string) image.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sheet.png")
	if _, _, err := command(t, append(args, "-picture", file)...); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// at returns the colour in the middle of a cell of a sheet of images of 8x6, drawn seven times as large.
func at(img image.Image, row, column int) color.NRGBA {
	return color.NRGBAModel.Convert(img.At(nameWidth+column*(56+margin)+28, margin+row*(42+margin)+21)).(color.NRGBA)
}

func TestPicture(t *testing.T) {
	dir := photos(t)
	sheet := drawn(t, "-data", dir)
	if got, want := sheet.Bounds().Size(), image.Pt(nameWidth+12*64+margin, 2*50+margin); got != want {
		t.Fatalf("%v, want %v", got, want)
	}
	ground := color.NRGBA{0xe8, 0xe8, 0xe8, 255}
	seen := map[color.NRGBA]bool{}
	for column := range 12 {
		blue, red := at(sheet, 0, column), at(sheet, 1, column)
		if column >= 8 { // all there are for training
			if blue != ground || red != ground {
				t.Errorf("column %d: %v and %v, want nothing", column, blue, red)
			}
			continue
		}
		if blue != (color.NRGBA{0, 0, 255, 255}) || red.R < 100 || red.G != 0 || red.B != 0 || seen[red] {
			t.Errorf("column %d: %v and %v, want blue, and a red that was not there before", column, blue, red)
		}
		seen[red] = true
	}
	dark := 0
	for y := range 50 {
		for x := range nameWidth {
			if r, _, _, _ := sheet.At(x, y).RGBA(); r < 0x8000 {
				dark++
			}
		}
	}
	if dark < 50 {
		t.Errorf("%d dark pixels left of the first row, want a name", dark)
	}
}

// TestPictureAugmented holds that a row begins with the image as it is, and that others differ.
func TestPictureAugmented(t *testing.T) {
	sheet := drawn(t, "-data", photos(t), "-augment", "brightness=0.5")
	if first := at(sheet, 0, 0); first != (color.NRGBA{0, 0, 255, 255}) {
		t.Errorf("the first is %v, want blue", first)
	}
	seen := map[color.NRGBA]bool{}
	for column := range 12 {
		seen[at(sheet, 0, column)] = true
	}
	if len(seen) < 10 { // two may be equal in 8 bits
		t.Errorf("%d colours in 12 columns, want about 12", len(seen))
	}
	again := drawn(t, "-data", photos(t), "-augment", "brightness=0.5")
	if at(again, 0, 5) != at(sheet, 0, 5) {
		t.Error("the same seed gives another picture")
	}
}

// TestPictureOfPhotographs holds that large images are drawn small.
func TestPictureOfPhotographs(t *testing.T) {
	sheet := drawn(t, "-data", photos(t), "-height", "300", "-width", "600")
	if size := sheet.Bounds().Size(); size != image.Pt(nameWidth+5*(160+margin)+margin, 2*(80+margin)+margin) {
		t.Errorf("size %v, want five columns of 160×80", size)
	}
	if got := at(sheet, 0, 0); got != (color.NRGBA{0, 0, 255, 255}) {
		t.Errorf("the first is %v, want blue", got)
	}
}

// TestSummaryReadsAll holds that a broken picture of the test part is found.
func TestSummaryReadsAll(t *testing.T) {
	dir := photos(t)
	for _, part := range []string{"train", "test"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(photos(t))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "test", "red", "3.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := command(t, "-data", dir); err == nil || !strings.Contains(err.Error(), "test/red/3.png: no picture, want PNG") || !strings.Contains(err.Error(), "-skip-damaged goes on") {
		t.Errorf("error %v, want that of the file", err)
	}
	if _, _, err := command(t, "-data", dir, "-max-pixels", "20"); err == nil || !strings.Contains(err.Error(), "pixels, want 1 to 20 of them") {
		t.Errorf("error %v, want one that pictures are too large", err)
	}
	out, errs, err := command(t, "-data", dir, "-skip-damaged")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, errs, "note: skipped test/red/3.png: no picture, want PNG", "note: the same picture in training and in testing", "read 40 pictures in ")
	contains(t, out, "red        10     9\n", "all        20    19\n")
}

// images returns the training images and classes of a dataset by their content.
func images(t *testing.T, s data.Samples, shape [3]int) map[string]int {
	t.Helper()
	all := map[string]int{}
	x := make([]float32, shape[0]*shape[1]*shape[2])
	for i := range s.Len() {
		class, err := s.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(class, x)]++
	}
	return all
}

func TestPack(t *testing.T) {
	dir, to := photos(t), filepath.Join(t.TempDir(), "new", "shards")
	_, errs, err := command(t, "-data", dir, "-width", "6", "-pack", to, "-shard", "7", "-seed", "3") // whose test part is train's, whatever the seed
	if err != nil {
		t.Fatal(err)
	}
	contains(t, errs, "train-000000.tar: 7 samples\n", "train-000002.tar: 2 samples\n", "test-000000.tar: 4 samples\n")
	got, err := data.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	want, err := data.Options{Width: 6}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Shape != want.Shape || fmt.Sprint(got.Classes) != fmt.Sprint(want.Classes) {
		t.Errorf("%v %q, want %v %q", got.Shape, got.Classes, want.Shape, want.Classes)
	}
	for _, part := range [][2]data.Samples{{got.Train, want.Train}, {got.Test, want.Test}} {
		if got, want := images(t, part[0], got.Shape), images(t, part[1], want.Shape); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Error("the shards have other samples than the folder")
		}
	}
	labels, err := data.Labels(got.Train, got.Shape)
	if err != nil {
		t.Fatal(err)
	}
	if first := fmt.Sprint(labels[:7]); !strings.Contains(first, "0") || !strings.Contains(first, "1") {
		t.Errorf("classes %s in the first shard, want both", first)
	}
	_, _, err = command(t, "-data", dir, "-pack", to)
	if err == nil || !strings.Contains(err.Error(), "shards is there already, want a new folder") {
		t.Errorf("packed twice: error %v", err)
	}
}

// TestPackFails holds that nothing is left of shards that are not complete.
func TestPackFails(t *testing.T) {
	dir, to := photos(t), filepath.Join(t.TempDir(), "shards")
	if err := os.WriteFile(filepath.Join(dir, "red", "x.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := options{pack: to, shard: 4}
	if err := pack(t.Context(), d, o, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "red/x.png: no picture") {
		t.Errorf("error %v, want that of the file", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pack(ctx, d, o, &bytes.Buffer{}); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped in train-000000.tar") {
		t.Errorf("error %v, want a cancelled context", err)
	}
	if left, _ := filepath.Glob(to + "*"); left != nil {
		t.Errorf("%q is left", left)
	}
}

func TestWrongCommandLine(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		usage bool
		want  string
	}{
		{"argument", []string{"mnist"}, true, `data: unexpected argument "mnist"`},
		{"shard", []string{"-shard", "0"}, true, "data: -shard 0, want 1 or more"},
		{"no picture", []string{"-augment", "flip"}, true, "data: -augment without -picture"},
		{"suspects augmented", []string{"-augment", "flip", "-suspects", "-picture", "x.png"}, true, "data: -augment without -picture, or with -suspects"},
		{"limit", []string{"-limit", "-1"}, true, "data: -limit -1, want a number of samples"},
		{"one fold", []string{"-folds", "1"}, true, "data: -folds 1 and -epochs 4, want 2 or more and 1 or more"},
		{"no epochs", []string{"-epochs", "0"}, true, "data: -folds 5 and -epochs 0, want 2"},
		{"noise alone", []string{"-label-noise", "1"}, true, "data: -label-noise 1, want at least 0 and below 1"},
		{"network", []string{"-suspects", "-model", "alexnet", "-data", "nowhere"}, true, `modelzoo: no model "alexnet"`}, // before the data are read
		{"more folds than samples", []string{"-suspects", "-limit", "4"}, false, "5 folds of the 4 samples"},
		{"augmentation", []string{"-augment", "fly", "-picture", "x.png"}, true, `data: no augmentation "fly", want some of shift`},
		{"ending", []string{"-picture", "x.jpg"}, true, "data: -picture x.jpg, want a file ending in .png"},
		{"dataset", []string{"-data", "nowhere"}, true, `data: no dataset "nowhere"`},
		{"size", []string{"-height", "32"}, false, "no pictures to scale"},
		{"no folder", []string{"-picture", filepath.Join(t.TempDir(), "none", "x.png")}, false, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := command(t, tt.args...)
			var usage cli.UsageError
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &usage) != tt.usage {
				t.Errorf("error %v, want %q, a usage error: %v", err, tt.want, tt.usage)
			}
		})
	}
	if out, _, err := command(t, "-help"); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out, "usage: tapenet data ") {
		t.Errorf("-help: error %v and %q", err, out)
	}
}

// TestExport: test images become pictures in folders of their classes, by turns one of
// each, which open as the dataset that they are of. The picture of a digit that is beside
// cmd/internal/infer is one of MNIST's.
func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	out, _, err := command(t, "-export", "12", "-out", dir)
	if err != nil || !strings.HasSuffix(out, "wrote 12 test images as pictures to "+dir+", in a folder for each class\n") {
		t.Fatalf("%q, %v", out, err)
	}
	mnist, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	for digit, want := range map[string]int{"0": 2, "1": 2, "2": 1, "9": 1} {
		files, err := filepath.Glob(filepath.Join(dir, digit, "*.png"))
		if err != nil || len(files) != want {
			t.Errorf("%d pictures of %s, want %d", len(files), digit, want)
		}
		for _, file := range files {
			i, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".png"))
			if err != nil {
				t.Fatal(err)
			}
			x := make([]float32, 28*28)
			class, err := mnist.Test.Read(i, x)
			if err != nil || strconv.Itoa(class) != digit {
				t.Errorf("%s is image %d, a %d: %v", file, i, class, err)
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			img, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range x {
				if got := img.(*image.Gray).Pix[k]; got != byte(255*v+0.5) {
					t.Fatalf("%s: pixel %d is %d, want %g", file, k, got, 255*v)
				}
			}
		}
	}
	shipped, err := os.ReadFile("../infer/testdata/digit.png")
	if err != nil {
		t.Fatal(err)
	}
	if own, err := os.ReadFile(filepath.Join(dir, "7", "00000.png")); err != nil || !bytes.Equal(own, shipped) {
		t.Errorf("digit.png is not the first test image of MNIST (%v)", err)
	}
	for _, args := range [][]string{{"-export", "12"}, {"-out", dir}, {"-export", "-1", "-out", dir}} {
		if _, _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "want a number of pictures and a folder for them") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, _, err := command(t, "-export", "1", "-out", dir); err == nil || !strings.Contains(err.Error(), "is there already, want a new folder for the pictures") {
		t.Errorf("exported twice: %v", err)
	}
}

// TestClassFolders: whatever classes are called, their folders lie side by side.
func TestClassFolders(t *testing.T) {
	got := classFolders([]string{"cat", "Cat", "a/b", "a:b", "..", "", "t-shirt"})
	want := []string{"cat", "Cat (class 1)", "a_b", "a_b (class 3)", "(class 4)", "(class 5)", "t-shirt"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, want %q", got, want)
	}
}
