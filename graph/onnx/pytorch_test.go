package onnx

import (
	"encoding/json"
	"os"
	"testing"
)

// TestPyTorch reads a network that PyTorch wrote, and checks it against what
// PyTorch computed; see testdata/pytorch.py.
func TestPyTorch(t *testing.T) {
	file, err := os.ReadFile("testdata/pytorch.onnx")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Input, Output []float32 }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	m, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	n := imported(t, m, m.Input...)
	shape, got, _ := n.run(t, golden.Input)
	near(t, "PyTorch's network", got, golden.Output, 1e-6)
	again := n.export(t, Options{Logits: true})
	j := newJob(t, "exported again", again, shape, golden.Input, golden.Output)
	t.Run("checked", func(t *testing.T) { checked(t, j.Model) })
	t.Run("run", func(t *testing.T) { runtimeAgrees(t, []job{j}) })
}
