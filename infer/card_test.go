package infer_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tapenet/graph"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// paintings writes a folder of two classes of five pictures each, in colours and
// half transparent, and returns their files by class.
func paintings(t *testing.T) (dir string, files [2][]string) {
	t.Helper()
	dir = t.TempDir()
	for class := range files {
		sub := filepath.Join(dir, fmt.Sprint(class))
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			img := image.NewNRGBA(image.Rect(0, 0, 40+n, 30))
			for i := range img.Pix {
				img.Pix[i] = uint8(i * (7 + 3*class + n) / 5)
			}
			img.Set(3, 3, color.Transparent)
			name := filepath.Join(sub, fmt.Sprint(n, ".png"))
			f, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			files[class] = append(files[class], name)
		}
	}
	return dir, files
}

// What the training set's pictures went through, a picture for inference goes
// through too, to the bit: the model's file says it.
func TestPreparationInTheFile(t *testing.T) {
	for _, channels := range []int{1, 3} {
		t.Run(fmt.Sprint(channels, " channels"), func(t *testing.T) {
			dir, files := paintings(t)
			raw, err := data.Options{Channels: channels, Height: 28, Width: 28}.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			stats, err := data.NewStats(t.Context(), raw.Train, raw.Shape)
			if err != nil {
				t.Fatal(err)
			}
			set, err := data.Normalize(raw, stats)
			if err != nil {
				t.Fatal(err)
			}
			run := t.TempDir()
			res, err := train.Fit(t.Context(), modelzoo.LeNet5(2), set, train.Config{Epochs: 1, Model: "lenet5", Dir: run})
			if err != nil {
				t.Fatal(err)
			}
			p, err := infer.Load(run)
			if err != nil {
				t.Fatal(err)
			}
			m, err := res.Network.Model(graph.Infer, 1)
			if err != nil {
				t.Fatal(err)
			}
			pixels, prepared := make([]float32, m.Input.Size()), make([]float32, m.Input.Size())
			for i := range raw.Train.Len() {
				class, err := raw.Train.Read(i, pixels)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(files[class], func(name string) bool { return slices.Equal(decoded(t, p, name), pixels) }) {
					t.Errorf("training picture %d is no picture as the predictor sees it", i)
				}
				if _, err := set.Train.Read(i, prepared); err != nil {
					t.Fatal(err)
				}
				copy(m.Input.Float32s(), prepared)
				if err := m.Run(); err != nil {
					t.Fatal(err)
				}
				got, err := p.Predict([][]float32{pixels})
				if err != nil {
					t.Fatal(err)
				}
				if want := m.Prediction().Float32s(); !slices.Equal(got[0].Probabilities, want) {
					t.Errorf("picture %d: %v, in training %v", i, got[0].Probabilities, want)
				}
			}
		})
	}
}

func decoded(t *testing.T, p *infer.Predictor, name string) []float32 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := infer.DecodeImage(f)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Pixels(img)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
