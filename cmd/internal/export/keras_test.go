package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/tfjs"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// keras is the folder of a model that package tfjs has for its tests.
func keras(name string) string {
	return filepath.Join("../../../graph/tfjs/testdata", name, "model.json")
}

// TestKeras: a model of TensorFlow.js leaves as ONNX, with the SoftMax that it
// ends in, and as weights that infer takes beside the layer.
func TestKeras(t *testing.T) {
	dir := t.TempDir()
	file, tensors := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "m.safetensors")
	stdout, err := export(t, "-model", keras("trained"), "-to", "onnx", "-out", file)
	if err != nil || !strings.HasPrefix(stdout, file+": trained as onnx, ") {
		t.Fatalf("printed %q, error %v", stdout, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fromONNX, err := onnx.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i%7) / 7
	}
	g, err := graph.Build(fromONNX, graph.Infer, 1, 1, 8, 8)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := export(t, "-model", keras("trained"), "-to", "safetensors", "-out", tensors); err != nil {
		t.Fatal(err)
	}
	m, err := weights.LoadModel(tensors)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := tfjs.Load(os.DirFS(filepath.Dir(keras("trained"))), "model.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := infer.New(layer, m)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := p.Predict([][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "probabilities", predictions[0].Probabilities, g.Output().Float32s(), 1e-6)
}

func TestKerasErrors(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for _, tt := range []struct {
		name, model, to string
		want            string
	}{
		{"no SoftMax", keras("functional"), "go", "model.json is no classifier of images"},
		{"padding", keras("layers"), "go", "gosource: the op Gather"},
		{"missing", filepath.Join(t.TempDir(), "model.json"), "onnx", "model.json: no such file"},
		{"no model", "testdata/wasm.js", "onnx", "export: testdata/wasm.js is text; read are .safetensors"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := export(t, "-model", tt.model, "-to", tt.to, "-out", out); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("something was written")
			}
		})
	}
}
