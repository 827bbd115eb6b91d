package open

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/op"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
)

// net is a small classifier of three classes.
func net() graph.Layer {
	return graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3}}
}

// exported is a layer as an ONNX file.
func exported(t testing.TB, l graph.Layer, o onnx.Options, input ...int) []byte {
	t.Helper()
	n, err := graph.NewNetwork(l, input, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.Export(l, n.Weights.Map(), input...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// write puts a file into a folder.
func write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened opens a model.
func opened(t *testing.T, path string) Model {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run computes a model's output for one sample.
func run(t *testing.T, m Model, x []float32) []float32 {
	t.Helper()
	g, err := graph.Options{Weights: &graph.Weights{From: m.Tensors}, Loss: graph.MSE{}}.Build(m.Layer, graph.Infer, append([]int{1}, m.Sample...)...)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	return g.Output().Float32s()
}

// ramp are n different values in 0..1.
func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i*37%101) / 101
	}
	return x
}

func TestOwn(t *testing.T) {
	dir := t.TempDir()
	n, err := graph.NewNetwork(net(), []int{3, 8, 9}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := weights.Model{
		Input: [3]int{3, 8, 9}, Classes: []string{"a", "b", "c"}, Tensors: n.Weights.Map(), Temperature: 2,
		Preprocessing: raster.Preprocessing{Fit: raster.Pad, Mean: []float64{1, 2, 3}, Deviation: []float64{1, 1, 0}},
	}
	if err := want.Save(filepath.Join(dir, ModelFile)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, ModelFile)} {
		m := opened(t, path)
		m.Tensors = want.Tensors
		if !reflect.DeepEqual(m.Model, want) || m.Format != SafeTensors || !m.Classifies || !m.SoftMax || m.Notes != nil {
			t.Errorf("%s: got %+v, want %+v", path, m, want)
		}
		if _, err := m.Network(); err == nil || !strings.Contains(err.Error(), "not in modelzoo") {
			t.Errorf("a network of one's own: error %v", err)
		}
	}
}

// TestONNX: a file is its network, with its SoftMax apart, whatever the layout and
// the order of its channels.
func TestONNX(t *testing.T) {
	dir := t.TempDir()
	backwards := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { // (N,H,W,C), blue first
		x = s.Node(op.PickChannels(s.Node(op.Permute(x, 0, 3, 1, 2)), 2, 1, 0))
		return net().Build(s, x)
	})
	plain := opened(t, write(t, dir, "plain.onnx", exported(t, net(), onnx.Options{}, 3, 8, 9)))
	want := run(t, plain, ramp(3*8*9))
	if !plain.Classifies || !plain.SoftMax || plain.Format != ONNX || !reflect.DeepEqual(plain.Sample, []int{3, 8, 9}) || plain.Title() != "plain" {
		t.Errorf("got %+v", plain)
	}
	if s := want[0] + want[1] + want[2]; s > 0.9 && s < 1.1 {
		t.Errorf("output %v, want logits", want)
	}
	for name, tt := range map[string]struct {
		layer       graph.Layer
		options     onnx.Options
		input       []int
		description string
	}{
		"logits.onnx": {net(), onnx.Options{Logits: true}, []int{3, 8, 9}, ""},
		"nhwc.onnx":   {backwards, onnx.Options{}, []int{8, 9, 3}, "order = \"bgr\""},
		"flat.onnx": {graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Node(op.Reshape(net().Build(s, x), x.Shape()[0], 3, 1, 1))
		}), onnx.Options{Logits: true}, []int{3, 8, 9}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, dir, name, exported(t, tt.layer, tt.options, tt.input...))
			write(t, dir, name+".toml", []byte(tt.description))
			m := opened(t, path)
			if !m.Classifies || m.SoftMax == tt.options.Logits || m.Input != [3]int{3, 8, 9} {
				t.Errorf("got %+v", m)
			}
			if got := run(t, m, ramp(3*8*9)); !reflect.DeepEqual(got, want) {
				t.Errorf("output %v, want %v", got, want)
			}
		})
	}
}

// TestDescription: what the file beside a model says is used, and what Describe
// writes says the same again.
func TestDescription(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "x.onnx", exported(t, net(), onnx.Options{}, 3, 8, 9))
	write(t, dir, "names.txt", []byte("cat\r\n\ndog\nbird\n"))
	write(t, dir, "x.onnx.toml", []byte("range = [-1, 1]\nmean = [0, 0.5, 1]\ndeviation = [1, 2, 0]\nfit = \"crop\"\nshorter = 12\nfilter = \"linear\"\nclasses = \"names.txt\"\n"))
	m := opened(t, path)
	want := raster.Preprocessing{
		Fit: raster.Crop, Shorter: 12, Filter: raster.Linear,
		Mean: []float64{0.5, 0.75, 1}, Deviation: []float64{0.5, 1, 0.5}, // (2p-1-mean)/deviation
	}
	if !reflect.DeepEqual(m.Preprocessing, want) || !reflect.DeepEqual(m.Model.Classes, []string{"cat", "dog", "bird"}) || m.Notes != nil {
		t.Errorf("got %+v, classes %q, notes %q", m.Preprocessing, m.Model.Classes, m.Notes)
	}
	to, text, err := m.Describe()
	if err != nil || to != path+".toml" {
		t.Fatalf("path %s, error %v", to, err)
	}
	compareTOML(t, string(text))
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if again := opened(t, path); !reflect.DeepEqual(again.Preprocessing, want) || !reflect.DeepEqual(again.Model.Classes, m.Model.Classes) {
		t.Errorf("described as\n%s\nread as %+v, want %+v", text, again.Preprocessing, want)
	}
}

// TestExportedONNX: a file of ours brings its preprocessing, classes and temperature.
func TestExportedONNX(t *testing.T) {
	p := raster.Preprocessing{Fit: raster.Pad, Mean: []float64{0.1, 0.2, 0.3}, Deviation: []float64{1, 2, 3}}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	o := onnx.Options{Metadata: map[string]string{"preprocessing": string(text), "classes": `["a","b","c"]`, "temperature": "1.5"}}
	dir := t.TempDir()
	m := opened(t, write(t, dir, "a.onnx", exported(t, net(), o, 3, 8, 9)))
	if !reflect.DeepEqual(m.Preprocessing, p) || !reflect.DeepEqual(m.Model.Classes, []string{"a", "b", "c"}) || m.Temperature != 0 || m.Notes != nil {
		t.Errorf("got %+v, notes %q", m.Model, m.Notes)
	}
	o.Logits = true
	if m = opened(t, write(t, dir, "b.onnx", exported(t, net(), o, 3, 8, 9))); m.Temperature != 1.5 {
		t.Errorf("temperature %v of logits, want 1.5", m.Temperature)
	}
}

// TestDefaults: what nobody says is taken, and said.
func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "photo.onnx", exported(t, net(), onnx.Options{Logits: true}, 3, 224, 224))
	m := opened(t, path)
	want := raster.Preprocessing{
		Fit: raster.Crop, Shorter: 256, Filter: raster.Linear,
		Mean: []float64{0.485, 0.456, 0.406}, Deviation: []float64{0.229, 0.224, 0.225},
	}
	if !reflect.DeepEqual(m.Preprocessing, want) || m.Model.Classes[2] != "2" {
		t.Errorf("got %+v, want torchvision's %+v", m.Preprocessing, want)
	}
	notes := strings.Join(m.Notes, "\n")
	for _, part := range []string{"photo.onnx: ", "no names for its 3 classes", "mean [0.485 0.456 0.406]", "scaled to 256", "zoo -model " + path + " -describe"} {
		if !strings.Contains(notes, part) {
			t.Errorf("no %q in the notes:\n%s", part, notes)
		}
	}
}

func TestKeras(t *testing.T) {
	m := opened(t, "../../graph/tfjs/testdata/trained/model.json")
	if m.Format != TensorFlowJS || !m.Classifies || !m.SoftMax || m.Input != [3]int{1, 8, 8} || m.Title() != "trained" {
		t.Errorf("got %+v", m)
	}
	if m = opened(t, "../../graph/keras/testdata/small.keras"); m.Format != Keras || m.Classifies {
		t.Errorf("got %+v, want no classifier of images", m)
	}
}

// zipped is an archive of empty files.
func zipped(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForeign: a file of another kind is called by its name.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		content []byte
		want    string
	}{
		"a.pt":      {zipped(t, "archive/data.pkl"), "a PyTorch checkpoint: want torch.onnx.export"},
		"b.pth":     {[]byte("\x80\x02}q\x00."), "a PyTorch or Python pickle"},
		"c.tflite":  {[]byte("\x1c\x00\x00\x00TFL3\x00"), "a TensorFlow Lite model"},
		"d.onnx":    {nil, "empty"},
		"e.onnx":    {[]byte("version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS"},
		"f.onnx":    {[]byte("Grüße, no model\n"), "text"},
		"g.zip":     {zipped(t, "x/model.json"), "a zip archive with a model.json in it: unpack it"},
		"h.zip":     {zipped(t, "x.txt"), "a zip archive"},
		"i.onnx":    {[]byte("<!DOCTYPE html>"), "a web page"},
		"j.onnx":    {[]byte("\x89PNG\r\n\x1a\n"), "a PNG picture"},
		"k.onnx.gz": {[]byte("\x1f\x8b\x08"), "compressed by gzip"},
		"l.gguf":    {[]byte("GGUF\x03"), "a GGUF file"},
	} {
		path := write(t, dir, name, tt.content)
		_, err := Open(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+" is "+tt.want) || !strings.HasSuffix(err.Error(), "read are "+wanted) {
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		}
	}
	for path, want := range map[string]string{
		"cnn":                    "cnn is a network of the zoo, which has no weights: want a trained one",
		filepath.Join(dir, "no"): "no model: ",
		os.DevNull:               os.DevNull + " is not a regular file",
		write(t, dir, "m", []byte("\x12\x99\x99")): "onnx: ",
	} {
		if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", path, err, want)
		}
	}
	if _, err := Open(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one for a missing file", err)
	}
}

// TestDescriptionErrors: a wrong setting is named with its file.
func TestDescriptionErrors(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "x.onnx", exported(t, net(), onnx.Options{}, 3, 8, 9))
	for text, want := range map[string]string{
		"fitt = \"crop\"":                          `x.onnx.toml: no setting "fitt", want input, layout`,
		"fit = \"bend\"":                           `fit "bend", want crop, pad, stretch, strokes`,
		"fit = 3":                                  "x.onnx.toml: fit is a number, want another type",
		"fit = \"crop\"\nshorter = 8":              "a shorter side of 8 pixels, want 9 to 16384",
		"shorter = 20\nfit = \"pad\"":              "a shorter side of 20 with fit",
		"filter = \"box\"":                         `filter "box", want cubic or linear`,
		"order = \"grb\"":                          `order is "grb", want rgb or bgr`,
		"layout = \"chwn\"":                        `layout is "chwn", want nchw or nhwc`,
		"range = [1, 0]":                           "range is [1 0], want the values of black and white",
		"mean = [1, 2]":                            "2 means and 0 deviations, want one of each for each of 3 channels",
		"input = [3, 8]":                           "input is [3 8], want channels, height and width",
		"classes = [\"a\"]":                        "1 names of classes, want 3",
		"classes = \"../names\"":                   "classes is \"../names\", want a file in the model's folder",
		"classes = \"none.txt\"":                   "no such file",
		"output = \"none\"":                        "none",
		"mean = [1, 2, 3]\ndeviation = [1, -1, 1]": "deviations [1 -1 1], want 0 or more",
	} {
		write(t, dir, "x.onnx.toml", []byte(text))
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	if err := os.Symlink(write(t, t.TempDir(), "names", []byte("a\nb\nc\n")), filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	write(t, dir, "x.onnx.toml", []byte(`classes = "link"`))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "classes: ") || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("names by a link out of the folder: error %v", err)
	}
}

// TestTooLarge: a file that is larger than the memory is not read.
func TestTooLarge(t *testing.T) {
	path := write(t, t.TempDir(), "x.onnx", make([]byte, 3e6))
	_, err := Options{}.openWith(path, func() (int, bool) { return 2e6, true })
	if want := path + " has 3 MB, which its weights need of memory at least; available are 2 MB"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := afford(path, 3e6, func() (int, bool) { return 0, false }); err != nil {
		t.Error(err)
	}
}

// TestNeed: a small file whose network needs much memory for one sample is refused before
// it has it: ten convolutions whose outputs are alive together.
func TestNeed(t *testing.T) {
	branches := graph.Concat{}
	for range 10 {
		branches = append(branches, graph.Conv2D{Filters: 20, Kernel: 1, NoBias: true})
	}
	l := graph.Sequential{branches, graph.ReLU, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3}}
	path := write(t, t.TempDir(), "x.onnx", exported(t, l, onnx.Options{}, 3, 512, 512))
	_, err := Options{}.openWith(path, func() (int, bool) { return 200e6, true })
	if want := path + ": graph: for an input (1, 3, 512, 512) the network needs "; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "want at most 200") {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := (Options{}).openWith(path, func() (int, bool) { return 4e9, true }); err != nil {
		t.Error(err)
	}
}

// TestOptions: a size where the file leaves it open, the description's before, and
// another value of an ONNX file than its output.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "x.onnx", exported(t, net(), onnx.Options{}, 3, 8, 9))
	x, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		options Options
		want    string
	}{
		{Options{Height: 8}, ""},
		{Options{Height: 8, Width: 9}, ""},
		{Options{Height: 9}, "x.onnx takes images of 8×9: want that height and width, or none said"},
		{Options{Output: x.Output().Name}, ""},
		{Options{Output: "none"}, `no node computes a value "none"`},
	} {
		m, err := tt.options.Open(path)
		if tt.want == "" && (err != nil || m.Input != [3]int{3, 8, 9}) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: input %v, error %v, want %q", tt.options, m.Input, err, tt.want)
		}
	}
	for _, tt := range []struct {
		options     Options
		description string
		sample      []int // of a file (3,open,open)
		want        []int
	}{
		{Options{}, "", []int{3, 0, 0}, []int{3, 224, 224}},
		{Options{Width: 40}, "", []int{3, 0, 0}, []int{3, 224, 40}},
		{Options{Height: 30, Width: 40}, "", []int{3, 0, 0}, []int{3, 30, 40}},
		{Options{Height: 30}, "input = [3, 16, 17]", []int{3, 0, 0}, []int{3, 30, 17}},
		{Options{Height: 30}, "layout = \"nhwc\"\ninput = [3, 16, 17]", []int{0, 0, 3}, []int{3, 30, 17}},
	} {
		m := Model{Path: path, options: tt.options}
		f := foreign{Model: &m, sample: tt.sample}
		if err := f.parse([]byte(tt.description)); err != nil {
			t.Fatal(err)
		}
		if err := f.size(); err != nil || !reflect.DeepEqual(m.Sample, tt.want) {
			t.Errorf("%+v, %q: %v, error %v, want %v", tt.options, tt.description, m.Sample, err, tt.want)
		}
		whole := tt.want
		if f.Layout == "nhwc" {
			whole = []int{tt.want[1], tt.want[2], tt.want[0]}
		}
		if !reflect.DeepEqual(m.whole.Sample, whole) {
			t.Errorf("%+v: the file takes %v, want %v", tt.options, m.whole.Sample, whole)
		}
	}
}

// TestWhole: the file's own network gives what its SoftMax gives.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	m := opened(t, write(t, dir, "x.onnx", exported(t, net(), onnx.Options{}, 3, 8, 9)))
	w, ok := m.Whole()
	if !ok || w.Output != m.output || !m.SoftMax || !reflect.DeepEqual(w.Sample, []int{3, 8, 9}) {
		t.Fatalf("%+v, %t", w, ok)
	}
	one, err := graph.Options{Loss: graph.MSE{}}.Build(w.Layer, graph.Infer, 1, 3, 8, 9)
	if err != nil {
		t.Fatal(err)
	}
	copy(one.Input.Float32s(), ramp(3*8*9))
	if err := one.Run(); err != nil {
		t.Fatal(err)
	}
	sum := float32(0)
	for _, v := range one.Output().Float32s() {
		sum += v
	}
	if d := sum - 1; d*d > 1e-10 {
		t.Errorf("the outputs' sum is %v, want that of probabilities", sum)
	}
}
