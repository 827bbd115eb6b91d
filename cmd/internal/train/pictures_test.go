package train

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/infer"
)

// photos writes a folder of pictures of 24×16 and 16×24 pixels in two classes, which
// differ in colour, in each of the given parts ("" is the folder itself).
func photos(t *testing.T, parts ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "photos")
	for n, part := range parts {
		for class, c := range map[string]color.NRGBA{"blue": {30, 40, 200, 255}, "red": {200, 40, 30, 255}} {
			at := filepath.Join(dir, part, class)
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				img := image.NewNRGBA(image.Rect(0, 0, 24-8*(i%2), 16+8*(i%2)))
				for k := range img.Bounds().Dx() * img.Bounds().Dy() {
					img.Set(k%img.Bounds().Dx(), k/img.Bounds().Dx(), color.NRGBA{c.R + uint8(7*i+k%5), c.G + uint8(20*n), c.B, 255})
				}
				f, err := os.Create(filepath.Join(at, fmt.Sprintf("%d.jpg", i)))
				if err != nil {
					t.Fatal(err)
				}
				if err := jpeg.Encode(f, img, nil); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
		}
	}
	return dir
}

// TestPictures: how pictures are fitted stays with the model, a folder for validation is
// used as one, and what is left out is said.
func TestPictures(t *testing.T) {
	dir, run := photos(t, "train", "val", "test"), filepath.Join(t.TempDir(), "run")
	for _, file := range []string{"train/red/cut.jpg", "train/notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-model", "cnn", "-data", dir, "-epochs", "2", "-fit", "pad", "-report=false", "-out", run}
	_, _, err := trains(t, args...)
	if err == nil || !strings.Contains(err.Error(), "damaged pictures, want them mended, deleted or skipped (1): train/red/cut.jpg: no picture") ||
		!strings.Contains(err.Error(), "-skip-damaged goes on without them") {
		t.Fatalf("error %v, want the damaged picture", err)
	}
	if _, err := os.Stat(run); err == nil {
		t.Error("a run's folder beside the error")
	}
	if _, _, err := trains(t, append(args, "-max-pixels", "100")...); err == nil || !strings.Contains(err.Error(), "pixels, want 1 to 100 of them") {
		t.Errorf("error %v, want one that pictures are too large", err)
	}
	out := trained(t, append(args, "-skip-damaged")...)
	for _, want := range []string{
		"note: not used, beside the classes (1): \"train/notes.txt\"\n", "note: skipped train/red/cut.jpg: no picture", "read 61 pictures in ",
		"photos: 20 training and 20 validation images of (3,16,16), 2 classes", "validation accuracy", "test accuracy",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	p, err := infer.Load(run)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Preprocessing().Fit; got != "pad" {
		t.Errorf("the model's pictures are fitted by %q, want pad", got)
	}
}

// TestFindRate: the search names a rate in the middle of what it tries, draws a curve, and
// leaves no run.
func TestFindRate(t *testing.T) {
	run := filepath.Join(t.TempDir(), "runs", "x")
	out := trained(t, "-find-lr", "-data", digits(t), "-limit", "300", "-out", run)
	var steps int
	var low, high, rate float64
	line := out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
	if _, err := fmt.Sscanf(line, "%d steps with learning rates from %g to %g; a tenth of the one with the least loss is -lr %g;", &steps, &low, &high, &rate); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if steps < 50 || steps > 100 || rate < 1e-4 || rate > 0.1 {
		t.Errorf("%d steps, rate %g, want at most 100 and a rate that trains", steps, rate)
	}
	if svg, err := os.ReadFile(run + "-lr.svg"); err != nil || !strings.Contains(string(svg), "learning rate") {
		t.Errorf("the curve: %v", err)
	}
	if _, err := os.Stat(run); err == nil {
		t.Error("a run's folder is left")
	}
}

// TestFolds: each fold has a run that its config.toml repeats, and the folds' results are
// summed up.
func TestFolds(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	dir := photos(t, "")
	out := trained(t, "-folds", "3", "-model", "cnn", "-data", dir, "-epochs", "2", "-report=false", "-out", run)
	if strings.Count(out, "validation images of") != 3 || !strings.Contains(out, "\n3 folds: validation accuracy ") {
		t.Errorf("three folds: %q", out)
	}
	again := trained(t, "-config", filepath.Join(run, "fold-2", "config.toml"), "-report=false", "-out", filepath.Join(t.TempDir(), "again"))
	_, after, _ := strings.Cut(out, filepath.Join("fold-1", "curves.svg"))
	if sum(again) == "" || sum(again) != sum(after) || strings.Contains(again, "folds: ") {
		t.Errorf("the second fold's hash %q, repeated %q", sum(after), sum(again))
	}
	if mean, deviation := spread([]float64{1, 2, 3, 6}); mean != 3 || deviation < 2.16 || deviation > 2.161 {
		t.Errorf("mean %g and deviation %g, want 3 and 2.1602", mean, deviation)
	}
	for _, args := range [][]string{{"-folds", "1"}, {"-fold", "1"}, {"-folds", "3", "-fold", "4"}, {"-folds", "3", "-val", "0.1"}} {
		if _, _, err := trains(t, args...); err == nil || !strings.Contains(err.Error(), "train: -folds") {
			t.Errorf("%q: error %v", args, err)
		}
	}
}
