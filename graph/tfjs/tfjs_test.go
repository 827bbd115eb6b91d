package tfjs

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/keras/topology"
	"tapenet/graph/onnx"
)

// golden is what TensorFlow.js says of a model: samples of a shape, channels
// last, and its predictions.
type golden struct {
	Shape []int     `json:"shape"`
	X     []float32 `json:"x"`
	Y     []float32 `json:"y"`
}

// samples are x channels first.
func (g golden) samples() []float32 {
	if len(g.Shape) != 3 {
		return g.X
	}
	c, pixels := g.Shape[2], g.Shape[0]*g.Shape[1]
	x := make([]float32, len(g.X))
	for i := range x {
		n, rest := i/(c*pixels), i%(c*pixels)
		x[i] = g.X[n*c*pixels+rest%pixels*c+rest/pixels]
	}
	return x
}

// input is the shape of a sample, channels first.
func (g golden) input() []int {
	if len(g.Shape) != 3 {
		return g.Shape
	}
	return []int{g.Shape[2], g.Shape[0], g.Shape[1]}
}

func loadGolden(t testing.TB, dir string) (*topology.Model, golden) {
	t.Helper()
	m, err := Load(os.DirFS(dir), "model.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return m, g
}

// predict runs a layer on samples; softMax is whether the probabilities are
// asked for.
func predict(t testing.TB, l graph.Layer, w *graph.Weights, input []int, softMax bool, x []float32) []float32 {
	t.Helper()
	n := len(x) / tensor.Shape(input).TotalSize()
	g, err := graph.Options{Weights: w}.Build(l, graph.Infer, append([]int{n}, input...)...)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	if softMax {
		return slices.Clone(g.Prediction().Float32s())
	}
	return slices.Clone(g.Output().Float32s())
}

// compare holds values together to 1e-5 of the largest, or of 1 if that is
// smaller.
func compare(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale, largest := 1.0, 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range got {
		d := math.Abs(float64(got[i]-want[i])) / scale
		if !(d <= 1e-5) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
		largest = max(largest, d)
	}
	t.Logf("%s: differs by up to %.2g", what, largest)
}

var models = []string{"layers", "mobile", "functional", "vectors", "trained", "quantised", "graph", "shapes"}

// check compares a folder's models with TensorFlow.js.
func check(t *testing.T, folder string) {
	for _, name := range models {
		t.Run(name, func(t *testing.T) {
			m, g := loadGolden(t, filepath.Join(folder, name))
			if want := name != "functional" && name != "vectors" && name != "shapes"; m.SoftMax != want {
				t.Errorf("SoftMax is %v, want %v", m.SoftMax, want)
			}
			w := &graph.Weights{}
			input := g.input()
			compare(t, "predictions", predict(t, m, w, input, m.SoftMax, g.samples()), g.Y)
			logits, ok := m.BeforeSigmoid()
			if want := name == "functional"; ok != want {
				t.Errorf("BeforeSigmoid is %v, want %v", ok, want)
			}
			if ok {
				z := predict(t, logits, w, input, false, g.samples())
				for i, v := range z {
					z[i] = float32(1 / (1 + math.Exp(-float64(v))))
				}
				compare(t, "sigmoids", z, g.Y)
			}
			file, err := onnx.Options{Logits: !m.SoftMax}.Export(m, w.Map(), input...)
			if err != nil {
				t.Fatal(err)
			}
			back, err := onnx.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "predictions of the ONNX file", predict(t, back, &graph.Weights{}, back.Input, false, g.samples()), g.Y)
		})
	}
}

// TestGoldens: the models in testdata predict what TensorFlow.js does with
// them, and so do their ONNX files.
func TestGoldens(t *testing.T) { check(t, "testdata") }

// TestLive is the same with models that TensorFlow.js makes now, with other
// weights.
func TestLive(t *testing.T) {
	if err := exec.Command("node", "-e", "require.resolve('@tensorflow/tfjs')").Run(); err != nil {
		t.Skipf("npm's @tensorflow/tfjs is not installed, or NODE_PATH does not lead to it: %v", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("node", "testdata/make.js", dir, "2").CombinedOutput(); err != nil {
		t.Fatalf("TensorFlow.js: %v\n%s", err, out)
	}
	check(t, dir)
}
