package infer

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/op"
)

// keras is a classifier of Keras's, in TensorFlow.js's format.
const keras = "../graph/tfjs/testdata/trained/model.json"

// TestForeignFeatureMaps: the layers of a foreign network have maps, by the file's
// names.
func TestForeignFeatureMaps(t *testing.T) {
	p, err := Load(keras)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, l := range p.FeatureLayers() {
		paths = append(paths, l.Path)
	}
	if want := "conv2d_Conv2D5 batch_normalization_BatchNormalization4 max_pooling2d_MaxPooling2D2"; strings.Join(paths, " ") != want {
		t.Errorf("feature maps of %q, want %s", paths, want)
	}
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i%7) / 7
	}
	maps, err := p.FeatureMaps(x, "max_pooling2d_MaxPooling2D2")
	if err != nil || maps.Channels != 3 || maps.Height != 3 || maps.Width != 3 {
		t.Fatalf("%+v, error %v, want (3,3,3)", maps, err)
	}
	e, err := LoadExtractor(keras, "max_pooling2d_MaxPooling2D2")
	if err != nil || e.Size != 3 {
		t.Fatalf("%+v, error %v, want a feature for each of 3 channels", e, err)
	}
	got, err := e.Features([][]float32{x, x, x})
	if err != nil || len(got) != 3 {
		t.Fatalf("%d rows, error %v", len(got), err)
	}
	for c, v := range got[2] {
		sum := 0.0
		for _, m := range maps.Values[9*c:][:9] {
			sum += float64(m)
		}
		if math.Abs(float64(v)-sum/9) > 1e-6 {
			t.Errorf("feature %d is %v, want the mean of its map, %v", c, v, sum/9)
		}
	}
}

// TestExtractorOfImages: of a network that takes images and classifies nothing the
// features are the output.
func TestExtractorOfImages(t *testing.T) {
	l := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		x = s.Apply(graph.Conv2D{Filters: 4, Kernel: 3}, x) // (N,4,6,6)
		return s.Node(op.Reshape(x, x.Shape()[0], 4, 36))
	})
	net, err := graph.NewNetwork(l, []int{1, 8, 8}, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnx.Options{Logits: true}.Export(l, net.Weights.Map(), 1, 8, 8)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "maps.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "maps.onnx takes samples of (1,8,8) and gives (4,36): want a classifier of images") {
		t.Errorf("error %v, want one that says what the network takes and gives", err)
	}
	e, err := LoadExtractor(path, "")
	if err != nil || e.Size != 144 {
		t.Fatalf("%+v, error %v, want 144 features", e, err)
	}
	x := slices.Repeat([]float32{0.25, 0.5}, 32)
	got, err := e.Features([][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		t.Fatal(err)
	}
	copy(one.Input.Float32s(), x)
	if err := one.Run(); err != nil {
		t.Fatal(err)
	}
	for i, want := range one.Output().Float32s() {
		if math.Abs(float64(got[0][i]-want)) > 1e-6 {
			t.Fatalf("feature %d is %v, want %v", i, got[0][i], want)
		}
	}
	if _, err := e.Features([][]float32{x[:3]}); err == nil || !strings.Contains(err.Error(), "image 0: 3 values, want 64") {
		t.Errorf("error %v", err)
	}
	if _, err := LoadExtractor(path, "none"); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), `no node computes a value "none"`) {
		t.Errorf("error %v", err)
	}
}
