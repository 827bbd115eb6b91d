package bound

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// The goldens are PyTorch's, written by testdata/golden_bounds.py, in float64.
type golden struct {
	Margins, Lower, Upper [][]float64
	Loss                  float64
	Gradients             map[string][2]float64 // the sum of absolute values, and the sum
}

const (
	goldenEpsilon = 0.05
	goldenKappa   = 0.3
)

var (
	goldenScale  = raster.Normalisation{{Scale: 2, Shift: -0.5}, {Scale: 4, Shift: -1}}
	goldenLabels = []int{2, 0, 1}
)

// goldenNets are the networks of the script.
var goldenNets = map[string]graph.Layer{
	"a": graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Pad(1), Activation: graph.ReLU}, graph.MaxPool2D{Size: 2},
		graph.Conv2D{Filters: 3, Kernel: 3, Stride: 2, Activation: graph.LeakyReLU(0.1)},
		graph.Flatten{}, graph.Dense{Units: 5, Activation: graph.Tanh}, graph.Dense{Units: 3},
	},
	"b": graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3}, graph.BatchNorm{}, graph.ReLU,
		graph.Residual{Body: graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Pad(1)}, graph.BatchNorm{}}}, graph.ReLU,
		graph.AvgPool2D{Size: 2}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3},
	},
	"c": graph.Sequential{
		graph.Concat{graph.Conv2D{Filters: 2, Kernel: 3, Activation: graph.Sigmoid}, graph.Conv2D{Filters: 2, Kernel: 3, Activation: graph.ELU(1)}},
		graph.Conv2D{Filters: 3, Kernel: 1}, graph.GlobalAvgPool2D{},
	},
}

func goldens(t *testing.T) map[string]golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden_bounds.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]golden{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(goldenNets) {
		t.Fatalf("%d goldens, want %d", len(all), len(goldenNets))
	}
	return all
}

// setGolden gives a network of that name its parameters.
func setGolden(w *graph.Weights, name string) {
	for _, n := range w.Names() {
		p := w.Get(n)
		v := graphtest.Random(name+"/"+n, 0.5, p.Shape()...).Float64s()
		for i := range v {
			if strings.HasSuffix(n, "variance") {
				v[i]++
			}
			if p.Dtype() == tensor.Float64 {
				p.Float64s()[i] = v[i]
			} else {
				p.Float32s()[i] = float32(v[i])
			}
		}
	}
}

// goldenImages are the pixels, 0..1.
func goldenImages(name string) (images [][]float32) {
	z := graphtest.Stream(name+"/input", 3*2*8*8)
	for i := range 3 {
		x := make([]float32, 2*8*8)
		for k := range x {
			x[k] = float32(z[i*len(x)+k]>>40) * 0x1p-24
		}
		images = append(images, x)
	}
	return images
}

// twoSided is a network whose output is the lower and the upper bounds of the logits.
type twoSided struct {
	graph.Layer
	epsilon *float64
	affine  raster.Normalisation
}

func (l twoSided) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	y := s.Apply(l.Layer, x)
	s = s.Sub("bounds")
	i := From(s, x, Ball{l.epsilon, l.affine}.Of(s, x)).Of(y)
	return s.Node(op.Concat(1, s.Node(op.Combine(i.Centre, i.Radius, &one, &minus)), s.Node(op.Add(i.Centre, i.Radius))))
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

// TestGoldenBounds: bounds of the logits and the margins are PyTorch's.
func TestGoldenBounds(t *testing.T) {
	for name, want := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			epsilon, images := goldenEpsilon, goldenImages(name)
			net, err := graph.NewNetwork(twoSided{goldenNets[name], &epsilon, goldenScale}, []int{2, 8, 8}, graph.Options{Float64: true, Loss: graph.Score{}})
			if err != nil {
				t.Fatal(err)
			}
			setGolden(net.Weights, name)
			m, err := net.Model(graph.Infer, 3)
			if err != nil {
				t.Fatal(err)
			}
			setInput(m, images)
			if err := m.Run(); err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				for j := range 3 {
					near(t, "a lower bound", m.Output().Float64s()[n*6+j], want.Lower[n][j])
					near(t, "an upper bound", m.Output().Float64s()[n*6+3+j], want.Upper[n][j])
				}
			}
			v, err := newVerifier(goldenNets[name], net.Weights, [3]int{2, 8, 8}, goldenScale, graph.Options{Float64: true}, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Margins(t.Context(), images, goldenLabels, goldenEpsilon)
			if err != nil {
				t.Fatal(err)
			}
			for n, margins := range want.Margins {
				most := math.Inf(-1)
				for j, more := range margins {
					if j != goldenLabels[n] {
						most = max(most, more)
					}
				}
				near(t, "a margin", got[n], -most)
			}
		})
	}
}

// setInput writes normalised images into a model in float64.
func setInput(m *graph.Model, images [][]float32) {
	x := m.Input.Float64s()
	for _, image := range images {
		plane := len(image) / len(goldenScale)
		for i, p := range image {
			a := goldenScale[i/plane]
			x[i] = float64(p)*float64(a.Scale) + float64(a.Shift)
		}
		x = x[len(image):]
	}
}

// TestGoldenLoss: the loss and its gradients are PyTorch's. Network b has BatchNorm, which
// has no bounds in training.
func TestGoldenLoss(t *testing.T) {
	for name, want := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			loss := NewLoss(graph.CrossEntropy{}, goldenScale)
			net, err := graph.NewNetwork(goldenNets[name], []int{2, 8, 8}, graph.Options{Float64: true, Loss: loss})
			if err != nil {
				t.Fatal(err)
			}
			setGolden(net.Weights, name)
			m, err := net.Model(graph.Train, 3)
			if name == "b" {
				checkError(t, err, "no interval bounds of BatchNorm", "batchnorm", "it takes the statistics of the batch")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			setInput(m, goldenImages(name))
			for i, label := range goldenLabels {
				m.Target.Float64s()[i] = float64(label)
			}
			loss.Set(goldenEpsilon, goldenKappa)
			if err := m.Run(); err != nil {
				t.Fatal(err)
			}
			near(t, "the loss", m.Loss(), want.Loss)
			for _, p := range m.Params() {
				var size, sum float64
				for _, g := range p.Grad().Float64s() {
					size, sum = size+math.Abs(g), sum+g
				}
				near(t, "the size of the gradient of "+p.Name, size, want.Gradients[p.Name][0])
				near(t, "the sum of the gradient of "+p.Name, sum, want.Gradients[p.Name][1])
			}
		})
	}
}

func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want one with %q", err, w)
		}
	}
}
