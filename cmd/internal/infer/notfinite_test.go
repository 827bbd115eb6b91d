package infer

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// brokenModel is the trained model with another first number of each filter of a layer.
func brokenModel(t *testing.T, v float32) string {
	t.Helper()
	m, err := weights.LoadModel(filepath.Join(trained(t), open.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	w := m.Tensors["conv2d/weight"]
	values := w.Data().([]float32)
	for i := 0; i < len(values); i += len(values) / w.Shape()[0] {
		values[i] = v
	}
	file := filepath.Join(t.TempDir(), "broken.safetensors")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNotFinite: what is NaN is no class, in any output, and the error names the picture.
func TestNotFinite(t *testing.T) {
	const notFinite = "the network's output is not finite"
	files, _ := pictures(t, 2)
	nan := brokenModel(t, float32(math.NaN()))
	for _, args := range [][]string{{}, {"-csv"}, {"-json"}, {"-mirror"}} {
		out, errs, err := classified(t, append(append([]string{"-model", nan}, args...), files...)...)
		want := files[0] + ": infer: " + notFinite + ", want weights and pixels that give numbers\n" + files[1] + ": infer: " + notFinite
		if err == nil || err.Error() != "infer: 2 of 2 files could not be classified" || !strings.Contains(errs, want) || strings.Contains(out, "NaN") {
			t.Errorf("%v: printed %q and %q, error %v, want %q", args, out, errs, err, want)
		}
	}
	for _, args := range [][]string{{"-data", idx(t, 9, 10)}, {"-json", "-data", idx(t, 9, 10)}} {
		out, _, err := classified(t, append([]string{"-model", nan}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "infer: test image 0: "+notFinite) || out != "" {
			t.Errorf("%v: printed %q, error %v, want that the output is not finite", args, out, err)
		}
	}
	if _, _, err := classified(t, "-model", nan, "-features", files[0]); err == nil || !strings.Contains(err.Error(), notFinite) {
		t.Errorf("-features: error %v", err)
	}
}

// moody makes no numbers of pictures that begin with a dark pixel.
type moody struct{}

func (moody) Pixels(img image.Image) ([]float32, error) {
	v, _, _, _ := img.At(0, 0).RGBA()
	return []float32{float32(v)}, nil
}

func (moody) Predict(images [][]float32) ([]infer.Prediction, error) {
	predictions := make([]infer.Prediction, len(images))
	for i, x := range images {
		predictions[i].Probabilities = x
		if x[0] == 0 {
			return predictions, infer.NotFiniteError{Image: i}
		}
	}
	return predictions, nil
}

// TestSomeNotFinite: a picture of which the network makes no numbers does not stop others.
func TestSomeNotFinite(t *testing.T) {
	var list []source
	for i, v := range []uint8{9, 0, 8, 0, 7} {
		img := image.NewGray(image.Rect(0, 0, 1, 1))
		img.Pix[0] = v
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		list = append(list, source{name: write(t, filepath.Join(t.TempDir(), fmt.Sprintf("%d.png", i)), b.Bytes())})
	}
	var shown []string
	var errs bytes.Buffer
	err := classify(t.Context(), network{Classifier: moody{}, batch: 4}, list, func(results []result) error {
		for _, r := range results {
			shown = append(shown, filepath.Base(r.File))
		}
		return nil
	}, &errs)
	if want := []string{"0.png", "2.png", "4.png"}; !slices.Equal(shown, want) {
		t.Errorf("shows %v, want %v", shown, want)
	}
	if err == nil || err.Error() != "infer: 2 of 5 files could not be classified" || strings.Count(errs.String(), "not finite") != 2 || !strings.Contains(errs.String(), "3.png: ") {
		t.Errorf("error %v after %q", err, errs.String())
	}
}
