package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// save writes the model file of an untrained network for digits, whose weights depend on
// the seed, into a folder.
func save(t testing.TB, dir, name string, seed uint64) {
	t.Helper()
	saveAs(t, dir, seed, weights.Model{Name: name, Input: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", "")})
}

// saveAs is save for other pictures: m says which.
func saveAs(t testing.TB, dir string, seed uint64, m weights.Model) {
	t.Helper()
	spec, err := modelzoo.Lookup(m.Name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(spec.New(len(m.Classes)), m.Input[:], graph.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Tensors = n.Weights.Map()
	if err := m.Save(filepath.Join(dir, open.ModelFile)); err != nil {
		t.Fatal(err)
	}
}

// places are the classes of photos.
var places = []string{"forest", "mountains", "sea", "old town"}

// photos is a folder with models of photographs of four classes: crop, which sees their
// middle, and several, whose pictures may have several of the classes.
func photos(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	m := weights.Model{Name: "cnn", Input: [3]int{3, 32, 32}, Classes: places, Preprocessing: raster.Preprocessing{Fit: raster.Crop}}
	saveAs(t, filepath.Join(dir, "crop"), 1, m)
	m.Thresholds = []float64{0.9, 0.1, 0.1, 0.9}
	saveAs(t, filepath.Join(dir, "several"), 1, m)
	return dir
}

// folder has two models: cnn, and lenet5 with the versions 2 and 10.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	save(t, filepath.Join(dir, "cnn"), "cnn", 1)
	save(t, filepath.Join(dir, "lenet5", "2"), "lenet5", 2)
	save(t, filepath.Join(dir, "lenet5", "10"), "lenet5", 10)
	return dir
}

// start returns a server of folder's models, unless change names others.
func start(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	c := Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	change(&c)
	if c.Model == "" && c.Models == "" {
		c.Models = folder(t)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and returns the answer. Headers are pairs.
func ask(t testing.TB, h http.Handler, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, body)
	for p := range slices.Chunk(headers, 2) {
		r.Header.Set(p[0], p[1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wantFailure checks an answer's status and its error, of which texts are parts.
func wantFailure(t testing.TB, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	var v struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.Error == "" {
		t.Fatalf("answer %q, want an object with error (%v)", w.Body, err)
	}
	if w.Code != status {
		t.Errorf("status %d with %q, want %d", w.Code, v.Error, status)
	}
	for _, text := range texts {
		if !strings.Contains(v.Error, text) {
			t.Errorf("error %q, want one with %q", v.Error, text)
		}
	}
}

// pictures returns n images of random values.
func pictures(n int) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([][]float32, n)
	for i := range x {
		x[i] = make([]float32, 784)
		for k := range x[i] {
			x[i][k] = r.Float32()
		}
	}
	return x
}

// bodyV2 is an inference request for images.
func bodyV2(images ...[]float32) string {
	text, err := json.Marshal(map[string]any{"id": "42", "inputs": []any{map[string]any{
		"name": "input", "shape": []int{len(images), 1, 28, 28}, "datatype": "FP32", "data": slices.Concat(images...),
	}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// answerV2 is the answer to one.
type answerV2 struct {
	Model   string `json:"model_name"`
	Version string `json:"model_version"`
	ID      string `json:"id"`
	Outputs []struct {
		Name     string    `json:"name"`
		Shape    []int     `json:"shape"`
		Datatype string    `json:"datatype"`
		Data     []float32 `json:"data"`
	} `json:"outputs"`
}

// strict parses JSON that has no key but v's.
func strict(t testing.TB, text []byte, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// predictions of a model file, from package infer itself.
func predictions(t testing.TB, path string, images ...[]float32) [][]float32 {
	t.Helper()
	p, err := infer.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float32, len(all))
	for i, p := range all {
		x[i] = p.Probabilities
	}
	return x
}

// near checks probabilities. A batch of another size may sum in another order.
func near(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		if d := got[i] - want[i]; !(d < 1e-6 && d > -1e-6) {
			return fmt.Errorf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
	return nil
}
