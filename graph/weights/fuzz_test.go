package weights

import (
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// FuzzMetadata: what a file says of its model is refused in one line, or it is a model
// that can be written and is then read as the same.
func FuzzMetadata(f *testing.F) {
	f.Add("1,28,28", `["a","b"]`, `{"fit":"crop","shorter":32,"mean":[0.5],"deviation":[0]}`, "", "", "3", "1.5", "", `{"score":"energy","threshold":-1,"share":0.95}`)
	f.Add("3,8,9", `["a","b"]`, "", `{"mean":[1,2,3],"deviation":[1,1,1]}`, "scaled", "", "", `[0.25,1]`, "")
	f.Add("1,2,2", `["a"]`, "", "", "", "", "1", "", `{"score":"neighbours","threshold":0.5,"share":1,"neighbours":2}`)
	f.Add("1,4294967296,4294967296", `[null]`, `{"mean":[1e999]}`, "", "", "-1", "NaN", `[]`, `{"score":""}`)
	features := known()
	names := []string{"input", "classes", entryPreprocessing, entryNormalise, entryPictures, "epoch", "temperature", "thresholds", "unknown"}
	f.Fuzz(func(t *testing.T, input, classes, preprocessing, normalise, pictures, epoch, temperature, thresholds, unknown string) {
		file := File{Metadata: map[string]string{"model": "cnn"}, Tensors: map[string]*tensor.Dense{}}
		for i, text := range []string{input, classes, preprocessing, normalise, pictures, epoch, temperature, thresholds, unknown} {
			if text != "" {
				file.Metadata[names[i]] = text
			}
		}
		if strings.Contains(unknown, ScoreNeighbours) {
			file.Tensors[featuresName] = features
		}
		m, err := file.Model()
		if err != nil {
			if s := err.Error(); strings.Contains(s, "\n") || len(s) > 1000 {
				t.Errorf("error %q, want a short line", s)
			}
			return
		}
		written, err := m.File()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if m.Temperature == 1 {
			m.Temperature = 0 // which means the same
		}
		again, err := written.Model()
		again.Tensors, m.Tensors = nil, nil
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("read again as %+v, %v, want %+v", again, err, m)
		}
	})
}
