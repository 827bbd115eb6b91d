package serve

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// large writes a file of half a megabyte whose images are so large that the network needs
// gigabytes: as its metadata says it.
func large(t testing.TB, dir string, side int) {
	t.Helper()
	spec, err := modelzoo.Lookup("mobilenetv2-0.1")
	if err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(spec.New(10), []int{3, 32, 32}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Name: "mobilenetv2-0.1", Input: [3]int{3, side, side}, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := m.Save(filepath.Join(dir, open.ModelFile)); err != nil {
		t.Fatal(err)
	}
}

// TestModelMemory: a small file of a network that needs much memory is refused in a line
// before that is taken, at the start and in place of a model that serves, which goes on.
func TestModelMemory(t *testing.T) {
	dir, x := folder(t), pictures(1)[0]
	s := start(t, func(c *Config) { c.Models, c.ModelMemory = dir, 1<<30 })
	want := output(t, s, "/v2/models/cnn/infer", x)
	for _, side := range []int{1024, 2048} {
		large(t, filepath.Join(dir, "cnn"), side)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.Reload()
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 5<<30/4 {
			t.Errorf("side %d: %d bytes were taken, want no more than the bound", side, after.TotalAlloc-before.TotalAlloc)
		}
		if err == nil || !strings.Contains(err.Error(), "serve: model cnn, version 1, is not loaded: ") || !strings.Contains(err.Error(), ", want at most ") {
			t.Errorf("side %d: error %v", side, err)
		}
		if err := near(output(t, s, "/v2/models/cnn/infer", x), want); err != nil {
			t.Errorf("side %d: the old model: %v", side, err)
		}
		alone := filepath.Join(dir, "cnn")
		if _, err := New(Config{Model: alone, ModelMemory: 1 << 30, Log: s.config.Log}); err == nil || !strings.Contains(err.Error(), ", want at most ") {
			t.Errorf("side %d: at the start: error %v", side, err)
		}
	}
}

// TestModelMemoryOfAll: the bound is on all models together, and what a replaced model had
// is free when its requests have ended.
func TestModelMemoryOfAll(t *testing.T) {
	dir := t.TempDir()
	save(t, filepath.Join(dir, "a"), "cnn", 1)
	s := start(t, func(c *Config) { c.Models = dir })
	need := s.models.taken
	s = start(t, func(c *Config) { c.Models, c.ModelMemory = dir, int64(5*need/2) })
	for seed := range 5 {
		save(t, filepath.Join(dir, "a"), "cnn", uint64(2+seed))
		if err := s.Reload(); err != nil {
			t.Fatalf("replaced %d times: %v", seed, err)
		}
	}
	save(t, filepath.Join(dir, "b"), "cnn", 1)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "c"), "cnn", 1)
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "model c, version 1, is not loaded: infer: for batches of ") {
		t.Errorf("a third one: error %v", err)
	}
	for _, name := range []string{"a", "b"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "c"), "cnn", 2)
	if err := s.Reload(); err != nil {
		t.Errorf("in place of the others: %v", err)
	}
	s.models.retired.Wait()
	if s.models.taken != need {
		t.Errorf("%d bytes are reserved, want the one model's %d", s.models.taken, need)
	}
}
