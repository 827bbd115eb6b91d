package graph_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/op"
)

// lanedNets have all kinds of ops that sum over samples, draw random numbers, or hand
// samples on.
var lanedNets = []struct {
	name  string
	input []int
	layer graph.Layer
}{
	{"dense", []int{7}, graph.Sequential{graph.Dense{Units: 40, Activation: graph.ReLU}, graph.Dense{Units: 5, NoBias: true}, graph.Dense{Units: 3}}},
	{"large dense", []int{300}, graph.Sequential{graph.Dense{Units: 130, Activation: graph.ReLU}, graph.Dense{Units: 3}}},
	{"normalised rows", []int{9}, graph.Sequential{graph.Dense{Units: 16}, graph.BatchNorm{}, graph.ReLU, graph.LayerNorm{}, graph.Dense{Units: 3}}},
	{"dropout", []int{1, 4, 4}, graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Padding: graph.Same}, graph.BatchNorm{}, graph.ReLU,
		graph.Flatten{}, graph.Dropout{Rate: 0.3}, graph.Dense{Units: 3},
	}},
	{"dropout of images", []int{3, 6, 6}, graph.Sequential{
		graph.Conv2D{Filters: 16, Kernel: 3}, graph.Dropout{Rate: 0.5}, graph.Conv2D{Filters: 8, Kernel: 3}, graph.Flatten{}, graph.Dense{Units: 3},
	}},
	{"planar", []int{1, 28, 28}, graph.Sequential{
		graph.Conv2D{Filters: 6, Kernel: 5, Padding: graph.Same, Activation: graph.Tanh}, graph.AvgPool2D{Size: 2},
		graph.Conv2D{Filters: 16, Kernel: 5, Activation: graph.Tanh}, graph.AvgPool2D{Size: 2}, graph.Flatten{}, graph.Dense{Units: 3},
	}},
	{"residual", []int{3, 12, 12}, graph.Sequential{
		graph.Conv2D{Filters: 16, Kernel: 3, Padding: graph.Same}, graph.BatchNorm{}, graph.ReLU,
		graph.Residual{Body: graph.Sequential{
			graph.Conv2D{Filters: 16, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}, graph.ReLU,
			graph.Conv2D{Filters: 16, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{},
		}}, graph.ReLU,
		graph.GlobalAvgPool2D{}, graph.Dense{Units: 3},
	}},
	{"depthwise", []int{8, 10, 10}, graph.Sequential{
		graph.Conv2D{Filters: 16, Kernel: 1, NoBias: true}, graph.BatchNorm{}, graph.ReLU6,
		graph.DepthwiseConv2D{Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}, graph.ReLU6,
		graph.Conv2D{Filters: 8, Kernel: 1, NoBias: true}, graph.BatchNorm{}, graph.MaxPool2D{Size: 2}, graph.Flatten{}, graph.Dense{Units: 3},
	}},
	{"winograd for some lanes", []int{16, 16, 16}, graph.Sequential{ // 512 pixels are those of two images
		graph.Conv2D{Filters: 16, Kernel: 3, Padding: graph.Same}, graph.ReLU, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3},
	}},
	{"gathered", []int{128, 4, 4}, graph.Sequential{
		graph.Conv2D{Filters: 128, Kernel: 3, Padding: graph.Same}, graph.BatchNorm{}, graph.ReLU, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3},
	}},
	{"patches", []int{3, 8, 8}, graph.Sequential{
		graph.Patches{Size: 4}, graph.Dense{Units: 6}, graph.LayerNorm{}, shift{}, graph.Dense{Units: 4}, graph.Flatten{}, graph.Dense{Units: 3},
	}},
	{"gate", []int{8, 6, 6}, graph.Sequential{graph.Conv2D{Filters: 8, Kernel: 3}, gate{}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 3}}},
}

// shift adds a parameter to each sample, one number for each place.
type shift struct{}

func (shift) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("shift")
	return s.Node(op.Shift(x, s.Param("places", graph.GlorotUniform, x.Shape()[1:]...)))
}

// gate multiplies channels by what their means say, and by a parameter.
type gate struct{}

func (gate) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("gate")
	n, c := x.Shape()[0], x.Shape()[1]
	means := s.Apply(graph.Sequential{graph.GlobalAvgPool2D{}, graph.Dense{Units: c, Activation: graph.Sigmoid}}, x)
	y := s.Node(op.Scale(x, s.Node(op.Reshape(means, n, c, 1, 1))))
	return s.Node(op.Scale(y, s.Param("factors", graph.Ones, c, 1, 1)))
}

// TestLanes: networks run in lanes with the bits of lane by lane: on every tier, with one
// and with two processors, fused or not, in single and double precision.
func TestLanes(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for i, c := range lanedNets {
			for k, sizes := range [][]int{{4, 4}, {1, 2, 1}, {3, 2, 3, 2, 2}, {1, 2, 3, 4, 4, 3, 2, 1}} {
				for _, o := range []graph.Options{{}, {NoFusion: true}, {Float64: true}} {
					if o != (graph.Options{}) && (i+k)%3 > 0 {
						continue
					}
					o.Seed, o.Loss = 5, graph.CrossEntropy{Sum: true}
					t.Run(fmt.Sprint(c.name, sizes, o.NoFusion, o.Float64), func(t *testing.T) {
						defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1 + (i+k)%2))
						net, err := graph.NewNetwork(c.layer, c.input, o)
						if err != nil {
							t.Fatal(err)
						}
						if err := graphtest.Lanes(net, sizes); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
	})
}

// TestLanesRefused: what cannot run in lanes is refused, with the op's name and the
// reason.
func TestLanesRefused(t *testing.T) {
	layer := func(build func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node) graph.Layer {
		return graph.Sequential{graph.LayerFunc(build), graph.Dense{Units: 3}}
	}
	for _, c := range []struct {
		name  string
		layer graph.Layer
		sizes []int
		want  string
	}{
		{"samples turned", layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			n := x.Shape()[0]
			return s.Node(op.Reshape(s.Node(op.Transpose(s.Node(op.Reshape(x, 1, n, 6)))), n, 6))
		}), []int{2, 2}, "Transpose: it does not keep samples apart"},
		{"samples rolled", layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Node(op.Roll(x, 1, 0))
		}), []int{2, 2}, "Roll"},
		{"a parameter's curve", layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Node(op.Shift(x, s.Node(op.Tanh(s.Sub("p").Param("p", graph.Ones, 6)))))
		}), []int{2, 2}, "TanhGrad: it is the gradient of what has no samples"},
		{"another package's op", layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Op(&double{}, x)
		}), []int{2, 2}, "ops of other packages"},
		{"an empty lane", graph.Dense{Units: 3}, []int{2, 0}, "want positive numbers"},
		{"no lanes", graph.Dense{Units: 3}, nil, "no lanes"},
	} {
		net, err := graph.NewNetwork(c.layer, []int{6}, graph.Options{Loss: graph.CrossEntropy{Sum: true}})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, err = net.Lanes(c.sizes)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, graph.ErrLanes) == strings.Contains(c.name, "lane") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
