package infer

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// untrained is a model of a network with random weights.
func untrained(t testing.TB, l graph.Layer, m weights.Model) weights.Model {
	t.Helper()
	n, err := graph.NewNetwork(l, m.Input[:], graph.Options{Seed: 6})
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors = n.Weights.Map()
	return m
}

// numericSaliency is Saliency's definition, by central differences of the logit
// in float64, before it is scaled.
func numericSaliency(t *testing.T, l graph.Layer, m weights.Model, x []float32, class int) []float64 {
	t.Helper()
	const h = 1e-6
	w := &graph.Weights{From: m.Tensors}
	g, err := graph.Options{Float64: true, Weights: w}.Build(l, graph.Infer, 1, m.Input[0], m.Input[1], m.Input[2])
	if err != nil {
		t.Fatal(err)
	}
	plane := m.Input[1] * m.Input[2]
	logit := func(at int, by float64) float64 {
		for i, v := range x {
			f := float64(v)
			if i == at {
				f += by
			}
			if m.Preprocessing.Mean != nil {
				f = (f - m.Preprocessing.Mean[i/plane]) / m.Preprocessing.Deviation[i/plane]
			}
			g.Input.Float64s()[i] = f
		}
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		return g.Output().Float64s()[class]
	}
	values := make([]float64, plane)
	for i := range x {
		d := math.Abs(logit(i, h)-logit(i, -h)) / (2 * h)
		values[i%plane] = max(values[i%plane], d)
	}
	return values
}

func TestSaliency(t *testing.T) {
	digit := digits(t, 1)[0]
	for i := range digit { // where all is black the maximum of a window has no derivative
		digit[i] = 0.8*digit[i] + 0.1*float32(math.Sin(float64(7*i))+1)
	}
	trainedCNN, err := trainCNN()
	if err != nil {
		t.Fatal(err)
	}
	small := graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}, graph.ReLU,
		graph.MaxPool2D{}, graph.Dropout{Rate: 0.5}, graph.Flatten{}, graph.Dense{Units: 3},
	}
	colour := weights.Model{Input: [3]int{3, 6, 8}, Classes: []string{"a", "b", "c"}}
	normalised := colour
	normalised.Preprocessing = raster.Preprocessing{Mean: []float64{0.1, 0.5, 0.9}, Deviation: []float64{0.1, 2, 0.5}}
	picture := make([]float32, 3*6*8)
	for i := range picture {
		picture[i] = float32(math.Sin(float64(5*i))+1) / 2
	}
	tests := []struct {
		name  string
		layer graph.Layer
		model weights.Model
		x     []float32
	}{
		{"trained CNN", modelzoo.CNN(10), trainedCNN, digit},
		{"colour", small, untrained(t, small, colour), picture},
		{"normalised", small, untrained(t, small, normalised), picture},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(tt.layer, tt.model)
			if err != nil {
				t.Fatal(err)
			}
			for _, class := range []int{0, 2} {
				got, err := p.Saliency(tt.x, class)
				if err != nil {
					t.Fatal(err)
				}
				if got.Class != class || got.Height != tt.model.Input[1] || got.Width != tt.model.Input[2] {
					t.Errorf("saliency of class %d in %d×%d, want class %d in %v", got.Class, got.Height, got.Width, class, tt.model.Input)
				}
				want := numericSaliency(t, tt.layer, tt.model, tt.x, class)
				top := slices.Max(want)
				for i, v := range got.Values {
					if d := float64(v) - want[i]/top; math.Abs(d) > 1e-4 {
						t.Fatalf("class %d, pixel %d: %v, want %v", class, i, v, want[i]/top)
					}
				}
			}
		})
	}
}

// TestSaliencyOfNothing: if no pixel matters, all values are 0.
func TestSaliencyOfNothing(t *testing.T) {
	m := smallModel()
	clear(m.Tensors["dense/weight"].Float32s())
	p, err := New(smallNet, m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Saliency([]float32{1, 2, 3, 4}, 1)
	if err != nil || !slices.Equal(s.Values, []float32{0, 0, 0, 0}) {
		t.Errorf("%v and error %v, want zeros", s.Values, err)
	}
	if c := s.Image().NRGBAAt(1, 1); c.A != 0 {
		t.Errorf("the overlay is %v where nothing mattered, want transparent", c)
	}
}

func TestSaliencyImage(t *testing.T) {
	s := Saliency{Height: 1, Width: 3, Values: []float32{0, 0.5, 1}}
	for x, want := range []uint8{0, 128, 255} {
		if c := s.Image().NRGBAAt(x, 0); c != (color.NRGBA{255, 122, 0, want}) {
			t.Errorf("pixel %d is %v, want orange with alpha %d", x, c, want)
		}
	}
}

func TestSaliencyErrors(t *testing.T) {
	p, _ := small(t)
	huge := smallModel()
	huge.Tensors["dense/weight"].Float32s()[0] = float32(math.Inf(1))
	broken, err := New(smallNet, huge)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		p     *Predictor
		x     []float32
		class int
		want  string
	}{
		{"few pixels", p, []float32{1}, 0, "infer: 1 values, want 4 for 1×2×2"},
		{"class below", p, []float32{1, 2, 3, 4}, -1, "infer: saliency for class -1, want 0 to 2"},
		{"class above", p, []float32{1, 2, 3, 4}, 3, "infer: saliency for class 3, want 0 to 2"},
		{"infinite weight", broken, []float32{1, 2, 3, 4}, 0, "infer: the gradient of class 0 is not finite for this image"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.p.Saliency(tt.x, tt.class); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestFeatureLayers: outputs of one row, one column or one pixel are no images.
func TestFeatureLayers(t *testing.T) {
	for name, want := range map[string]string{"mlp": "", "fcnn": "", "mlpmixer": "", "lenet5": "conv2d avgpool2d conv2d_1 avgpool2d_1"} {
		spec, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		m := untrained(t, spec.New(2), weights.Model{Input: spec.Input, Classes: []string{"a", "b"}})
		p, err := New(spec.New(2), m)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, l := range p.FeatureLayers() {
			paths = append(paths, l.Path)
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("%s: feature maps of %q, want %q", name, got, want)
		}
	}
}

// TestFeatureMapsKeepOneGraph: however many layers are asked for.
func TestFeatureMapsKeepOneGraph(t *testing.T) {
	p, x := trained(t), digits(t, 1)[0]
	for _, layer := range []string{"conv2d", "maxpool2d", "conv2d", "maxpool2d"} {
		if _, err := p.FeatureMaps(x, layer); err != nil {
			t.Fatal(err)
		}
	}
	for v, idle := range p.models.idle {
		if v.watch == "conv2d" || v.watch == "maxpool2d" && len(idle) != 1 {
			t.Errorf("%d graphs for %s are kept, want one for the last layer alone", len(idle), v.watch)
		}
	}
}

// TestFeatureMaps: those of the CNN's convolution and of its pooling, against
// plain nested loops.
func TestFeatureMaps(t *testing.T) {
	p, x := trained(t), digits(t, 1)[0]
	m, err := trainCNN()
	if err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, l := range p.FeatureLayers() {
		layers = append(layers, fmt.Sprint(l.Path, l.Output))
	}
	if got := strings.Join(layers, " "); got != "conv2d(1, 32, 26, 26) maxpool2d(1, 32, 13, 13)" {
		t.Errorf("layers with maps: %s", got)
	}
	weight, bias := m.Tensors["conv2d/weight"].Float32s(), m.Tensors["conv2d/bias"].Float32s()
	conv := func(f, h, w int) float64 {
		sum := float64(bias[f])
		for i := range 3 {
			for j := range 3 {
				sum += float64(weight[f*9+i*3+j]) * float64(x[(h+i)*28+w+j])
			}
		}
		return max(sum, 0)
	}
	pool := func(f, h, w int) float64 {
		return max(conv(f, 2*h, 2*w), conv(f, 2*h, 2*w+1), conv(f, 2*h+1, 2*w), conv(f, 2*h+1, 2*w+1))
	}
	for _, tt := range []struct {
		ask, layer string
		size       int
		want       func(f, h, w int) float64
	}{{"", "conv2d", 26, conv}, {"conv2d", "conv2d", 26, conv}, {"maxpool2d", "maxpool2d", 13, pool}} {
		got, err := p.FeatureMaps(x, tt.ask)
		if err != nil {
			t.Fatal(err)
		}
		if got.Layer != tt.layer || got.Channels != 32 || got.Height != tt.size || got.Width != tt.size || len(got.Values) != 32*tt.size*tt.size {
			t.Fatalf("%q: layer %s, %d×%d×%d with %d values", tt.ask, got.Layer, got.Channels, got.Height, got.Width, len(got.Values))
		}
		for i, v := range got.Values {
			f, h, w := i/(tt.size*tt.size), i/tt.size%tt.size, i%tt.size
			if want := tt.want(f, h, w); math.Abs(float64(v)-want) > 1e-5 {
				t.Fatalf("%q: map %d at %d,%d is %v, want %v", tt.ask, f, h, w, v, want)
			}
		}
	}
}

func TestFeatureMapsImages(t *testing.T) {
	for _, tt := range []struct {
		values []float32
		want   []uint8
	}{
		{[]float32{0, 1, 2, 4}, []uint8{0, 64, 128, 255}},
		{[]float32{2, 4, 4, 4}, []uint8{128, 255, 255, 255}},
		{[]float32{-1, 0, 1, -1}, []uint8{0, 128, 255, 0}},
		{[]float32{0, 0, 0, 0}, []uint8{0, 0, 0, 0}},
	} {
		f := FeatureMaps{Channels: 2, Height: 1, Width: 2, Values: tt.values}
		images := f.Images()
		if got := slices.Concat(images[0].Pix, images[1].Pix); len(images) != 2 || !slices.Equal(got, tt.want) {
			t.Errorf("%v gives %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestFeatureMapsErrors(t *testing.T) {
	flat, _ := small(t)
	for _, tt := range []struct {
		name  string
		p     *Predictor
		x     []float32
		layer string
		want  string
	}{
		{"few pixels", trained(t), []float32{1}, "", "infer: 1 values, want 784 for 1×28×28"},
		{"unknown layer", trained(t), digits(t, 1)[0], "dense", `infer: no feature maps of layer "dense", want one of conv2d, maxpool2d`},
		{"no such layer", flat, []float32{1, 2, 3, 4}, "", "infer: no layer of the network has feature maps: none gives images"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.p.FeatureMaps(tt.x, tt.layer); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestPicture is the way back from Pixels.
func TestPicture(t *testing.T) {
	grey, x := trained(t), digits(t, 1)[0]
	img, err := grey.Picture(x)
	if err != nil {
		t.Fatal(err)
	}
	back, err := grey.Pixels(img)
	if err != nil || !slices.Equal(back, x) {
		t.Errorf("a digit does not come back from its picture (%v)", err)
	}
	colour := Predictor{Input: [3]int{3, 1, 2}}
	img, err = colour.Picture([]float32{0, 1, 0.2, -1, 2, 0.4})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []color.NRGBA{{0, 51, 255, 255}, {255, 0, 102, 255}} {
		if got := img.At(i, 0); got != want {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
	if _, err := grey.Picture(x[1:]); err == nil || err.Error() != "infer: 783 values, want 784 for 1×28×28" {
		t.Errorf("error %v", err)
	}
}

// TestConcurrentExplanations holds that saliency, feature maps and predictions
// at one time are those one after the other, bit for bit.
func TestConcurrentExplanations(t *testing.T) {
	p, x := trained(t), digits(t, 4)
	var maps, saliency [4][]float32
	for i := range x {
		f, err := p.FeatureMaps(x[i], "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Saliency(x[i], i)
		if err != nil {
			t.Fatal(err)
		}
		maps[i], saliency[i] = f.Values, s.Values
	}
	want := predict(t, p, x)
	p = trained(t) // without graphs
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for k := range 8 {
				i := (g + k) % 4
				f, err := p.FeatureMaps(x[i], "")
				if err != nil || !slices.Equal(f.Values, maps[i]) {
					t.Errorf("maps of image %d differ (%v)", i, err)
				}
				s, err := p.Saliency(x[i], i)
				if err != nil || !slices.Equal(s.Values, saliency[i]) {
					t.Errorf("saliency of image %d differs (%v)", i, err)
				}
				got, err := p.Predict(x)
				if err != nil || !slices.Equal(got[i].Probabilities, want[i].Probabilities) {
					t.Errorf("prediction of image %d differs (%v)", i, err)
				}
			}
		})
	}
	wg.Wait()
	checkIdle(t, p)
}

// A network with an op of Gorgonia's own is explained like any other.
func TestExplainOpsOfGorgonia(t *testing.T) {
	net := graph.Sequential{graph.Activation(gorgonia.Tanh), graph.Flatten{}, graph.Dense{Units: 3}}
	p, err := New(net, smallModel())
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{0, 1, 2, 3}
	f, err := p.FeatureMaps(x, "activation")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		if d := float64(f.Values[i]) - math.Tanh(float64(v)); math.Abs(d) > 1e-6 {
			t.Errorf("value %d is %v, want tanh %v", i, f.Values[i], v)
		}
	}
	s, err := p.Saliency(x, 1) // the logit is tanh of pixel 1
	if err != nil || !slices.Equal(s.Values, []float32{0, 1, 0, 0}) {
		t.Errorf("%v and error %v, want pixel 1 alone", s.Values, err)
	}
}

func BenchmarkSaliency(b *testing.B) {
	p, x := trained(b), digits(b, 1)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Saliency(x, 7); err != nil {
			b.Fatal(err)
		}
	}
}
