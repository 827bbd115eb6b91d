package infer

import (
	"archive/zip"
	"errors"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// colours is a network that knows what is red and what is blue, by two filters of one
// pixel, wherever it is: its class is the colour of which there is more.
func colours(t *testing.T, p raster.Preprocessing) *Predictor {
	t.Helper()
	values := func(shape []int, v ...float32) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
	}
	c, err := New(graph.Sequential{
		graph.Conv2D{Filters: 2, Kernel: 1, Activation: graph.ReLU}, graph.AvgPool2D{Size: 2}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 2},
	}, weights.Model{Input: [3]int{3, 16, 16}, Classes: []string{"red", "blue"}, Preprocessing: p, Tensors: map[string]*tensor.Dense{
		"conv2d/weight": values([]int{2, 3, 1, 1}, 1, -1, -1, -1, -1, 1), "conv2d/bias": values([]int{2}, 0, 0),
		"dense/weight": values([]int{2, 2}, 3, 0, 0, 3), "dense/bias": values([]int{2}, 0, 0),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGradCAM: what speaks for a class lights up, and nothing else, also where the picture
// has another shape than the network's images.
func TestGradCAM(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 200, 100))
	paint := func(r image.Rectangle, c color.NRGBA) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.SetNRGBA(x, y, c)
			}
		}
	}
	red, blue := image.Rect(60, 10, 85, 35), image.Rect(110, 60, 135, 85)
	paint(img.Rect, color.NRGBA{90, 90, 90, 255})
	paint(red, color.NRGBA{255, 0, 0, 255})
	paint(blue, color.NRGBA{0, 0, 255, 255})
	for _, fit := range []string{raster.Crop, raster.Pad, raster.Stretch} {
		p := colours(t, raster.Preprocessing{Fit: fit})
		x, err := p.Pixels(img)
		if err != nil {
			t.Fatal(err)
		}
		for class, lit := range []image.Rectangle{red, blue} {
			a, err := p.GradCAM(x, class)
			if err != nil {
				t.Fatal(err)
			}
			if a.Class != class || a.Layer != "avgpool2d" || a.Height != 8 || a.Width != 8 || slices.Max(a.Values) != 1 {
				t.Fatalf("%s: a map of class %d in %s, %d×%d, of %v", fit, a.Class, a.Layer, a.Height, a.Width, a.Values)
			}
			over, err := p.Over(img, a)
			if err != nil {
				t.Fatal(err)
			}
			if over.Rect != img.Rect {
				t.Fatalf("%s: drawn at %v, want the picture's own size %v", fit, over.Rect, img.Rect)
			}
			other := red
			if class == 0 {
				other = blue
			}
			middle := func(r image.Rectangle) color.RGBA { return over.RGBAAt((r.Min.X+r.Max.X)/2, (r.Min.Y+r.Max.Y)/2) }
			was := func(r image.Rectangle) color.RGBA {
				return color.RGBAModel.Convert(img.At(r.Min.X, r.Min.Y)).(color.RGBA)
			}
			if middle(other) != was(other) {
				t.Errorf("%s, class %d: the other colour's square is %v, want it as it was", fit, class, middle(other))
			}
			if middle(lit) == was(lit) {
				t.Errorf("%s, class %d: its square is %v as it was, want it marked", fit, class, middle(lit))
			}
			if corner := over.RGBAAt(0, 0); (corner == color.RGBA{30, 30, 30, 255}) != (fit == raster.Crop) {
				t.Errorf("%s: the corner is %v, want it dark if it is cut off alone", fit, corner)
			}
		}
	}
}

// TestGradCAMOfZoo: each network has a map of the layer that is its last with places.
func TestGradCAMOfZoo(t *testing.T) {
	for name, layer := range map[string]string{
		"fcnn": "", "mlp": "", "mlpmixer": "", "cnn": "maxpool2d", "lenet5": "avgpool2d_1", "smallcnn": "maxpool2d_1",
	} {
		spec, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		m := untrained(t, spec.New(3), weights.Model{Input: spec.Input, Classes: []string{"a", "b", "c"}})
		p, err := New(spec.New(3), m)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, spec.Input[0]*spec.Input[1]*spec.Input[2])
		for i := range x {
			x[i] = float32(math.Sin(float64(i))+1) / 2
		}
		a, err := p.GradCAM(x, 1)
		h, w := p.Places()
		if errors.Is(err, graph.ErrNoPlaces) != (layer == "") || a.Layer != layer || h != a.Height || w != a.Width {
			t.Errorf("%s: a map of %q, %d×%d of %d×%d (%v), want one of %q", name, a.Layer, a.Height, a.Width, h, w, err, layer)
		}
	}
}

// TestGradCAMOfFiles: a network has the same map when it comes from an ONNX file, and a
// Keras file has one.
func TestGradCAMOfFiles(t *testing.T) {
	m, err := trainCNN()
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnx.Options{}.Export(modelzoo.CNN(10), m.Tensors, 1, 28, 28)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cnn.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	x := digits(t, 3)
	for i := range x {
		want, err := trained(t).GradCAM(x[i], 4)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.GradCAM(x[i], 4)
		if err != nil || len(got.Values) != len(want.Values) {
			t.Fatalf("a map of %s, %d×%d (%v), want %d×%d", got.Layer, got.Height, got.Width, err, want.Height, want.Width)
		}
		for j, v := range got.Values {
			if math.Abs(float64(v-want.Values[j])) > 1e-4 {
				t.Fatalf("image %d, place %d: %v, want %v", i, j, v, want.Values[j])
			}
		}
	}
	z, err := zip.OpenReader("../graph/keras/testdata/goldens.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if b, err = fs.ReadFile(z, "plain_latest.keras"); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "plain.keras")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	keras, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	in := keras.Input
	if a, err := keras.GradCAM(make([]float32, in[0]*in[1]*in[2]), 0); err != nil || a.Layer == "" || len(a.Values) != a.Height*a.Width {
		t.Errorf("Keras: a map of %q with %d values (%v)", a.Layer, len(a.Values), err)
	}
}

func TestGradCAMErrors(t *testing.T) {
	flat, m := small(t)
	m = smallModel()
	net := graph.Sequential{graph.Conv2D{Filters: 1, Kernel: 1}, graph.Flatten{}, graph.Dense{Units: 3}}
	m.Tensors["conv2d/weight"] = tensor.New(tensor.WithShape(1, 1, 1, 1), tensor.WithBacking([]float32{float32(math.Inf(1))}))
	m.Tensors["conv2d/bias"] = tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{0}))
	broken, err := New(net, m)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{1, 2, 3, 4}
	for _, tt := range []struct {
		name  string
		p     *Predictor
		x     []float32
		class int
		want  string
	}{
		{"few pixels", flat, x[:1], 0, "infer: 1 values, want 4 for 1×2×2"},
		{"class above", flat, x, 3, "infer: class activation map of class 3, want 0 to 2"},
		{"no places", flat, x, 0, "graph: " + graph.ErrNoPlaces.Error()},
		{"infinite weight", broken, x, 0, "infer: the activation map of class 0 is not finite for this image"},
	} {
		if _, err := tt.p.GradCAM(tt.x, tt.class); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestGradCAMThreads: the same bits for any number of threads, and at a time.
func TestGradCAMThreads(t *testing.T) {
	x := digits(t, 4)
	want := make([]ActivationMap, len(x))
	for _, threads := range []int{1, 2, 5} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			p := trained(t)
			var wg sync.WaitGroup
			for i := range x {
				wg.Go(func() {
					a, err := p.GradCAM(x[i], i)
					if err != nil {
						t.Error(err)
					} else if threads == 1 {
						want[i] = a
					} else if !slices.Equal(a.Values, want[i].Values) {
						t.Errorf("%d threads: image %d has another map", threads, i)
					}
				})
			}
			wg.Wait()
		}()
	}
}
