package weights

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tapenet/graph/raster"
)

// How images are prepared, and the epoch, come back as they were, and are
// absent if they were.
func TestModelPreparation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, m := range []Model{
		{},
		{Preprocessing: raster.Preprocessing{Mean: []float64{0.1, 1.0 / 3}, Deviation: []float64{0, 1e-300}}},
		{Preprocessing: raster.Preprocessing{Fit: raster.Stretch}},
		{Preprocessing: raster.Preprocessing{Fit: raster.Crop, Shorter: 40, Filter: raster.Linear, Mean: []float64{-1, 2}, Deviation: []float64{3, 4}}},
		{Epoch: 12},
	} {
		m.Input, m.Classes = [3]int{2, 4, 4}, []string{"a"}
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := LoadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Tensors = nil; !reflect.DeepEqual(got, m) {
			t.Errorf("read %+v, want %+v", got, m)
		}
	}
}

func TestModelPreparationErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, tt := range []struct{ key, value, want string }{
		{"normalise", `{"mean":[0,0],"deviation":[1]}`, "metadata normalise: 2 means and 1 deviations, want one of each for each of 2 channels"},
		{"normalise", `{"mean":[0],"deviation":[1]}`, "1 means and 1 deviations, want one of each for each of 2 channels"},
		{"normalise", `{"mean":[0,0],"deviation":[1,-1]}`, "metadata normalise"},
		{"normalise", `{"mean":[0,1e999],"deviation":[1,1]}`, "metadata normalise"},
		{"normalise", ``, `metadata normalise is ""`},
		{"preprocessing", `{"fit":"bend"}`, `metadata preprocessing: fit "bend", want crop, pad, stretch, strokes`},
		{"preprocessing", `[]`, `metadata preprocessing is "[]", want a JSON object`},
		{"pictures", `upside down`, `metadata pictures is "upside down", want "scaled" or none`},
		{"epoch", `0`, `metadata epoch is "0", want a number from 1, or none`},
		{"epoch", `last`, `metadata epoch is "last", want`},
	} {
		f := File{Metadata: map[string]string{"model": "", "input": "2,4,4", "classes": `["a"]`, tt.key: tt.value}}
		if err := f.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadModel(path); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s %q: error %v, want one with %q", tt.key, tt.value, err, tt.want)
		}
	}
}

// TestOlderPreprocessing: files that were written before preprocessing was one value
// are read as they were.
func TestOlderPreprocessing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	f := File{Metadata: map[string]string{
		"model": "", "input": "2,4,4", "classes": `["a"]`,
		"normalise": `{"mean":[0.5,1],"deviation":[2,0]}`, "pictures": "scaled",
	}}
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	m, err := LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (raster.Preprocessing{Fit: raster.Stretch, Mean: []float64{0.5, 1}, Deviation: []float64{2, 0}}); !reflect.DeepEqual(m.Preprocessing, want) {
		t.Errorf("got %+v, want %+v", m.Preprocessing, want)
	}
}
