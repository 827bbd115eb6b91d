package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph/weights"
	"tapenet/infer"
)

// shapes are pictures with red in their left half, blue in their right one, both or neither, and a
// table that says so.
func shapes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	table := "file,labels\n"
	for i := range 60 {
		img := image.NewRGBA(image.Rect(0, 0, 16, 16))
		var labels []string
		for y := range 16 {
			for x := range 16 {
				c := color.RGBA{uint8(90 + 7*i%40), 100, uint8(90 + 11*i%40), 255}
				if x < 8 && i%4&1 > 0 {
					c.R = 250
				}
				if x >= 8 && i%4&2 > 0 {
					c.B = 250
				}
				img.SetRGBA(x, y, c)
			}
		}
		if i%4&1 > 0 {
			labels = append(labels, "red")
		}
		if i%4&2 > 0 {
			labels = append(labels, "blue")
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%02d.png", i)
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		table += name + "," + strings.Join(labels, ";") + ";\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "labels.csv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSeveralClasses: a table of pictures with several classes trains a model that names all of
// them, with thresholds of its own, and a report.
func TestSeveralClasses(t *testing.T) {
	data, dir := shapes(t), filepath.Join(t.TempDir(), "run")
	out := trained(t, "-data", data, "-model", "cnn", "-val", "0.25", "-epochs", "30", "-batch", "8", "-lr", "0.003", "-schedule", "constant", "-augment", "none", "-out", dir)
	if !strings.Contains(out, "chosen on the 12 validation images") || !strings.Contains(out, "all classes right 1.0000  mAP 1.0000  F1 1.0000") {
		t.Errorf("no thresholds, or poor ones, in %q", out)
	}
	if page := string(read(t, dir, "report.html")); !strings.Contains(page, "have several classes each") {
		t.Error("the report does not say what it leaves out")
	}
	m, err := weights.LoadModel(filepath.Join(dir, "model.safetensors"))
	if err != nil || len(m.Thresholds) != 2 {
		t.Fatalf("thresholds %v, %v, want two", m.Thresholds, err)
	}
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "red", "blue", "blue; red"} {
		f, err := os.Open(filepath.Join(data, fmt.Sprintf("%02d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		img, err := infer.DecodeImage(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		predictions, err := p.PredictImages(img)
		if err != nil || predictions[0].Label != want {
			text, _ := json.Marshal(predictions)
			t.Errorf("picture %d: %s, %v, want %q", i, text, err, want)
		}
	}
	if _, err := infer.NewEnsemble(p, p); err == nil {
		t.Error("an ensemble of models for several classes")
	}
	if _, err := p.Calibrate(2, nil); err == nil {
		t.Error("a temperature of a model for several classes")
	}
	for _, args := range [][]string{{"-smoothing", "0.1"}, {"-balance", "weights"}, {"-val", "0.2", "-calibrate"}} {
		_, _, err := trains(t, append([]string{"-data", data, "-out", dir + "2"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "have several classes each, want no -calibrate") {
			t.Errorf("%v: error %v, want one that says what does not go with it", args, err)
		}
	}
}
