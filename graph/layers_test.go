package graph_test

import (
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// Every layer of the package, and one written with its Scope, does what the
// rest of the module relies on.
func TestLayerConformance(t *testing.T) {
	flat := []graphtest.Bad{{Input: []int{4}, Error: "want images (N,C,H,W)"}}
	tests := map[string]graphtest.Case{
		"Conv2D": {
			Layer: graph.Conv2D{Filters: 4, Kernel: 3}, Input: []int{2, 5, 6}, Output: []int{4, 3, 4},
			Bad: append(flat, graphtest.Bad{Input: []int{2, 2, 6}, Error: "does not fit input"}),
		},
		"Conv2D/all fields": {
			Layer: graph.Conv2D{
				Filters: 4, Kernel: 3, Stride: 2, Padding: graph.Same, Dilation: 2, Groups: 2,
				Activation: graph.Tanh, NoBias: true, WeightInit: graph.HeNormal,
			},
			Input: []int{2, 6, 7}, Output: []int{4, 3, 4},
			Bad: append(flat, graphtest.Bad{Input: []int{3, 6, 7}, Error: "3 channels do not fall into 2 groups"}),
		},
		"DepthwiseConv2D": {
			Layer: graph.DepthwiseConv2D{Kernel: 3, Multiplier: 2, Padding: graph.Pad(1), BiasInit: graph.Ones},
			Input: []int{3, 4, 4}, Output: []int{6, 4, 4}, Bad: flat,
		},
		"MaxPool2D":       {Layer: graph.MaxPool2D{Size: 3, Stride: 2, Padding: graph.Same}, Input: []int{2, 5, 6}, Output: []int{2, 3, 3}, Bad: flat},
		"AvgPool2D":       {Layer: graph.AvgPool2D{Size: 3, Stride: 2, Padding: graph.PadEach(0, 1, 2, 0)}, Input: []int{2, 5, 6}, Output: []int{2, 2, 3}, Bad: flat},
		"GlobalAvgPool2D": {Layer: graph.GlobalAvgPool2D{}, Input: []int{2, 3, 5}, Output: []int{2}, Bad: flat},
		"BlurPool2D": {
			Layer: graph.BlurPool2D{Padding: graph.Pad(1)}, Input: []int{2, 5, 6}, Output: []int{2, 3, 3},
			Bad: flat,
		},
		"LiftConv2D": {
			Layer: graph.LiftConv2D{Filters: 2, Kernel: 3}, Input: []int{2, 5, 6}, Output: []int{8, 3, 4},
			Bad: append(flat, graphtest.Bad{Input: []int{2, 2, 6}, Error: "does not fit input"}),
		},
		"LiftConv2D/all fields": {
			Layer: graph.LiftConv2D{
				Filters: 2, Kernel: 4, Rotations: 8, Padding: graph.Pad(1), Activation: graph.Tanh,
				WeightInit: graph.GlorotUniform, BiasInit: graph.Ones,
			},
			Input: []int{2, 5, 6}, Output: []int{16, 4, 5}, Bad: flat,
		},
		"GroupConv2D": {
			Layer: graph.GroupConv2D{Filters: 2, Kernel: 3, NoBias: true}, Input: []int{8, 5, 6}, Output: []int{8, 3, 4},
			Bad: append(flat, graphtest.Bad{Input: []int{6, 5, 6}, Error: "6 channels do not fall into fields of 4 rotations"}),
		},
		"GroupConv2D/finer": {
			Layer: graph.GroupConv2D{Filters: 1, Kernel: 3, Rotations: 8, Padding: graph.Same}, Input: []int{16, 4, 4}, Output: []int{8, 4, 4},
			Bad: append(flat, graphtest.Bad{Input: []int{12, 4, 4}, Error: "12 channels do not fall into fields of 8 rotations"}),
		},
		"GroupBatchNorm": {
			Layer: graph.GroupBatchNorm{Momentum: 0.5, Epsilon: 0.1}, Input: []int{8, 3, 2}, Output: []int{8, 3, 2},
			Bad: append(flat, graphtest.Bad{Input: []int{6, 3, 2}, Error: "6 channels do not fall into fields of 4 rotations"}),
		},
		"GroupMaxPool": {
			Layer: graph.GroupMaxPool{}, Input: []int{8, 3, 2}, Output: []int{2, 3, 2},
			Bad: append(flat, graphtest.Bad{Input: []int{6, 3, 2}, Error: "6 channels do not fall into fields of 4 rotations"}),
		},
		"Dense":          {Layer: graph.Dense{Units: 3, Activation: graph.Sigmoid}, Input: []int{4}, Output: []int{3}},
		"Dense/sequence": {Layer: graph.Dense{Units: 3, NoBias: true}, Input: []int{5, 4}, Output: []int{5, 3}},
		"Flatten":        {Layer: graph.Flatten{}, Input: []int{2, 3, 4}, Output: []int{24}},
		"Patches": {
			Layer: graph.Patches{Size: 2}, Input: []int{3, 4, 6}, Output: []int{6, 12},
			Bad: []graphtest.Bad{{Input: []int{3, 5, 6}, Error: "does not fall into blocks of 2x2"}},
		},
		"LayerNorm":          {Layer: graph.LayerNorm{}, Input: []int{4}, Output: []int{4}},
		"LayerNorm/sequence": {Layer: graph.LayerNorm{Epsilon: 0.1}, Input: []int{3, 4}, Output: []int{3, 4}},
		"Transpose":          {Layer: graph.Transpose{}, Input: []int{3, 4}, Output: []int{4, 3}, Bad: []graphtest.Bad{{Input: []int{3}, Error: "want (N,A,B)"}}},
		"PadChannels": {
			Layer: graph.PadChannels{Channels: 3}, Input: []int{2, 2, 3}, Output: []int{3, 2, 3},
			Bad: []graphtest.Bad{{Input: []int{4, 2, 3}, Error: "want (N,C,H,W) and at least C"}},
		},
		"BatchNorm": {
			Layer: graph.BatchNorm{}, Input: []int{2, 3, 3}, Output: []int{2, 3, 3},
			Bad: []graphtest.Bad{{Input: []int{2, 3}, Error: "want (N,C,H,W) or (N,C)"}},
		},
		"BatchNorm/vector": {Layer: graph.BatchNorm{Momentum: 0.5, Epsilon: 0.1}, Input: []int{4}, Output: []int{4}},
		"Dropout":          {Layer: graph.Dropout{Rate: 0.4}, Input: []int{3, 7}, Output: []int{3, 7}},
		"Sequential": {
			Layer: graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 2, Activation: graph.SiLU}, graph.Flatten{}, graph.Dense{Units: 2}},
			Input: []int{1, 4, 4}, Output: []int{2}, Bad: flat,
		},
		"Sequential/empty": {Layer: graph.Sequential{}, Input: []int{3}, Output: []int{3}},
		"Residual": {
			Layer: graph.Residual{Body: graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.Same}, graph.BatchNorm{}}},
			Input: []int{2, 4, 4}, Output: []int{2, 4, 4},
			Bad: []graphtest.Bad{{Input: []int{3, 4, 4}, Error: "want one shape"}},
		},
		"Residual/shortcut": {Layer: graph.Residual{Body: graph.Dense{Units: 3}, Shortcut: graph.Dense{Units: 3}}, Input: []int{4}, Output: []int{3}},
		"Concat": {
			Layer: graph.Concat{graph.Conv2D{Filters: 3, Kernel: 1}, graph.AvgPool2D{Size: 3, Stride: 1, Padding: graph.Same}},
			Input: []int{2, 4, 4}, Output: []int{5, 4, 4}, Bad: flat,
		},
		"LayerFunc": {
			Layer: layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				return s.Sub("twice").Node(op.Add(x, x))
			}),
			Input: []int{3}, Output: []int{3},
		},
		"squeezeExcite": {
			Layer: squeezeExcite{Reduce: 2}, Input: []int{4, 3, 3}, Output: []int{4, 3, 3},
			Bad: []graphtest.Bad{{Input: []int{3, 3, 3}, Error: "want a divisor of 3 channels"}},
		},
	}
	for name, a := range map[string]graph.Activation{
		"ReLU": graph.ReLU, "ReLU6": graph.ReLU6, "LeakyReLU": graph.LeakyReLU(0.1), "ELU": graph.ELU(1.5), "GELU": graph.GELU, "SiLU": graph.SiLU,
		"Sigmoid": graph.Sigmoid, "Tanh": graph.Tanh, "SoftMax": graph.SoftMax,
	} {
		tests[name] = graphtest.Case{Layer: a, Input: []int{2, 5}, Output: []int{2, 5}}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { graphtest.Layer(t, tt) })
	}
}
