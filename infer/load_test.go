package infer

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// saved writes the trained network, changed, into a new folder.
func saved(t testing.TB, change func(*weights.Model)) (dir string) {
	t.Helper()
	m, err := trainCNN()
	if err != nil {
		t.Fatal(err)
	}
	m.Classes = slices.Clone(m.Classes)
	tensors := map[string]*tensor.Dense{}
	for name, v := range m.Tensors {
		tensors[name] = v
	}
	m.Tensors = tensors
	change(&m)
	dir = t.TempDir()
	if err := m.Save(filepath.Join(dir, open.ModelFile)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := saved(t, func(*weights.Model) {})
	x := digits(t, 20)
	want := predict(t, trained(t), x)
	for _, path := range []string{dir, filepath.Join(dir, open.ModelFile)} {
		p, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Input != [3]int{1, 28, 28} || len(p.Classes) != 10 {
			t.Errorf("%s: input %v and classes %q, want those of MNIST", path, p.Input, p.Classes)
		}
		for i, got := range predict(t, p, x) {
			if !slices.Equal(got.Probabilities, want[i].Probabilities) {
				t.Errorf("%s: image %d has %v, want %v as before saving", path, i, got.Probabilities, want[i].Probabilities)
			}
		}
	}
}

func TestLoadMissing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none"), filepath.Join(dir, "none.safetensors")} {
		_, err := Load(path)
		wantError(t, err, "infer: no model", path, "no such file", "model.safetensors", "go run ./cmd/train")
	}
}

// A run's folder has its checkpoint before it has a model.
func TestLoadCheckpoint(t *testing.T) {
	dir := t.TempDir()
	checkpoint := filepath.Join(dir, "checkpoint.safetensors")
	f := weights.File{Metadata: map[string]string{"tapenet.train": "{}"}}
	if err := f.Save(checkpoint); err != nil {
		t.Fatal(err)
	}
	_, err := Load(dir)
	wantError(t, err, "infer: "+dir+" has no model yet, only checkpoint.safetensors", "model.safetensors comes with its first whole epoch", "-resume")
	_, err = Load(checkpoint)
	wantError(t, err, "infer: "+checkpoint+" is a run's checkpoint", "want model.safetensors")
}

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*weights.Model)
		want   []string
	}{
		{"unknown model", func(m *weights.Model) { m.Name = "vgg" }, []string{`no model "vgg"`, "want one of cnn"}},
		{"network of one's own", func(m *weights.Model) { m.Name = "" }, []string{"not in modelzoo", "weights.LoadModel(", "infer.New(layer, model)"}},
		{"other network", func(m *weights.Model) { m.Name = "lenet5" }, []string{"tensor conv2d/weight is (32, 1, 3, 3), the network's is (6, 1, 5, 5)"}},
		{"too few classes", func(m *weights.Model) { m.Classes = m.Classes[:9] }, []string{"dense_1/", "10", "9"}},
		{"too many classes", func(m *weights.Model) { m.Classes = append(m.Classes, "x") }, []string{"dense_1/", "10", "11"}},
		{"no classes", func(m *weights.Model) { m.Classes = nil }, []string{"classes"}},
		{"no input", func(m *weights.Model) { m.Input = [3]int{} }, []string{`metadata input is "0,0,0"`}},
		{"input too small", func(m *weights.Model) { m.Input = [3]int{1, 2, 2} }, []string{"conv2d"}},
		{"other input", func(m *weights.Model) { m.Input = [3]int{1, 28, 30} }, []string{"dense/weight is (5408, 128)"}},
		{"missing tensor", func(m *weights.Model) { delete(m.Tensors, "dense/bias") }, []string{"tensor dense/bias is missing"}},
		{"further tensor", func(m *weights.Model) { m.Tensors["dense_2/bias"] = m.Tensors["dense/bias"] }, []string{`no tensor "dense_2/bias"`}},
		{"tensor of another shape", func(m *weights.Model) { m.Tensors["dense_1/bias"] = m.Tensors["dense/bias"] },
			[]string{"tensor dense_1/bias is (128), the network's is (10)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := saved(t, tt.change)
			p, err := Load(dir)
			wantError(t, err, append(tt.want, "infer: ", filepath.Join(dir, open.ModelFile))...)
			if p != nil {
				t.Error("a predictor beside the error")
			}
		})
	}
}

// TestLoadBrokenFile damages a good file.
func TestLoadBrokenFile(t *testing.T) {
	path := filepath.Join(saved(t, func(*weights.Model) {}), open.ModelFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
	}{
		{"empty", nil},
		{"text", []byte("this is no model, but it is longer than eight bytes\n")},
		{"cut in the header", good[:100]},
		{"cut in the data", good[:len(good)-1]},
		{"tail", append(slices.Clone(good), 0)},
		{"header overwritten", append([]byte{good[0] + 1}, good[1:]...)},
		{"a weight changed", append(slices.Clone(good[:len(good)-5]), good[len(good)-5]^16, 0, 0, 0, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(path, tt.content, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			wantError(t, err, "infer: ", path)
		})
	}
}

// TestLoadTakesTheFileOnce: a predictor has the tensors that were read, and takes
// little besides.
func TestLoadTakesTheFileOnce(t *testing.T) {
	net, err := graph.NewNetwork(modelzoo.VGG11(2), []int{3, 32, 32}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := weights.Model{Name: "vgg11", Input: [3]int{3, 32, 32}, Classes: []string{"a", "b"}, Tensors: net.Weights.Map()}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Load(path)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(file.Size()*11/10); took > most {
		t.Errorf("took %d bytes, want at most %d for a file of %d", took, most, file.Size())
	}
}

// A small file cannot make Load take the memory that its metadata asks for.
func TestLoadAllocatesForTheFileOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := weights.Model{Name: "cnn", Input: [3]int{1, 1000, 1000}, Classes: []string{"a", "b"}, Tensors: map[string]*tensor.Dense{
		"conv2d/weight": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(32, 1, 3, 3)),
		"conv2d/bias":   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(32)),
	}}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Load(path)
	runtime.ReadMemStats(&after)
	wantError(t, err, "tensor dense/weight is missing")
	// The dense layer's weights would be 4 GB; the image is 4 MB.
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("took %d MB", took>>20)
	}
}
