package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// E2CNN is the network for rotated digits of Weiler and Cesa 2019, "General
// E(2)-Equivariant Steerable CNNs" (its appendix's table of six convolutions), for the
// group of shifts and eighth turns, with as many fields as keep about the parameters
// of the paper's plain network. Filters are sums of circular harmonics. Pooling is
// antialiased (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"), as in
// the authors' examples, so that it bears eighth turns too.
//
// A digit that is turned by a quarter turn has the same logits, one that is turned by
// an eighth nearly the same. 106,318 parameters for 28×28 digits and 10 classes. Images
// are at least 24×24; sides that are no multiples of 4 cost equivariance.
type E2CNN struct {
	Classes int
	Width   float64 // factor for the fields and the hidden units, 0.1 to 4; 0 means 1
}

// eighths is the number of rotations of E2CNN's group.
const eighths = 8

// Build adds the network to s.
func (m E2CNN) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	return s.Apply(graph.Sequential{
		graph.LiftConv2D{Filters: w.units(6, 1), Kernel: 7, Rotations: eighths, Padding: graph.Pad(1), NoBias: true}, // (N,6·8,24,24)
		graph.GroupBatchNorm{Rotations: eighths}, graph.ReLU,
		steered(w.units(8, 1), 2),                        // (N,8·8,24,24)
		antialiased,                                      // (N,8·8,12,12)
		steered(w.units(12, 1), 2),                       // (N,12·8,12,12)
		steered(w.units(12, 1), 2),                       // (N,12·8,12,12)
		antialiased,                                      // (N,12·8,6,6)
		steered(w.units(16, 1), 2),                       // (N,16·8,6,6)
		steered(w.units(24, 1), 0),                       // (N,24·8,2,2)
		graph.GroupMaxPool{Rotations: eighths},           // (N,24,2,2)
		graph.GlobalAvgPool2D{},                          // (N,24)
		graph.Dense{Units: w.units(64, 1), NoBias: true}, // (N,64)
		graph.BatchNorm{}, graph.ReLU,
		graph.Dense{Units: m.Classes}, // (N,classes)
	}, x)
}

// steered is a convolution of 5×5 pixels with BatchNorm, on shifts and eighth turns.
func steered(filters, padding int) graph.Layer {
	return graph.Sequential{
		graph.GroupConv2D{Filters: filters, Kernel: 5, Rotations: eighths, Padding: graph.Pad(padding), NoBias: true},
		graph.GroupBatchNorm{Rotations: eighths},
		graph.ReLU,
	}
}

// antialiased halves height and width.
var antialiased = graph.Sequential{graph.MaxPool2D{Size: 2, Stride: 1}, graph.BlurPool2D{Padding: graph.Pad(1)}}
