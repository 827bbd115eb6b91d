package modelzoo_test

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
)

var update = flag.Bool("update", false, "write the golden summaries")

func TestSpecs(t *testing.T) {
	params := map[string]int{ // as PyTorch counts them, see golden_zoo.json
		"cnn": 693_962, "fcnn": 688_114, "lenet5": 61_706, "mlp": 266_610, "convnet": 61_306, "stridednet": 893_418,
		"simplecnn": 1_128_180, "simplecnn-m3": 1_124_180, "simplecnn-m7": 2_291_972, "smallcnn": 312_202,
		"vgg11": 9_228_362, "resnet20": 269_722, "mobilenetv2": 2_236_682, "mlpmixer": 569_994,
		"p4cnn": 24_620, "e2cnn": 106_318,
	}
	for _, s := range modelzoo.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			m, err := graph.Build(s.New(10), graph.Infer, 3, s.Input[0], s.Input[1], s.Input[2])
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(m.OutputShape()); got != "(3, 10)" {
				t.Errorf("output is %s, want (3, 10)", got)
			}
			if got, want := parameters(m), params[s.Name]; got != want {
				t.Errorf("%d parameters, want %d", got, want)
			}
			graphtest.Golden(t, *update, "summary_"+s.Name+".txt", m.Summary())
			if s.Doc == "" || s.Reference == "" || strings.Contains(s.Doc+s.Reference, "\n") {
				t.Errorf("doc %q and reference %q, want one line each", s.Doc, s.Reference)
			}
			found, err := modelzoo.Lookup(s.Name)
			if err != nil || found.Doc != s.Doc {
				t.Errorf("Lookup: %v, %v", found, err)
			}
		})
	}
}

func TestLookupUnknown(t *testing.T) {
	_, err := modelzoo.Lookup("resnet9000")
	want := `modelzoo: no model "resnet9000", want one of cnn, fcnn, lenet5, mlp, convnet, stridednet, ` +
		`simplecnn, simplecnn-m3, simplecnn-m7, smallcnn, p4cnn, e2cnn, vgg11, resnet20, mobilenetv2, mlpmixer`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A width may follow the name of a network that has one; golden_zoo.json holds
// what comes of it.
func TestLookupWidth(t *testing.T) {
	s, err := modelzoo.Lookup("mobilenetv2-0.5")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "mobilenetv2-0.5" || !strings.HasSuffix(s.Doc, ", width 0.5") {
		t.Errorf("got the name %q and the doc %q", s.Name, s.Doc)
	}
	count := func(l graph.Layer) int {
		m, err := graph.Build(l, graph.Infer, 1, 1, 28, 28)
		if err != nil {
			t.Fatal(err)
		}
		return parameters(m)
	}
	for _, s := range modelzoo.Specs() {
		if s.Scaled == nil {
			continue
		}
		narrow, paper, wide := count(s.Scaled(10, 0.5)), count(s.New(10)), count(s.Scaled(10, 2))
		if count(s.Scaled(10, 1)) != paper || narrow >= paper || paper >= wide {
			t.Errorf("%s: %d, %d and %d parameters at half, the paper's and double width", s.Name, narrow, paper, wide)
		}
	}
	for name, want := range map[string]string{
		"cnn-2": `no model "cnn-2"`, "mlp-x": `no model "mlp-x"`, "mlp-0": `no model "mlp-0"`, "mlp--1": `no model "mlp--1"`, "mlp-nan": `no model "mlp-nan"`,
	} {
		if _, err := modelzoo.Lookup(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Lookup(%q): got %v, want %s", name, err, want)
		}
	}
}

func parameters(m *graph.Model) int {
	n := 0
	for _, l := range m.Layers() {
		n += l.Params
	}
	return n
}

// An image that does not fit is an error that names the layer, and so are a
// width and a number of classes.
func TestImageDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		name  string
		layer graph.Layer
		side  int
		want  string
	}{
		{"simplecnn", modelzoo.SimpleCNNM5(10), 20, "graph: conv2d_4: Conv2d: kernel 5x5 does not fit input (1, 128, 4, 4)"},
		{"simplecnn-m3", modelzoo.SimpleCNNM3(10), 20, "graph: conv2d_9: Conv2d: kernel 3x3 does not fit input (1, 160, 2, 2)"},
		{"simplecnn-m7", modelzoo.SimpleCNNM7(10), 24, "graph: conv2d_3: Conv2d: kernel 7x7 does not fit input (1, 144, 6, 6)"},
		{"mlpmixer", modelzoo.MLPMixer{Classes: 10}, 30, "graph: patches: Patches: input (1, 1, 30, 30) does not fall into blocks of 4x4"},
		{"no classes", modelzoo.MLP{}, 28, "graph: dense_2: units is 0, want a positive number"},
		{"wide", modelzoo.MLP{Classes: 10, Width: 4.1}, 28, "graph: width 4.1, want 0.1 to 4, or 0 for 1"},
		{"narrow", modelzoo.MobileNetV2{Classes: 10, Width: 0.05}, 28, "graph: width 0.05, want"},
		{"negative width", modelzoo.MLPMixer{Classes: 10, Width: -1}, 28, "graph: width -1, want"},
		{"not a width", modelzoo.MLPMixer{Classes: 10, Width: math.NaN()}, 28, "graph: width NaN, want"},
		{"cnn", modelzoo.CNN(10), 2, "graph: conv2d: Conv2d: kernel 3x3 does not fit input (1, 1, 2, 2)"},
		{"fcnn", modelzoo.FCNN(10), 30, "graph: patches: Patches: input (1, 1, 30, 30) does not fall into blocks of 7x7"},
		{"p4cnn", modelzoo.P4CNN(10), 27, "graph: groupconv2d_5: Conv2d: kernel 4x4 does not fit input (1, 40, 3, 3)"},
		{"e2cnn", modelzoo.E2CNN{Classes: 10}, 23, "graph: groupconv2d_4: Conv2d: kernel 5x5 does not fit input (1, 128, 4, 4)"},
		{"lenet5", modelzoo.LeNet5(10), 8, "graph: conv2d_1: Conv2d: kernel 5x5 does not fit input (1, 6, 4, 4)"},
	} {
		_, err := graph.Build(c.layer, graph.Infer, 1, 1, c.side, c.side)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// The smallest images that fit, where a network takes any.
func TestSmallestImage(t *testing.T) {
	for name, side := range map[string]int{
		"cnn": 4, "fcnn": 7, "lenet5": 12, "mlp": 1, "convnet": 20, "stridednet": 16, "simplecnn": 21, "simplecnn-m3": 21, "simplecnn-m7": 25, "smallcnn": 16,
		"p4cnn": 28, "e2cnn": 24, "vgg11": 1, "resnet20": 1, "mobilenetv2": 1, "mlpmixer": 4,
	} {
		s, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graph.Build(s.New(10), graph.Train, 2, 2, side, side); err != nil {
			t.Errorf("%s refuses two channels of %d×%[2]d: %v", name, side, err)
		}
		if _, err := graph.Build(s.New(10), graph.Infer, 2, side*side); name != "mlp" && (err == nil || !strings.Contains(err.Error(), "(N,C,H,W)")) {
			t.Errorf("%s, a vector: got %v, want an error that wants images", name, err)
		}
	}
}

func ExampleCNN() {
	m, err := graph.Build(modelzoo.CNN(10), graph.Infer, 1, 1, 28, 28)
	if err != nil {
		panic(err)
	}
	fmt.Print(m.Summary())
	// Output:
	// layer      output           parameters  multiply-adds per sample
	// input      (1, 1, 28, 28)   0           0
	// conv2d     (1, 32, 26, 26)  320         194,688
	// maxpool2d  (1, 32, 13, 13)  0           0
	// flatten    (1, 5408)        0           0
	// dense      (1, 128)         692,352     692,224
	// dense_1    (1, 10)          1,290       1,280
	// total                       693,962     888,192
	// maxpool2d runs as Conv2d+ReLU+MaxPool2D
	// dense runs as Mul+ReLU
}

func ExampleFCNN() {
	m, err := graph.Build(modelzoo.FCNN(10), graph.Infer, 1, 1, 28, 28)
	if err != nil {
		panic(err)
	}
	fmt.Print(m.Summary())
	// Output:
	// layer    output          parameters  multiply-adds per sample
	// input    (1, 1, 28, 28)  0           0
	// patches  (1, 16, 49)     0           0
	// dense    (1, 16, 256)    12,800      200,704
	// dense_1  (1, 16, 128)    32,896      524,288
	// flatten  (1, 2048)       0           0
	// dense_2  (1, 312)        639,288     638,976
	// dense_3  (1, 10)         3,130       3,120
	// total                    688,114     1,367,088
	// dense runs as Mul+ReLU
	// dense_1 runs as Mul+ReLU
	// dense_2 runs as Mul+ReLU
}

func ExampleLeNet5() {
	m, err := graph.Build(modelzoo.LeNet5(10), graph.Infer, 1, 1, 28, 28)
	if err != nil {
		panic(err)
	}
	fmt.Print(m.Summary())
	// Output:
	// layer        output           parameters  multiply-adds per sample
	// input        (1, 1, 28, 28)   0           0
	// conv2d       (1, 6, 28, 28)   156         117,600
	// avgpool2d    (1, 6, 14, 14)   0           0
	// conv2d_1     (1, 16, 10, 10)  2,416       240,000
	// avgpool2d_1  (1, 16, 5, 5)    0           0
	// flatten      (1, 400)         0           0
	// dense        (1, 120)         48,120      48,000
	// dense_1      (1, 84)          10,164      10,080
	// dense_2      (1, 10)          850         840
	// total                         61,706      416,520
	// avgpool2d runs as Conv2d+Tanh+AvgPool2D
	// conv2d_1 runs as Conv2d+Tanh
	// dense runs as Mul+Tanh
	// dense_1 runs as Mul+Tanh
}

// A digit and its quarter turns have the same logits.
func ExampleP4CNN() {
	m, err := graph.Build(modelzoo.P4CNN(10), graph.Infer, 2, 1, 28, 28)
	if err != nil {
		panic(err)
	}
	x := m.Input.Float32s()
	for i := 5; i < 23; i++ {
		x[i*28+12], x[784+15*28+i] = 1, 1 // a one that stands, and lies a quarter turn further
	}
	if err := m.Run(); err != nil {
		panic(err)
	}
	y, apart := m.Output().Float32s(), 0.0
	for i := range 10 {
		apart = max(apart, math.Abs(float64(y[i]-y[10+i])))
	}
	fmt.Println(apart < 1e-5)
	// Output: true
}

// Nearly the same are those of eighth turns; its width can be scaled.
func ExampleE2CNN() {
	for _, width := range []float64{0.5, 1} {
		m, err := graph.Build(modelzoo.E2CNN{Classes: 10, Width: width}, graph.Infer, 1, 1, 28, 28)
		if err != nil {
			panic(err)
		}
		parameters := 0
		for _, p := range m.Params() {
			parameters += p.Value.Size()
		}
		fmt.Println(width, parameters, m.OutputShape())
	}
	// Output:
	// 0.5 26860 (1, 10)
	// 1 106318 (1, 10)
}

func ExampleLookup() {
	spec, err := modelzoo.Lookup("lenet5")
	if err != nil {
		panic(err)
	}
	fmt.Println(spec.Name, spec.Input, spec.Reference)
	// Output: lenet5 [1 28 28] LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition
}

// A network that can be scaled is a struct with a Width.
func ExampleMobileNetV2() {
	for _, width := range []float64{0.5, 1, 1.4} {
		m, err := graph.Build(modelzoo.MobileNetV2{Classes: 10, Width: width}, graph.Infer, 1, 3, 32, 32)
		if err != nil {
			panic(err)
		}
		parameters := 0
		for _, p := range m.Params() {
			parameters += p.Value.Size()
		}
		fmt.Println(width, parameters, m.OutputShape())
	}
	// Output:
	// 0.5 700490 (1, 10)
	// 1 2236682 (1, 10)
	// 1.4 4333706 (1, 10)
}
