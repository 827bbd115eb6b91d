package weights

import (
	"bytes"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// known are features of three images.
func known() *tensor.Dense {
	return tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, 0, 0.6, 0.8, 0, 1}))
}

// calibratedModel has one weight.
func calibratedModel() Model {
	return Model{
		Input: [3]int{1, 2, 2}, Classes: []string{"a", "b"}, Temperature: float64(float32(1.7)),
		Tensors: map[string]*tensor.Dense{"dense/weight": tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6, 7, 8}))},
		Unknown: &Unknown{Score: ScoreNeighbours, Threshold: -0.25, Share: 0.95, Neighbours: 2, Features: known()},
	}
}

// TestCalibration: temperature and threshold come back as they were, from each format,
// and the features are not among the weights.
func TestCalibration(t *testing.T) {
	formats := map[string]func(File) (File, error){
		"safetensors": func(f File) (File, error) {
			var b bytes.Buffer
			if err := f.Encode(&b); err != nil {
				return File{}, err
			}
			return Decode(b.Bytes())
		},
		"npz": func(f File) (File, error) {
			path := filepath.Join(t.TempDir(), "m.npz")
			if err := f.SaveNPZ(path); err != nil {
				return File{}, err
			}
			return LoadNPZ(path)
		},
	}
	for name, format := range formats {
		for _, u := range []*Unknown{
			nil,
			{Score: ScoreProbability, Threshold: 0.9, Share: 0.99},
			{Score: ScoreEnergy, Threshold: -1.0 / 3, Share: 1},
			calibratedModel().Unknown,
		} {
			m := calibratedModel()
			m.Unknown = u
			f, err := m.File()
			if err != nil {
				t.Fatal(err)
			}
			if f, err = format(f); err != nil {
				t.Fatal(err)
			}
			got, err := f.Model()
			if err != nil {
				t.Fatal(err)
			}
			if got.Temperature != m.Temperature || len(got.Tensors) != 1 || got.Tensors["dense/weight"] == nil {
				t.Errorf("%s: temperature %v and tensors %v, want %v and the weight alone", name, got.Temperature, got.Tensors, m.Temperature)
			}
			if !reflect.DeepEqual(flat(got.Unknown), flat(u)) {
				t.Errorf("%s: read %+v, want %+v", name, got.Unknown, u)
			}
		}
	}
}

// flat is an Unknown with its features as numbers.
func flat(u *Unknown) (list []any) {
	if u == nil {
		return nil
	}
	list = []any{u.Score, u.Threshold, u.Share, u.Neighbours}
	if u.Features != nil {
		list = append(list, slices.Clone([]int(u.Features.Shape())), slices.Clone(u.Features.Float32s()))
	}
	return list
}

// TestUncalibratedBytes: a model without temperature, or of temperature 1, has the
// file that it always had.
func TestUncalibratedBytes(t *testing.T) {
	encoded := func(temperature float64) []byte {
		m := calibratedModel()
		m.Temperature, m.Unknown = temperature, nil
		f, err := m.File()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"temperature", "unknown"} {
			if _, ok := f.Metadata[key]; ok {
				t.Errorf("temperature %v: metadata %v, want none about probabilities", temperature, f.Metadata)
			}
		}
		var b bytes.Buffer
		if err := f.Encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(encoded(0), encoded(1)) {
		t.Error("temperature 1 changes the file")
	}
}

func TestCalibrationReadErrors(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"temperature", "", `metadata temperature is "", want a number from 0.001 to 1000, or none`},
		{"temperature", "0", "want a number from"},
		{"temperature", "NaN", "want a number from"},
		{"temperature", "-1", "want a number from"},
		{"temperature", "1e9", "want a number from"},
		{"unknown", "", "want score, threshold and share in JSON"},
		{"unknown", `{"score":"luck"}`, `score "luck", want one of ["probability" "energy" "neighbours"]`},
		{"unknown", `{"score":"energy","threshold":1e999}`, "want score, threshold and share in JSON"},
		{"unknown", `{"score":"energy","threshold":1,"share":2}`, "share 2, want a number in 0..1"},
		{"unknown", `{"score":"energy","threshold":1,"share":1,"neighbours":3}`, "want them for neighbours alone"},
		{"unknown", `{"score":"neighbours","threshold":1,"share":1,"neighbours":3}`, "without the tensor unknown/features"},
	} {
		f := File{Metadata: map[string]string{"input": "1,2,2", "classes": `["a"]`, tt.key: tt.value}}
		if _, err := f.Model(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: error %v, want one with %q", tt.key, tt.value, err, tt.want)
		}
	}
}

func TestCalibrationWriteErrors(t *testing.T) {
	features := func(shape []int, values ...float32) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	}
	nan := float32(math.NaN())
	neighbours := func(k int, f *tensor.Dense) *Unknown {
		return &Unknown{Score: ScoreNeighbours, Share: 0.5, Neighbours: k, Features: f}
	}
	for _, tt := range []struct {
		name        string
		temperature float64
		unknown     *Unknown
		want        string
	}{
		{"negative temperature", -1, nil, "weights: temperature -1, want"},
		{"no number", math.NaN(), nil, "weights: temperature NaN, want"},
		{"no threshold", 1, &Unknown{Score: ScoreEnergy, Threshold: math.Inf(-1)}, "weights: unknown: threshold -Inf, want a finite number"},
		{"no share", 1, &Unknown{Score: ScoreEnergy, Share: math.NaN()}, "weights: unknown: share NaN"},
		{"features for energy", 1, &Unknown{Score: ScoreEnergy, Features: known()}, "want them for neighbours alone"},
		{"features of one dimension", 1, neighbours(1, features([]int{2}, 1, 2)), "want (images,features) of float32"},
		{"more neighbours than images", 1, neighbours(4, known()), "4 neighbours of 3 images"},
		{"no neighbours", 1, neighbours(0, known()), "0 neighbours of 3 images"},
		{"features without number", 1, neighbours(1, features([]int{1, 2}, 1, nan)), "want all finite"},
	} {
		m := calibratedModel()
		m.Temperature, m.Unknown = tt.temperature, tt.unknown
		if _, err := m.File(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
