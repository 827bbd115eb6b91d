package open_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// sigmoidFile writes an ONNX file of a network for images of one pixel in colour, whose outputs
// are each a sigmoid of a multiple of red.
func sigmoidFile(t *testing.T, metadata map[string]string, factors ...float32) string {
	t.Helper()
	w := make([]float32, 3*len(factors))
	copy(w, factors)
	tensors := map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.WithShape(3, len(factors)), tensor.WithBacking(w)),
		"dense/bias":   tensor.New(tensor.WithShape(len(factors)), tensor.WithBacking(make([]float32, len(factors)))),
	}
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: len(factors)}, graph.Sigmoid}
	b, err := onnx.Options{Logits: true, Metadata: metadata}.Export(net, tensors, 3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sigmoid.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSigmoid: one output that ends in a sigmoid tells two classes apart, several say of each class
// whether an image has it; the probabilities are the file's.
func TestSigmoid(t *testing.T) {
	red := [][]float32{{1, 0, 0}}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

	p, err := infer.Load(sigmoidFile(t, map[string]string{"classes": `["cat", "dog"]`}, 2))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Predict(red)
	if err != nil || got[0].Label != "dog" || math.Abs(float64(got[0].Probabilities[1])-sigmoid(2)) > 1e-6 || len(got[0].Probabilities) != 2 {
		t.Errorf("got %+v, %v, want dog with %v", got, err, sigmoid(2))
	}
	if notes := strings.Join(p.Notes(), "\n"); !strings.Contains(notes, "one probability, by a Sigmoid") {
		t.Errorf("notes %q, want one of what was taken", notes)
	}

	path := sigmoidFile(t, map[string]string{"classes": `["a", "b", "c"]`, "thresholds": "[0.5, 0.1, 0.9]"}, 1, -1, 2)
	if p, err = infer.Load(path); err != nil {
		t.Fatal(err)
	}
	if got, err = p.Predict(red); err != nil || got[0].Label != "a; b" {
		t.Errorf("got %+v, %v, want a and b", got, err)
	}
	for k, x := range []float64{1, -1, 2} {
		if v := float64(got[0].Probabilities[k]); math.Abs(v-sigmoid(x)) > 1e-6 {
			t.Errorf("probability %d is %v, want %v", k, v, sigmoid(x))
		}
	}
	m, err := open.Open(sigmoidFile(t, nil, 1, 2))
	if err != nil || !slices.Equal(m.Thresholds, []float64{0.5, 0.5}) || !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "2 outputs end in a Sigmoid") }) {
		t.Errorf("thresholds %v, notes %q, %v", m.Thresholds, m.Notes, err)
	}
	if _, err := open.Open(sigmoidFile(t, map[string]string{"classes": `["a", "b"]`, "thresholds": "[2, 0]"}, 1, 2)); err == nil || !strings.Contains(err.Error(), "metadata thresholds is") {
		t.Errorf("error %v, want one of the thresholds", err)
	}
}
