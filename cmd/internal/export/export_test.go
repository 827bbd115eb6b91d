package export

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/cmd/internal/foreign"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train/data"
)

// model saves an untrained network of the zoo and returns its run's folder.
func model(t testing.TB, name string) string {
	t.Helper()
	return modelOf(t, name, 3)
}

// modelOf is model with so many classes.
func modelOf(t testing.TB, name string, classes int) string {
	t.Helper()
	spec, err := modelzoo.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(spec.New(classes), spec.Input[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := weights.Model{Name: name, Input: spec.Input, Classes: strings.Split("abcdefghij", "")[:classes], Tensors: net.Weights.Map()}
	if err := m.Save(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// export runs the command.
func export(t testing.TB, args ...string) (stdout string, err error) {
	t.Helper()
	var out, stderr bytes.Buffer
	err = run(context.Background(), args, &out, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("stderr has %q", stderr.String())
	}
	return out.String(), err
}

func TestONNX(t *testing.T) {
	dir, file := model(t, "simplecnn"), filepath.Join(t.TempDir(), "m.onnx")
	read := func(args ...string) string {
		t.Helper()
		stdout, err := export(t, append([]string{"-model", dir, "-to", "onnx", "-out", file}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(stdout, file+": simplecnn as onnx, ") {
			t.Errorf("printed %q", stdout)
		}
		return string(b)
	}
	for _, tt := range []struct {
		args     []string
		has, not []string
	}{
		{nil, []string{"conv2d/weight", `["a","b","c"]`, "Softmax", "BatchNormalization"}, nil},
		{[]string{"-logits"}, []string{"BatchNormalization"}, []string{"Softmax"}},
		{[]string{"-fold"}, []string{"Softmax", "conv2d_4/bias"}, []string{"BatchNormalization"}},
	} {
		content := read(tt.args...)
		for _, s := range tt.has {
			if !strings.Contains(content, s) {
				t.Errorf("%v: the file has no %s", tt.args, s)
			}
		}
		for _, s := range tt.not {
			if strings.Contains(content, s) {
				t.Errorf("%v: the file has %s", tt.args, s)
			}
		}
	}
}

// TestWeights: a model goes to .npz and comes back as the same file; in half
// precision it is half as large.
func TestWeights(t *testing.T) {
	dir, out := model(t, "lenet5"), t.TempDir()
	files := map[string][]byte{}
	for _, args := range [][]string{
		{"-model", dir, "-to", "npz", "-out", filepath.Join(out, "a.npz")},
		{"-model", filepath.Join(out, "a.npz"), "-to", "safetensors", "-out", filepath.Join(out, "a.safetensors")},
		{"-model", dir, "-to", "safetensors", "-half", "-out", filepath.Join(out, "half.safetensors")},
	} {
		if _, err := export(t, args...); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(args[len(args)-1])
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(args[len(args)-1])] = b
	}
	want, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(files["a.safetensors"], want) {
		t.Error("the model comes back changed")
	}
	if n := len(files["half.safetensors"]); n < len(want)/2 || n > len(want)*11/20 {
		t.Errorf("%d bytes in half precision, want about half of %d", n, len(want))
	}
	if _, err := infer.Load(filepath.Join(out, "half.safetensors")); err != nil {
		t.Errorf("the model in half precision: %v", err)
	}
}

// TestInt8: the file is a quarter as large, infer takes it, and the accuracy is
// printed, before and after.
func TestInt8(t *testing.T) {
	dir, out := model(t, "lenet5"), filepath.Join(t.TempDir(), "q.safetensors")
	stdout, err := export(t, "-model", dir, "-to", "safetensors", "-int8", "-data", "none", "-out", out)
	if err != nil || strings.Count(stdout, "\n") != 1 {
		t.Errorf("printed %q, error %v, want one line", stdout, err)
	}
	stat, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.Stat(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if 10*stat.Size() > 3*whole.Size() {
		t.Errorf("%d bytes, want about a quarter of %d", stat.Size(), whole.Size())
	}
	if _, err := infer.Load(out); err != nil {
		t.Error(err)
	}
	_, err = export(t, "-model", dir, "-to", "safetensors", "-int8", "-out", out)
	if want := "export: -int8 measures the accuracy, and " + dir + " does not say what it was trained on: want -data NAME"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = export(t, "-model", dir, "-to", "safetensors", "-int8", "-data", "mnist", "-out", out)
	if want := "export: the dataset has images of (1,28,28) in 10 classes, the model takes (1,28,28) in 3; -data names the dataset to measure on"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestInt8Accuracy counts by hand what is printed.
func TestInt8Accuracy(t *testing.T) {
	dir, out := modelOf(t, "lenet5", 10), filepath.Join(t.TempDir(), "q.safetensors")
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte("data = \"mnist\"\n"), 0o644); err != nil { // what it is measured on
		t.Fatal(err)
	}
	stdout, err := export(t, "-model", dir, "-to", "safetensors", "-int8", "-out", out)
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	share := func(path string) float64 {
		p, err := infer.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		images, labels := make([][]float32, d.Test.Len()), make([]int, d.Test.Len())
		for i := range images {
			images[i] = make([]float32, 28*28)
			if labels[i], err = d.Test.Read(i, images[i]); err != nil {
				t.Fatal(err)
			}
		}
		predictions, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, prediction := range predictions {
			if prediction.Class == labels[i] {
				n++
			}
		}
		return float64(n) / 100
	}
	before, after := share(dir), share(out)
	want := fmt.Sprintf("accuracy on the 10000 test images of mnist: %.2f %% before, %.2f %% in int8, %+.2f\n", before, after, after-before)
	if _, line, _ := strings.Cut(stdout, "\n"); line != want {
		t.Errorf("printed %q, want %q", line, want)
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no model", []string{"-out", file}, "export: no model"},
		{"no file", []string{"-model", "x"}, "export: no file to write"},
		{"format", []string{"-model", "x", "-out", file, "-to", "pdf"}, "export: -to pdf, want one of go, npz, onnx, page, safetensors"},
		{"flag of another format", []string{"-model", "x", "-out", file, "-to", "npz", "-fold"}, "export: -fold is for -to onnx, not for npz"},
		{"half ONNX", []string{"-model", "x", "-out", file, "-half"}, "export: -half is for -to npz and safetensors, not for onnx"},
		{"half and int8", []string{"-model", "x", "-out", file, "-to", "safetensors", "-half", "-int8"}, "export: got both -half and -int8"},
		{"int8 ONNX", []string{"-model", "x", "-out", file, "-int8"}, "export: -int8 is for -to safetensors, not for onnx"},
		{"package of a page", []string{"-model", "x", "-out", file, "-to", "page", "-package", "x"}, "export: -package is for -to go, not for page"},
		{"two flags of other formats", []string{"-model", "x", "-out", file, "-to", "go", "-logits", "-fold"}, "export: -fold is for -to onnx, not for go"},
		{"blank package", []string{"-model", model(t, "lenet5"), "-out", file, "-to", "go", "-package", "_"}, `gosource: package "_", want a name`},
		{"unfit data", []string{"-model", model(t, "lenet5"), "-out", file, "-to", "safetensors", "-int8", "-data", "mnist"}, "export: the dataset has images of (1,28,28) in 10 classes"},
		{"no data", []string{"-model", model(t, "lenet5"), "-out", file, "-to", "safetensors", "-int8", "-data", "none.idx"}, "-data names the dataset to measure on, none for not at all"},
		{"npz of others", []string{"-model", "../../../graph/weights/testdata/numpy.npz", "-out", file}, "metadata input is"},
		{"argument", []string{"x"}, "unexpected argument"},
		{"missing", []string{"-model", filepath.Join(t.TempDir(), "none"), "-out", file}, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := export(t, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

// TestForeign: a network of any kind is an ONNX file again, and one line says why it
// is no Go program; of other files one line says what they are.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, f := range files {
		_, err := export(t, "-model", f.Path, "-out", filepath.Join(out, "x.onnx"))
		if f.Opens && err != nil {
			t.Error(err)
		}
		if !f.Opens && f.Check(err) != nil {
			t.Error(f.Check(err))
		}
		_, err = export(t, "-model", f.Path, "-to", "go", "-out", filepath.Join(out, "x"))
		if f.Opens {
			f.Want = " is no classifier of images that ends in a SoftMax, it takes samples of ("
		}
		if f.Check(err) != nil {
			t.Error(f.Check(err))
		}
	}
}

// TestNotFinite: a model whose weights are no numbers is written in no format.
func TestNotFinite(t *testing.T) {
	dir := model(t, "lenet5")
	file := filepath.Join(dir, "model.safetensors")
	m, err := weights.LoadModel(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		m.Tensors["dense/weight"].Data().([]float32)[3] = float32(v)
		if err := m.Save(file); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		for _, to := range []string{"onnx", "npz", "safetensors", "go"} {
			want := fmt.Sprintf(`export: %s: "dense/weight" has %v among its numbers, want finite ones`, file, v)
			if _, err := export(t, "-model", dir, "-to", to, "-out", out); err == nil || err.Error() != want {
				t.Errorf("-to %s: error %v, want %q", to, err, want)
			}
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("there is a file all the same")
		}
	}
}
