package weights

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestThresholds: the thresholds of a model for images of several classes come back, and those that
// cannot be are refused, in writing and in reading.
func TestThresholds(t *testing.T) {
	m := Model{Name: "x", Input: [3]int{1, 2, 2}, Classes: []string{"a", "b"}, Thresholds: []float64{0.25, 1}}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadModel(path)
	if err != nil || !slices.Equal(got.Thresholds, m.Thresholds) {
		t.Errorf("got %v, %v, want %v", got.Thresholds, err, m.Thresholds)
	}
	for name, edit := range map[string]func(m *Model){
		"1 thresholds for 2 classes": func(m *Model) { m.Thresholds = m.Thresholds[:1] },
		"threshold 2, want":          func(m *Model) { m.Thresholds = []float64{0, 2} },
		"with a temperature":         func(m *Model) { m.Temperature = 2 },
	} {
		bad := m
		edit(&bad)
		if err := bad.Save(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	f, err := m.File()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"[0.5]", "null", "[1, -1]", "0.5", "[1e999, 0]"} {
		f.Metadata["thresholds"] = text
		if _, err := f.Model(); err == nil || !strings.Contains(err.Error(), "metadata thresholds is") {
			t.Errorf("%s: error %v, want one that shows it", text, err)
		}
	}
}
