package open

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// TestTeachable: a network as Teachable Machine writes it, a MobileNetV2 within
// Sequentials, has its labels and its preprocessing from metadata.json, and gives the
// logits that TensorFlow.js computes, from the pixels of pictures on.
func TestTeachable(t *testing.T) {
	if testing.Short() {
		t.Skip("TensorFlow.js computes a MobileNetV2")
	}
	needNode(t, "@tensorflow/tfjs")
	dir := t.TempDir()
	if out, err := exec.Command("node", "testdata/teachable.js", dir).CombinedOutput(); err != nil {
		t.Fatalf("TensorFlow.js: %v\n%s", err, out)
	}
	m := opened(t, dir)
	if labels := []string{"Katze", "Hund", "none of both"}; !reflect.DeepEqual(m.Model.Classes, labels) || !m.Classifies || !m.SoftMax || m.Input != [3]int{3, 224, 224} {
		t.Errorf("classes %q of %v", m.Model.Classes, m.Input)
	}
	g, err := graph.Options{Weights: &graph.Weights{From: m.Tensors}, Loss: graph.MSE{}}.Build(m.Layer, graph.Infer, 1, 3, 224, 224)
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for i, size := range []image.Point{{284, 224}, {224, 256}} {
		x := g.Input.Float32s()
		if err := m.Preprocessing.Draw(x, picture(t, filepath.Join(dir, fmt.Sprint("x", i)), size), 3, 224, 224); err != nil {
			t.Fatal(err)
		}
		for c, a := range m.Preprocessing.Normalisation() {
			for k := range 224 * 224 {
				x[c*224*224+k] = x[c*224*224+k]*a.Scale + a.Shift
			}
		}
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		got = append(got, g.Output().Float32s()...)
	}
	near(t, got, floats(t, filepath.Join(dir, "y")))
}

// picture reads the bytes (H,W,3) of a picture.
func picture(t *testing.T, path string, size image.Point) image.Image {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewNRGBA(image.Rectangle{Max: size})
	for i := range size.X * size.Y {
		copy(img.Pix[4*i:], append(b[3*i:3*i+3:3*i+3], 255))
	}
	return img
}

// kerasModel is a TensorFlow.js model of layers without weights.
func kerasModel(layers ...string) []byte {
	return []byte(`{"modelTopology":{"class_name":"Sequential","config":{"name":"s","layers":[` + strings.Join(layers, ",") + `]}},"weightsManifest":[]}`)
}

// images is the layer of an input of a shape (H,W,C).
func images(shape string) string {
	return `{"class_name":"InputLayer","config":{"name":"i","batch_input_shape":[null,` + shape + `]}}`
}

const pooling = `{"class_name":"GlobalAveragePooling2D","config":{"name":"g"}}`

// TestMetadata: metadata.json counts if it is Teachable Machine's, and the
// description overrides it.
func TestMetadata(t *testing.T) {
	teachable := raster.Preprocessing{Fit: raster.Crop, Filter: raster.Linear, Mean: []float64{127. / 255, 127. / 255, 127. / 255}, Deviation: []float64{127. / 255, 127. / 255, 127. / 255}}
	plain := raster.Preprocessing{Fit: raster.Crop}
	labels := `{"packageName":"@teachablemachine/image","labels":["a","b","c"],"imageSize":8}`
	for _, tt := range []struct {
		name, metadata, description string
		want                        raster.Preprocessing
		classes                     string
	}{
		{"none", "", "", plain, "0 1 2"},
		{"Teachable Machine's", labels, "", teachable, "a b c"},
		{"another's", strings.Replace(labels, "image\"", "pose\"", 1), "", plain, "0 1 2"},
		{"broken", labels[:40], "", plain, "0 1 2"},
		{"without labels", `{"packageName":"@teachablemachine/image"}`, "", teachable, "0 1 2"},
		{"names in the description", labels, "classes = \"names.txt\"\nfit = \"stretch\"\nrange = [0, 1]", raster.Preprocessing{Fit: raster.Stretch, Filter: raster.Linear}, "x y z"},
		{"a list in the description", labels, "classes = [\"d\", \"e\", \"f\"]", teachable, "d e f"},
	} {
		dir := t.TempDir()
		write(t, dir, "names.txt", []byte("x\ny\nz\n"))
		path := write(t, dir, "model.json", kerasModel(images("8,8,3"), pooling))
		if tt.metadata != "" {
			write(t, dir, "metadata.json", []byte(tt.metadata))
		}
		if tt.description != "" {
			write(t, dir, "model.json.toml", []byte(tt.description))
		}
		m := opened(t, path)
		if got := strings.Join(m.Model.Classes, " "); got != tt.classes || !close(m.Preprocessing, tt.want) {
			t.Errorf("%s: classes %q, %+v, want %q, %+v", tt.name, got, m.Preprocessing, tt.classes, tt.want)
		}
	}
	dir := t.TempDir()
	write(t, dir, "metadata.json", []byte(strings.Replace(labels, `,"c"`, "", 1)))
	if _, err := Open(write(t, dir, "model.json", kerasModel(images("8,8,3"), pooling))); err == nil || !strings.Contains(err.Error(), "2 names of classes, want 3") {
		t.Errorf("two labels: error %v", err)
	}
}

// close reports whether two preprocessings are equal but for rounding.
func close(a, b raster.Preprocessing) bool {
	for _, lists := range [][2][]float64{{a.Mean, b.Mean}, {a.Deviation, b.Deviation}} {
		if len(lists[0]) != len(lists[1]) {
			return false
		}
		for i, v := range lists[0] {
			if d := v - lists[1][i]; d > 1e-12 || d < -1e-12 {
				return false
			}
		}
	}
	a.Mean, a.Deviation, b.Mean, b.Deviation = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

// TestKerasPixels: a network that begins with a Rescaling or Normalization takes
// pixels in 0..255, also in networks inside the network, and behind layers that do
// nothing, unless its numbers are for pixels in 0..1.
func TestKerasPixels(t *testing.T) {
	layer := func(class, settings string) string {
		return fmt.Sprintf(`{"class_name":%q,"config":{"name":%[1]q%s}}`, class, settings)
	}
	nested := func(layers ...string) string {
		return layer("Sequential", `,"layers":[`+strings.Join(layers, ",")+`]`)
	}
	rescaling, flip := layer("Rescaling", `,"scale":0.00392,"offset":0`), layer("RandomFlip", "")
	input := images("8,8,3")
	for name, tt := range map[string]struct {
		layers []string
		bytes  bool
	}{
		"Rescaling":                {[]string{input, rescaling}, true},
		"nested":                   {[]string{input, nested(input, nested(input, rescaling))}, true},
		"behind":                   {[]string{input, nested(input, flip), layer("Activation", `,"activation":"linear"`), rescaling}, true},
		"offset":                   {[]string{input, layer("Rescaling", `,"scale":1,"offset":-128`)}, true},
		"Normalization":            {[]string{input, layer("Normalization", `,"mean":[120,115,100],"variance":[3600,3500,4000]`)}, true},
		"none":                     {[]string{input}, false},
		"of 0 to 1":                {[]string{input, layer("Rescaling", `,"scale":2,"offset":-1`)}, false},
		"Normalization of 0 to 1":  {[]string{input, layer("Normalization", `,"mean":[0.5,0.4,0.4],"variance":[0.06,0.05,0.07]`)}, false},
		"not at the beginning":     {[]string{input, layer("ReLU", ""), rescaling}, false},
		"nested, not at the start": {[]string{input, nested(input, layer("ReLU", "")), nested(input, rescaling)}, false},
	} {
		m := opened(t, write(t, t.TempDir(), "model.json", kerasModel(append(tt.layers, pooling)...)))
		if got := m.Preprocessing.Mean != nil; got != tt.bytes {
			t.Errorf("%s: pixels in 0..255 is %v, want %v", name, got, tt.bytes)
		}
	}
}

// TestKerasOpen: a size that the file leaves open is the description's, or 224, and
// an output is the description's, or the first.
func TestKerasOpen(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "model.json", kerasModel(images("null,null,3"), pooling))
	m := opened(t, path)
	if m.Input != [3]int{3, 224, 224} || !strings.Contains(strings.Join(m.Notes, "\n"), "224×224 is taken") {
		t.Errorf("input %v, notes %q", m.Input, m.Notes)
	}
	write(t, dir, "model.json.toml", []byte("input = [3, 40, 30]\n"))
	if m = opened(t, path); m.Input != [3]int{3, 40, 30} {
		t.Errorf("input %v, want the description's", m.Input)
	}
	layer := func(name, class, inputs string) string {
		return fmt.Sprintf(`{"class_name":%q,"name":%q,"config":{"name":%[2]q,"batch_input_shape":[null,4,4,3]},"inbound_nodes":[%s]}`, class, name, inputs)
	}
	text := `{"modelTopology":{"class_name":"Functional","config":{"name":"f","layers":[` + strings.Join([]string{
		layer("i", "InputLayer", ""), layer("a", "GlobalAveragePooling2D", `[["i",0,0]]`), layer("m", "GlobalMaxPooling2D", `[["i",0,0]]`),
	}, ",") + `],"output_layers":[["a",0,0],["m",0,0]]}},"weightsManifest":[]}`
	path = write(t, t.TempDir(), "model.json", []byte(text))
	x := make([]float32, 3*4*4)
	x[5] = 16
	for description, want := range map[string]float32{"": 1, "output = \"m\"": 16, "output = \"a\"": 1} {
		write(t, filepath.Dir(path), "model.json.toml", []byte(description))
		if got := run(t, opened(t, path), x)[0]; got != want {
			t.Errorf("%q: %v, want %v", description, got, want)
		}
	}
	write(t, filepath.Dir(path), "model.json.toml", []byte(`output = "i"`))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), `no output "i", want a, m`) {
		t.Errorf("error %v", err)
	}
}
