package modelzoo_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/modelzoo"
)

func TestSpecs(t *testing.T) {
	params := map[string]int{"cnn": 693_962, "fcnn": 688_114, "lenet5": 61_706}
	for _, s := range modelzoo.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			m, err := graph.Build(s.New(10), graph.Infer, 3, s.Input[0], s.Input[1], s.Input[2])
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(m.OutputShape()); got != "(3, 10)" {
				t.Errorf("output is %s, want (3, 10)", got)
			}
			got := 0
			for _, l := range m.Layers() {
				got += l.Params
			}
			if want := params[s.Name]; got != want {
				t.Errorf("%d parameters, want %d", got, want)
			}
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
	want := `modelzoo: no model "resnet9000", want one of cnn, fcnn, lenet5`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// An image that does not fit is an error that names the layer.
func TestImageDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		name  string
		layer graph.Layer
		side  int
		want  string
	}{
		{"cnn", modelzoo.CNN(10), 2, "graph: conv2d: Conv2d: kernel 3x3 does not fit input (1, 1, 2, 2)"},
		{"fcnn", modelzoo.FCNN(10), 30, "graph: patches: Patches: input (1, 1, 30, 30) does not fall into blocks of 7x7"},
		{"lenet5", modelzoo.LeNet5(10), 8, "graph: conv2d_1: Conv2d: kernel 5x5 does not fit input (1, 6, 4, 4)"},
	} {
		_, err := graph.Build(c.layer, graph.Infer, 1, 1, c.side, c.side)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// Fusion changes how a network is computed, not what: loss, logits and every
// gradient are the same, up to rounding.
func TestFusionChangesNothing(t *testing.T) {
	for _, s := range modelzoo.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			var w graph.Weights
			fused, plain := trainOnce(t, s, graph.Options{Weights: &w}), trainOnce(t, s, graph.Options{Weights: &w, NoFusion: true})
			for name, want := range plain {
				got, scale := fused[name], 1e-30
				for _, v := range want {
					scale = max(scale, math.Abs(float64(v)))
				}
				for i := range want {
					if d := math.Abs(float64(got[i]-want[i])) / scale; !(d <= 1e-5) {
						t.Fatalf("%s[%d] is %v fused, %v otherwise", name, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// trainOnce returns the results of a training run on made-up digits.
func trainOnce(t *testing.T, s modelzoo.Spec, o graph.Options) map[string][]float32 {
	t.Helper()
	m, err := o.Build(s.New(10), graph.Train, 8, s.Input[0], s.Input[1], s.Input[2])
	if err != nil {
		t.Fatal(err)
	}
	runGolden(t, m, 0)
	results := map[string][]float32{"logits": m.Output().Float32s(), "loss": {float32(m.Loss())}}
	for _, p := range m.Params() {
		results["gradient of "+p.Name] = p.Grad().Float32s()
	}
	return results
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
}

func ExampleLookup() {
	spec, err := modelzoo.Lookup("lenet5")
	if err != nil {
		panic(err)
	}
	fmt.Println(spec.Name, spec.Input, spec.Reference)
	// Output: lenet5 [1 28 28] LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition
}
