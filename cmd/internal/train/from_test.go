package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph/onnx"
	"tapenet/graph/raster"
	"tapenet/infer"
	"tapenet/modelzoo/open"
	"tapenet/train/data"
)

// asONNX writes a run's model as a foreign ONNX file, which says nothing of the zoo.
func asONNX(t *testing.T, run string, p raster.Preprocessing) (path string) {
	t.Helper()
	m, err := open.Open(run)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnx.Options{Metadata: map[string]string{"preprocessing": string(text)}}.Export(m.Layer, m.Tensors, m.Sample...)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "foreign.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFrom: training goes on from another run's weights, and from a foreign file's,
// by the same steps; the run of a foreign network needs no other file, and can be
// begun from again.
func TestFrom(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(args ...string) {
		trained(t, append([]string{"-data", digits(t), "-limit", "600", "-epochs", "1", "-report=false"}, args...)...)
	}
	run("-model", "lenet5", "-out", at("a"))
	before, err := infer.Load(at("a"))
	if err != nil {
		t.Fatal(err)
	}
	run("-from", at("a"), "-out", at("b"))
	foreign := asONNX(t, at("a"), raster.Preprocessing{Mean: []float64{0}, Deviation: []float64{1}})
	run("-from", foreign, "-out", at("c"))
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	run("-from", at("c"), "-out", at("d"))
	d, err := data.Open(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	first := uncertainty(t, before, d)
	own, of, again := uncertainty(t, load(t, at("b")), d), uncertainty(t, load(t, at("c")), d), uncertainty(t, load(t, at("d")), d)
	if !(own < first) || !(of < first) || !(again < of) {
		t.Errorf("losses %.4f, from a run %.4f, from a file %.4f, from that %.4f, want them to fall", first, own, of, again)
	}
	if diff := own - of; diff > 1e-3 || diff < -1e-3 {
		t.Errorf("loss %.5f from a run and %.5f from the same network in a file, want the same steps", own, of)
	}
}

func load(t *testing.T, dir string) *infer.Predictor {
	t.Helper()
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// uncertainty is the mean of 1 less the probability of the class, of training images.
func uncertainty(t *testing.T, p *infer.Predictor, d data.Dataset) (sum float64) {
	t.Helper()
	const n = 300
	images, classes := make([][]float32, n), make([]int, n)
	for i := range images {
		images[i] = make([]float32, 28*28)
		var err error
		if classes[i], err = d.Train.Read(i, images[i]); err != nil {
			t.Fatal(err)
		}
	}
	predictions, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range predictions {
		sum += (1 - float64(r.Probabilities[classes[i]])) / n
	}
	return sum
}

func TestFromErrors(t *testing.T) {
	run := t.TempDir()
	trained(t, quick(t, "-model", "lenet5", "-out", run)...)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-from", run, "-model", "cnn"}, "got both -from and -model"},
		{[]string{"-from", run, "-normalise"}, "-normalise with -from"},
		{[]string{"-from", run, "-height", "32"}, "-height and -width with -from, want none: the model takes (1,28,28)"},
		{[]string{"-from", "cnn"}, "cnn is a network of the zoo, which has no weights"},
		{[]string{"-from", "train.go"}, "train.go is text; read are .safetensors"},
		{[]string{"-from", "../../../graph/keras/testdata/small.keras"}, "takes samples of (4), want a network that takes images"},
		{[]string{"-from", "../../../graph/tfjs/testdata/trained/model.json"}, "takes images of (1,8,8), the dataset has (1,28,28) and no pictures to scale"},
	} {
		_, _, err := trains(t, append([]string{"-data", digits(t), "-out", filepath.Join(t.TempDir(), "x")}, tt.args...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error %v, want %s", tt.args, err, tt.want)
		}
	}
}
