package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// output asks a model for one image.
func output(t testing.TB, h http.Handler, path string, x []float32) []float32 {
	t.Helper()
	w := ask(t, h, "POST", path, strings.NewReader(bodyV2(x)))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d, %s", path, w.Code, w.Body)
	}
	var a answerV2
	strict(t, w.Body.Bytes(), &a)
	return a.Outputs[0].Data
}

func wantOutput(t *testing.T, s *Server, path, file string, x []float32) {
	t.Helper()
	if err := near(output(t, s, path, x), predictions(t, file, x)[0]); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// TestReload: new weights, another network, new and dropped models and versions.
func TestReload(t *testing.T) {
	dir, x := folder(t), pictures(1)[0]
	s := start(t, func(c *Config) { c.Models = dir })
	reload := func() {
		t.Helper()
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	reload() // nothing new
	save(t, filepath.Join(dir, "cnn"), "cnn", 7)
	reload()
	wantOutput(t, s, "/v2/models/cnn/infer", filepath.Join(dir, "cnn"), x)
	save(t, filepath.Join(dir, "cnn"), "mlp", 1)
	save(t, filepath.Join(dir, "lenet5", "11"), "lenet5", 11)
	save(t, filepath.Join(dir, "new"), "lenet5", 3)
	if err := os.Mkdir(filepath.Join(dir, ".hidden"), 0o755); err != nil {
		t.Fatal(err)
	}
	reload()
	wantOutput(t, s, "/v2/models/cnn/infer", filepath.Join(dir, "cnn"), x)
	wantOutput(t, s, "/v2/models/lenet5/infer", filepath.Join(dir, "lenet5", "11"), x)
	wantOutput(t, s, "/v2/models/lenet5/versions/2/infer", filepath.Join(dir, "lenet5", "2"), x)
	wantOutput(t, s, "/v2/models/new/infer", filepath.Join(dir, "new"), x)
	for _, gone := range []string{"cnn", "lenet5/11"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	reload()
	wantFailure(t, ask(t, s, "GET", "/v2/models/cnn/ready", nil), http.StatusNotFound, `no model "cnn", want one of lenet5, new`)
	wantOutput(t, s, "/v2/models/lenet5/infer", filepath.Join(dir, "lenet5", "10"), x)
	if metrics := ask(t, s, "GET", "/metrics", nil).Body.String(); strings.Contains(metrics, `model="cnn"`) || !strings.Contains(metrics, `model="lenet5"`) {
		t.Error("metrics of a model that is gone")
	}
}

// TestBrokenVersion: it leaves the old one serving, and says so, once. A file
// that is good again is loaded.
func TestBrokenVersion(t *testing.T) {
	dir, x := t.TempDir(), pictures(1)[0]
	save(t, dir, "cnn", 1)
	file := filepath.Join(dir, open.ModelFile)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "nan")
	spec, err := modelzoo.Lookup("cnn")
	if err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(spec.New(10), []int{1, 28, 28}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range n.Weights.Map() {
		bias := v.Data().([]float32)
		bias[0] *= 0
		bias[0] /= bias[0]
	}
	nan := weights.Model{Name: "cnn", Input: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := nan.Save(other); err != nil {
		t.Fatal(err)
	}
	notFinite, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-7] ^= 1
	var log bytes.Buffer
	s := start(t, func(c *Config) { c.Model = dir; c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	want := output(t, s, "/v2/models/"+filepath.Base(dir)+"/infer", x)
	for _, tt := range []struct {
		name    string
		content []byte
		err     string
	}{
		{"cut", good[:len(good)/2], open.ModelFile},
		{"empty", nil, open.ModelFile},
		{"text", []byte("this is not a model, but long enough to be one"), open.ModelFile},
		{"weights that are not finite", notFinite, "its output for a blank image is not finite"},
		{"a bit of a weight", flipped, "damaged: the content is not that of its checksum"},
		{"gone", nil, "no model"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, tt.content, 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.name == "gone" {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			log.Reset()
			if err := s.Reload(); err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "is not loaded") {
				t.Fatalf("error %v, want one with %q", err, tt.err)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), tt.err) {
				t.Errorf("log %q, want the error", log.String())
			}
			if err := s.Reload(); err != nil {
				t.Errorf("a second time: %v", err)
			}
			if got := output(t, s, "/v2/models/"+filepath.Base(dir)+"/infer", x); !slices.Equal(got, want) {
				t.Errorf("output %v, want %v as before", got, want)
			}
		})
	}
	save(t, dir, "cnn", 2)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, s, "/v2/models/"+filepath.Base(dir)+"/infer", dir, x)
	metrics := ask(t, s, "GET", "/metrics", nil).Body.String()
	for _, line := range []string{`result="error",version="1"} 6`, `result="ok",version="1"} 2`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %q in the metrics", line)
		}
	}
}

// TestReloadLosesNothing: while weights change under load, every answer is one
// of the old or of the new model's, and none is missing.
func TestReloadLosesNothing(t *testing.T) {
	const clients, reloads = 8, 40
	dir, x := t.TempDir(), pictures(1)[0]
	path := "/v2/models/" + filepath.Base(dir) + "/infer"
	var wants [2][]float32
	for seed := range wants {
		save(t, dir, "lenet5", uint64(seed))
		wants[seed] = predictions(t, dir, x)[0]
	}
	s := start(t, func(c *Config) { c.Model = dir })
	h := httptest.NewServer(s)
	defer h.Close()
	h.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	var stop atomic.Bool
	var seen [2]atomic.Int64
	var g sync.WaitGroup
	for range clients {
		g.Go(func() {
			for !stop.Load() {
				got, err := overHTTP(h.Client(), h.URL+path, bodyV2(x))
				switch {
				case err != nil:
					t.Error(err)
					return
				case near(got, wants[0]) == nil:
					seen[0].Add(1)
				case near(got, wants[1]) == nil:
					seen[1].Add(1)
				default:
					t.Errorf("answer %v, want that of the old or the new model", got)
					return
				}
			}
		})
	}
	for i := range reloads {
		save(t, dir, "lenet5", uint64(i%2))
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
		if got := output(t, s, path, x); near(got, wants[i%2]) != nil {
			t.Errorf("after reload %d: %v, want %v", i, got, wants[i%2])
		}
	}
	stop.Store(true)
	g.Wait()
	if seen[0].Load() == 0 || seen[1].Load() == 0 {
		t.Errorf("%d and %d answers of both models, want some of each", seen[0].Load(), seen[1].Load())
	}
}

func overHTTP(c *http.Client, url, body string) ([]float32, error) {
	r, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var a answerV2
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.StatusCode != http.StatusOK || len(a.Outputs) != 1 {
		return nil, fmt.Errorf("status %d, %+v, %v", r.StatusCode, a, err)
	}
	return a.Outputs[0].Data, nil
}

// TestReloadKeepsTheMet: a request that has met a model gets its answer, and
// the model's worker ends after it.
func TestReloadKeepsTheMet(t *testing.T) {
	s, g := gated(t, func(*Config) {})
	first := send(t, s, 1)
	<-g.begun
	second := send(t, s, 2)
	queued(t, s, 2)
	m, err := s.models.acquire("cnn", "")
	if err != nil {
		t.Fatal(err)
	}
	m.users.Done()
	before := runtime.NumGoroutine()
	s.models.retireOthers(nil)
	wantFailure(t, <-send(t, s, 1), http.StatusNotFound, "no model")
	g.open <- nil
	<-g.begun
	g.open <- nil
	for _, a := range []<-chan *httptest.ResponseRecorder{first, second} {
		if w := <-a; w.Code != http.StatusOK {
			t.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
	for runtime.NumGoroutine() >= before { // three models' workers and two requests fewer
		runtime.Gosched()
	}
}

// TestSomeBroken: a server starts with the models that can be loaded.
func TestSomeBroken(t *testing.T) {
	dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, "cnn", open.ModelFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) { c.Models = dir })
	wantFailure(t, ask(t, s, "GET", "/v2/models/cnn", nil), http.StatusNotFound, "want one of lenet5")
}

func TestNewErrors(t *testing.T) {
	empty := t.TempDir()
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"nothing", Config{}, "want one of Model and Models"},
		{"both", Config{Model: "a", Models: "b"}, "want one of Model and Models"},
		{"below 0", Config{Model: "a", Batch: -1}, "a bound below 0"},
		{"no model", Config{Model: empty}, "go run ./cmd/train makes one"},
		{"no folder", Config{Models: filepath.Join(empty, "none")}, "no models"},
		{"no model in the folder", Config{Models: empty}, "no model in " + empty},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Log = slog.New(slog.DiscardHandler)
			if s, err := New(tt.config); err == nil || s != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("server %v and error %v, want one with %q", s, err, tt.want)
			}
		})
	}
}

// TestNames: a model is named after its run's folder, whichever way it is given.
func TestNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	save(t, dir, "lenet5", 1)
	for _, path := range []string{dir, dir + "/", filepath.Join(dir, open.ModelFile)} {
		s := start(t, func(c *Config) { c.Model = path })
		if names := s.models.names(); !slices.Equal(names, []string{"digits"}) {
			t.Errorf("%s: models %q, want digits", path, names)
		}
	}
}

// TestOwnNetwork: Load reads networks that are not in modelzoo.
func TestOwnNetwork(t *testing.T) {
	layer := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}
	n, err := graph.NewNetwork(layer, []int{1, 2, 2}, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "own")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Input: [3]int{1, 2, 2}, Classes: []string{"no", "yes"}, Tensors: n.Weights.Map()}
	if err := m.Save(filepath.Join(dir, open.ModelFile)); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) {
		c.Model = dir
		c.Load = func(path string) (*infer.Predictor, error) {
			m, err := weights.LoadModel(filepath.Join(path, open.ModelFile))
			if err != nil {
				return nil, err
			}
			return infer.New(layer, m)
		}
	})
	w := ask(t, s, "POST", "/v1/models/own:predict", strings.NewReader(`{"instances":[[[[0,1],[1,0]]]]}`))
	if w.Code != http.StatusOK {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}
