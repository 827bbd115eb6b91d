package keras

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/keras/topology"
)

// golden is a network's samples, channels first, and what PyTorch predicts with
// the weights of each file.
type golden struct {
	X      []float32                       `json:"x"`
	Shape  []int                           `json:"shape"` // of a sample
	Files  map[string][]float64            `json:"files"`
	Others map[string]map[string][]float64 `json:"others"` // of the outputs behind the first
}

// goldens unpacks the files of testdata into a folder.
func goldens(t testing.TB) (dir string) {
	t.Helper()
	z, err := zip.OpenReader("testdata/goldens.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir = t.TempDir()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// predict runs a model on samples, in float64.
func predict(t testing.TB, m *topology.Model, input []int, x []float32) []float64 {
	t.Helper()
	n := len(x) / tensor.Shape(input).TotalSize()
	g, err := graph.Options{Float64: true, Loss: graph.MSE{}}.Build(m, graph.Infer, append([]int{n}, input...)...)
	if err != nil {
		t.Fatal(err)
	}
	to := g.Input.Float64s()
	for i, v := range x {
		to[i] = float64(v)
	}
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	if m.SoftMax {
		return softMax(g.Output().Float64s(), n)
	}
	return slices.Clone(g.Output().Float64s())
}

// softMax turns n samples' logits to probabilities.
func softMax(x []float64, n int) (y []float64) {
	for row := range slices.Chunk(x, len(x)/n) {
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(v)
		}
		for _, v := range row {
			y = append(y, math.Exp(v)/sum)
		}
	}
	return y
}

// check compares a folder's models with PyTorch.
func check(t *testing.T, dir string) {
	for _, name := range []string{"plain", "branches", "nested", "shared_names", "larger", "operators"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(err)
		}
		if len(g.Files) != 6 {
			t.Errorf("%s: %d files, want three formats with two versions of HDF5", name, len(g.Files))
		}
		for file, want := range g.Files {
			t.Run(file, func(t *testing.T) {
				m, err := Load(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				if ends := name == "plain" || name == "nested" || name == "larger"; m.SoftMax != ends {
					t.Errorf("SoftMax is %v, want %v", m.SoftMax, ends)
				}
				compare(t, predict(t, m, g.Shape, g.X), want)
				if n := len(g.Others[file]) + 1; len(m.Outputs()) != n {
					t.Errorf("outputs %q, want %d", m.Outputs(), n)
				}
				for output, want := range g.Others[file] {
					other, err := m.With(output)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, predict(t, other, g.Shape, g.X), want)
				}
			})
		}
	}
}

// compare holds values together to 1e-9 of 1 or of the largest value.
func compare(t *testing.T, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	scale, largest := 1.0, 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range got {
		d := math.Abs(got[i]-want[i]) / scale
		if !(d <= 1e-9) {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
		largest = max(largest, d)
	}
	t.Logf("differs by up to %.2g", largest)
}

// TestGoldens: the models in testdata predict what PyTorch does with the weights
// that h5py reads from the same files.
func TestGoldens(t *testing.T) { check(t, goldens(t)) }

// TestLive is the same with files that h5py and PyTorch make now, with other
// weights.
func TestLive(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import h5py, torch").Run(); err != nil {
		t.Skipf("Debian's python3-h5py or python3-torch is not installed: %v", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("/usr/bin/python3", "testdata/make.py", dir, "2").CombinedOutput(); err != nil {
		t.Fatalf("PyTorch: %v\n%s", err, out)
	}
	check(t, dir)
}

// TestShared: a layer that is used several times has one set of weights, which
// training changes.
func TestShared(t *testing.T) {
	m, err := Load(filepath.Join(goldens(t), "larger_earliest.keras"))
	if err != nil {
		t.Fatal(err)
	}
	w := &graph.Weights{}
	g, err := graph.Options{Weights: w}.Build(m, graph.Train, 2, 3, 5, 6)
	if err != nil {
		t.Fatal(err)
	}
	count := 0 // of kernels: three that make images larger, two that are used several times, and the last layer's
	for _, name := range w.Names() {
		if strings.HasSuffix(name, "/weight") {
			count++
		}
	}
	if count != 6 {
		t.Errorf("%d kernels among %q, want 6", count, w.Names())
	}
	for i, x := 0, g.Input.Float32s(); i < len(x); i++ {
		x[i] = float32(i%7) / 7
	}
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	for _, p := range g.Params() {
		if grad := p.Grad().Float32s(); slices.Max(grad) == 0 && slices.Min(grad) == 0 {
			t.Errorf("%s has no gradient", p.Name)
		}
	}
}

// archive makes a zip of members, stored or packed.
func archive(t testing.TB, method uint16, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(members); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, members[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// member returns a member of small.keras.
func member(t testing.TB, name string) string {
	t.Helper()
	z, err := zip.OpenReader("testdata/small.keras")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPacked: the members of a .keras file may be packed.
func TestPacked(t *testing.T) {
	config, weights := member(t, configName), member(t, weightsName)
	x := []float32{1, 2, 3, 4}
	want, err := Load("testdata/small.keras")
	if err != nil {
		t.Fatal(err)
	}
	b := archive(t, zip.Deflate, configName, config, weightsName, weights)
	got, err := Read("packed", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := predict(t, got, got.Input, x), predict(t, want, want.Input, x); a[0] != b[0] || a[1] != b[1] {
		t.Errorf("%v, want %v", a, b)
	}
}

func TestErrors(t *testing.T) {
	config, weights := member(t, configName), member(t, weightsName)
	files := goldens(t)
	h5, err := os.ReadFile(filepath.Join(files, "shared_names_earliest.2.h5"))
	if err != nil {
		t.Fatal(err)
	}
	stored := func(members ...string) []byte { return archive(t, zip.Store, members...) }
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "not an HDF5 file"},
		{"text", []byte("hello"), "want a .keras or .h5 file as Keras's model.save writes it"},
		{"another zip", stored("a", "b"), "a zip without config.json"},
		{"no weights", stored(configName, config), "no model.weights.h5"},
		{"NumPy's weights", stored(configName, config, "model.weights.npz", ""), "its weights are in NumPy's format, model.weights.npz: want model.save(path) as it is by default"},
		{"weights in parts", stored(configName, config, "model.weights.json", "{}", "model_00000.weights.h5", ""), "its weights are in several files, model.weights.json lists them: want model.save(path) without max_shard_size"},
		{"config", stored(configName, "{", weightsName, weights), "topology: "},
		{"weights", stored(configName, config, weightsName, "hello"), "model.weights.h5: not an HDF5 file"},
		{"cut off", archive(t, zip.Store, configName, config, weightsName, weights)[:3000], "zip: not a valid zip file"},
		{"units", stored(configName, strings.Replace(config, `"units": 2`, `"units": 5`, 1), weightsName, weights), `layer "dense" (Dense): the weight "dense/kernel" has the shape [3 2], want [-1 5]`},
		{"a layer more", stored(configName, strings.Replace(config, `"class_name": "Add", "config": {`, `"class_name": "Lambda", "config": {`, 1), weightsName, weights), `layer "add" (Lambda): the class is not supported`},
		{"a bias less", stored(configName, strings.Replace(config, `"units": 2,`, `"units": 2, "use_bias": false,`, 1), weightsName, weights), `the weight "layers/dense/vars/1" is of no layer`},
		{"no model_config", bytes.ReplaceAll(h5, []byte("model_config"), []byte("model_konfig")), "an HDF5 file without model_config"},
		{"no model_weights", bytes.ReplaceAll(h5, []byte("model_weights"), []byte("modal_weights")), "an HDF5 file without model_config or model_weights"},
		{"another weight", bytes.ReplaceAll(h5, []byte("dense/kernel:0"), []byte("dense/karnel:0")), `no weight "`},
	} {
		m, err := Read("some.file", bytes.NewReader(tt.b), int64(len(tt.b)))
		if err == nil || m != nil || !strings.HasPrefix(err.Error(), "keras: some.file: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
	for _, path := range []string{"testdata", "testdata/nothing.keras"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the path", path, err)
		}
	}
}

// FuzzRead reads, builds and runs whatever comes. Nothing may panic, or take
// more than its bounds.
func FuzzRead(f *testing.F) {
	config, weights := member(f, configName), member(f, weightsName)
	f.Add(config, weights, true)
	dir := goldens(f)
	for _, name := range []string{"shared_names_latest.2.h5", "branches_latest.3.h5"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("", string(b), false)
	}
	f.Fuzz(func(t *testing.T, config, weights string, zipped bool) {
		b := []byte(weights)
		if zipped {
			b = archive(t, zip.Store, configName, config, weightsName, weights)
		}
		m, err := Read("fuzzed", bytes.NewReader(b), int64(len(b)))
		if err != nil || tensor.Shape(m.Input).TotalSize() > 1<<12 {
			return
		}
		g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, append([]int{1}, m.Input...)...)
		if err != nil || g.Memory().Total() > 1<<20 {
			return
		}
		if err := g.Run(); err != nil {
			t.Errorf("a model that was built does not run: %v", err)
		}
	})
}
