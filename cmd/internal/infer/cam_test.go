package infer

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/raster/letter"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// decoded is the picture in a file.
func decoded(t *testing.T, file string) image.Image {
	t.Helper()
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

// drawnModel is a network of the zoo with random weights, in a file.
func drawnModel(t *testing.T, name string) string {
	t.Helper()
	spec, err := modelzoo.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(spec.New(2), spec.Input[:], graph.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := weights.Model{Name: name, Input: spec.Input, Classes: []string{"a", "b"}, Tensors: net.Weights.Map()}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCAM: a picture at its own size, or if it is small a whole number of times as large,
// with a strip below it; several in a folder.
func TestCAM(t *testing.T) {
	files, _ := pictures(t, 3)
	out := filepath.Join(t.TempDir(), "out.png")
	text, errs, err := classified(t, "-model", drawnModel(t, "lenet5"), "-cam", out, files[0])
	if err != nil || errs != "" || strings.Count(text, "\n") != 1 {
		t.Fatalf("error %v, stdout %q, stderr %q", err, text, errs)
	}
	img := decoded(t, out)
	row := letter.New(letter.Size).Line + 2
	if size := img.Bounds().Size(); size != image.Pt(336, 336+2*row+row/2) {
		t.Errorf("size %v, want 28×28 pixels twelve times as large, two lines and a half", size)
	}
	marked, ink := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if y < 336 && c.R > c.B+20 {
				marked++
			} else if y >= 336 && c.R < 100 {
				ink++
			}
		}
	}
	if marked < 1000 || ink < 100 {
		t.Errorf("%d coloured pixels and %d of letters, want a map and a legend", marked, ink)
	}
	dir := t.TempDir()
	if _, _, err := classified(t, append([]string{"-model", drawnModel(t, "lenet5"), "-cam", dir}, files...)...); err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil || len(made) != 3 || !strings.HasSuffix(made[0], filepath.Base(files[0])+".png") {
		t.Errorf("the folder has %q (%v), want a file for each picture by its name", made, err)
	}
}

// TestCAMNames: names of several folders go into one, and none twice.
func TestCAMNames(t *testing.T) {
	c := camFiles{folder: "maps", taken: map[string]bool{}}
	for _, tt := range []struct{ picture, want string }{
		{"photos/sea/1.jpg", "photos_sea_1.jpg.png"}, {"photos/sea_1.jpg", "photos_sea_1.jpg_2.png"}, {"../../1.jpg", "1.jpg.png"}, {"-", "stdin.png"},
	} {
		if got := c.name(tt.picture); got != filepath.Join("maps", tt.want) {
			t.Errorf("%s goes to %s, want %s", tt.picture, got, tt.want)
		}
	}
}

func TestCAMErrors(t *testing.T) {
	files, _ := pictures(t, 2)
	dir, lenet := t.TempDir(), drawnModel(t, "lenet5")
	for _, tt := range []struct {
		name  string
		args  []string
		usage bool
		want  string
	}{
		{"no places", []string{"-model", drawnModel(t, "fcnn"), "-cam", dir, files[0]}, false, "infer: -cam: no class activation map: the output depends on no convolution"},
		{"several models", []string{"-model", lenet + "," + lenet, "-cam", dir, files[0]}, true, "infer: -cam of several models, want one"},
		{"a file for several", append([]string{"-model", lenet, "-cam", filepath.Join(dir, "x.png")}, files...), true, "for 2 files, want a folder that is there"},
		{"as JPEG", []string{"-model", lenet, "-cam", "x.jpg", files[0]}, true, "infer: -cam x.jpg, want a file ending in .png or a folder that is there"},
		{"without folder", []string{"-model", lenet, "-cam", filepath.Join(dir, "none", "x.png"), files[0]}, true, "there is no folder"},
		{"of data", []string{"-model", lenet, "-cam", dir, "-data", "mnist"}, true, "infer: -cam goes with none of -data, -features, -similar and -saliency"},
	} {
		_, _, err := classified(t, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", tt.name, err, tt.want)
		}
		if errors.As(err, new(cli.UsageError)) != tt.usage {
			t.Errorf("%s: error %v of the usage: want %v", tt.name, err, tt.usage)
		}
	}
}
