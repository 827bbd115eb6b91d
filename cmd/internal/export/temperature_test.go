package export

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// calibrated is model with a temperature and a threshold.
func calibrated(t *testing.T, name string) (dir string, m weights.Model) {
	t.Helper()
	dir = model(t, name)
	path := filepath.Join(dir, "model.safetensors")
	m, err := weights.LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Temperature = float64(float32(0.21))
	m.Unknown = &weights.Unknown{
		Score: weights.ScoreNeighbours, Threshold: -0.5, Share: 0.95, Neighbours: 1,
		Features: tensor.New(tensor.WithShape(1, 84), tensor.WithBacking(append([]float32{1}, make([]float32, 83)...))),
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return dir, m
}

// TestTemperature holds the probabilities of every export of a calibrated model
// against those of infer.
func TestTemperature(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	dir, m := calibrated(t, "lenet5")
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 784)
	for i := range x {
		x[i] = r.Float32()
	}
	predictions, err := p.Predict([][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	want := predictions[0].Probabilities
	raw, err := p.Calibrate(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := raw.Predict([][]float32{x}); err != nil || plain[0].Probabilities[0]-want[0] < 0.01 && want[0]-plain[0].Probabilities[0] < 0.01 {
		t.Fatalf("without the temperature %v, with it %v, %v: want them apart", plain, want, err)
	}

	onnxOf := func(args ...string) *onnx.Model {
		t.Helper()
		m, err := onnx.Open(exported(t, dir, "onnx", args...))
		if err != nil {
			t.Fatal(err)
		}
		if m.Metadata["temperature"] != "0.20999999344348907" {
			t.Errorf("metadata %v, want the temperature", m.Metadata)
		}
		return m
	}
	t.Run("onnx", func(t *testing.T) { near(t, "probabilities", outputOf(t, onnxOf(), graph.MSE{}, x), want, 1e-6) })
	t.Run("onnx, logits", func(t *testing.T) {
		near(t, "probabilities", outputOf(t, onnxOf("-logits"), graph.CrossEntropy{Temperature: m.Temperature}, x), want, 1e-6)
	})
	for _, tt := range []struct {
		name  string
		to    string
		args  []string
		bound float64
	}{{"safetensors", "safetensors", nil, 0}, {"half", "safetensors", []string{"-half"}, 0.02}, {"int8", "safetensors", []string{"-int8", "-data", "none"}, 0.1}, {"npz", "npz", nil, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := load(exported(t, dir, tt.to, tt.args...))
			if err != nil {
				t.Fatal(err)
			}
			if n.Temperature != m.Temperature || n.Unknown == nil || n.Unknown.Threshold != -0.5 || n.Unknown.Features.Shape()[1] != 84 {
				t.Fatalf("temperature %v and %+v, want those of the model", n.Temperature, n.Unknown)
			}
			layer, err := n.Network()
			if err != nil {
				t.Fatal(err)
			}
			q, err := infer.New(layer, n.Model.Model)
			if err != nil {
				t.Fatal(err)
			}
			got, err := q.Predict([][]float32{x})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "probabilities", got[0].Probabilities, want, tt.bound)
		})
	}
	t.Run("go", func(t *testing.T) { near(t, "probabilities", compiled(t, dir, x)[0], want, 1e-5) })
	t.Run("page", func(t *testing.T) {
		wasm := filepath.Join(exported(t, dir, "page"), "model.wasm")
		near(t, "probabilities", inNode(t, wasm, x, drawing()).Probabilities, want, 1e-5)
	})
}

// exported is where the command writes a model. It says that a threshold stays behind
// where one does.
func exported(t *testing.T, model, to string, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "m."+to)
	out, err := export(t, append([]string{"-model", model, "-to", to, "-out", path}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	kept := to == "npz" || to == "safetensors"
	if strings.Contains(out, "without the model's threshold") == kept {
		t.Errorf("-to %s prints %q", to, out)
	}
	return path
}

// outputOf is the prediction of a network that was read from a file.
func outputOf(t *testing.T, m *onnx.Model, loss graph.Loss, x []float32) []float32 {
	t.Helper()
	g, err := graph.Options{Loss: loss}.Build(m, graph.Infer, 1, 1, 28, 28)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	return g.Prediction().Float32s()
}

// compiled is what the Go source of a model makes of images, in a program of its own.
func compiled(t *testing.T, model string, images ...[]float32) (probabilities [][]float32) {
	t.Helper()
	root := t.TempDir()
	if _, err := export(t, "-model", model, "-to", "go", "-package", "digits", "-out", filepath.Join(root, "digits")); err != nil {
		t.Fatal(err)
	}
	program := `package main

import (
	"encoding/json"
	"os"

	"example/digits"
)

func main() {
	var images, all [][]float32
	if err := json.NewDecoder(os.Stdin).Decode(&images); err != nil {
		panic(err)
	}
	for _, x := range images {
		p, err := digits.Classify(x)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	json.NewEncoder(os.Stdout).Encode(all)
}
`
	for name, content := range map[string]string{"go.mod": "module example\n\ngo 1.22\n", "main.go": program} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pixels, err := json.Marshal(images)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stdin, cmd.Stderr = root, bytes.NewReader(pixels), os.Stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &probabilities); err != nil {
		t.Fatal(err)
	}
	return probabilities
}

// TestTemperatureOne: it writes what no temperature writes.
func TestTemperatureOne(t *testing.T) {
	n, err := load(model(t, "lenet5"))
	if err != nil {
		t.Fatal(err)
	}
	written := func(temperature float64) map[string][]byte {
		n.Temperature = temperature
		source, err := goSource(n, options{pkg: "digits"})
		if err != nil {
			t.Fatal(err)
		}
		all := map[string][]byte{"go": source[0].Content}
		for to, file := range files {
			var b bytes.Buffer
			if err := file(&b, n, options{to: to}); err != nil {
				t.Fatal(err)
			}
			all[to] = b.Bytes()
		}
		return all
	}
	none, other := written(0), written(2)
	for to, one := range written(1) {
		if !bytes.Equal(one, none[to]) {
			t.Errorf("-to %s: temperature 1 changes what is written", to)
		}
		if bytes.Equal(one, other[to]) {
			t.Errorf("-to %s: temperature 2 changes nothing", to)
		}
	}
}
