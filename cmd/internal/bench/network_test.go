package bench

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/cmd/internal/foreign"
	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
)

// small is a network with an image for its input, and one with two
// normalisations, as files of photographs have them.
func small() graph.Layer {
	return graph.Sequential{normed(8, 3, 2), graph.ReLU, residual(8, false), graph.GlobalAvgPool2D{}, graph.Dense{Units: 5}}
}

// writeNetwork writes a network of random weights as an ONNX file of the name.
func writeNetwork(t *testing.T, name string, l graph.Layer, input ...int) string {
	t.Helper()
	net, err := graph.NewNetwork(l, input, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Options{Logits: true}.Export(l, net.Weights.Map(), input...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFile: an ONNX file is measured in all modes, between names, and its
// multiply-adds are those of the network that was written.
func TestFile(t *testing.T) {
	path := writeNetwork(t, "small.onnx", small(), 3, 12, 16)
	reports := bench(t, "-time", "1ms", "-model", "lenet5,"+path, "-mode", "train,infer,predict", "-batch", "3", "-threads", "1")
	if len(reports) != 6 {
		t.Fatalf("got %d reports, want 6", len(reports))
	}
	m, err := graph.Build(small(), graph.Train, 3, 3, 12, 16)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{modeTrain: m.MulAdds(), modeInfer: forwardMulAdds(m), modePredict: forwardMulAdds(m)}
	for _, r := range reports[3:] {
		checkReport(t, r)
		if r.Model != path || !slices.Equal(r.Input, []int{3, 12, 16}) || r.MulAdds != want[r.Mode] {
			t.Errorf("%v: input %v, %d multiply-adds, want (3,12,16) and %d", r.combination, r.Input, r.MulAdds, want[r.Mode])
		}
	}
}

// TestSize: -height and -width are those of the zoo's networks, and have to be
// those of a file that says its own.
func TestSize(t *testing.T) {
	n, err := size{48, 0}.open("mobilenetv2")
	if err != nil || !slices.Equal(n.input, []int{3, 48, 32}) {
		t.Errorf("mobilenetv2 takes %v, error %v, want (3,48,32)", n.input, err)
	}
	var out strings.Builder
	path := writeNetwork(t, "fixed.onnx", small(), 3, 12, 16)
	err = run(t.Context(), []string{"-child", "ours", "-model", path, "-mode", "infer", "-batch", "1", "-threads", "1", "-width", "20"}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "fixed.onnx takes images of 12×16: want that height and width") {
		t.Errorf("got error %v, want one about the file's size", err)
	}
}

// TestKinds: files of other formats and folders are measured too; a foreign network as
// its file has it.
func TestKinds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	n := opened(t, "lenet5")
	net, err := graph.NewNetwork(n.layer, n.input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Name: "lenet5", Input: [3]int(n.input), Classes: strings.Split("0123456789", ""), Tensors: net.Weights.Map()}
	if err := m.Save(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, label string
		input       []int
		modes       string
	}{
		{dir, "run", []int{1, 28, 28}, "train,infer,predict"},
		{"../../../graph/tfjs/testdata/trained/model.json", "trained/model.json", []int{1, 8, 8}, "train,infer,predict"},
		{"../../../graph/keras/testdata/small.keras", "small.keras", []int{4}, "infer"},
	} {
		if got := label(tt.path); got != tt.label {
			t.Errorf("%s is called %s, want %s", tt.path, got, tt.label)
		}
		for _, r := range bench(t, "-time", "1ms", "-model", tt.path, "-mode", tt.modes, "-batch", "2", "-threads", "1") {
			checkReport(t, r)
			if !slices.Equal(r.Input, tt.input) {
				t.Errorf("%v: input %v, want %v", r.combination, r.Input, tt.input)
			}
		}
	}
	var out strings.Builder
	err = run(t.Context(), []string{"-child", "ours", "-model", "../../../graph/keras/testdata/small.keras", "-mode", "predict", "-batch", "1", "-threads", "1"}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "small.keras takes samples of (4) and gives (") {
		t.Errorf("got error %v, want one that says what the file takes and gives", err)
	}
}

// TestTooLarge: what the machine has too little memory for is refused before it is
// run.
func TestTooLarge(t *testing.T) {
	available, known := memory.Available()
	if !known {
		t.Skip("the system does not tell what is available")
	}
	n := opened(t, "mobilenetv2")
	n.input = []int{3, 512, 512}
	w, err := newInference(n, 1+available/(60<<20)) // an image takes more
	if err != nil {
		t.Fatal(err)
	}
	if err := w.afford(); err == nil || !strings.Contains(err.Error(), "want a smaller -batch") {
		t.Errorf("got error %v, want one with the way out", err)
	}
	if w, err = newInference(opened(t, "lenet5"), 1); err != nil {
		t.Fatal(err)
	}
	if err := w.afford(); err != nil {
		t.Errorf("lenet5: %v, want no error", err)
	}
}

func TestLabels(t *testing.T) {
	for model, want := range map[string][2]string{"cnn": {"cnn", "cnn"}, "a/resnet50.onnx": {"resnet50.onnx", "resnet50"}} {
		if label(model) != want[0] || title(model) != want[1] {
			t.Errorf("%s is called %s and %s, want %v", model, label(model), title(model), want)
		}
	}
	if got := dimensions([]int{3, 0, 224}); got != "3,?,224" {
		t.Errorf("got %s, want 3,?,224", got)
	}
}

// TestForeign: a network of any kind is measured, but predictions are of classifiers of
// images; of other files one line says what they are.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, mode := range []string{modeInfer, modePredict} {
			var out strings.Builder
			err := run(t.Context(), []string{"-child", "ours", "-model", f.Path, "-mode", mode, "-batch", "1", "-threads", "1"}, &out, io.Discard)
			if f.Opens && mode == modeInfer {
				if err != nil {
					t.Error(err)
				}
			} else if f.Check(err) != nil {
				t.Error(f.Check(err))
			}
		}
	}
}
