package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// StridedNet is the medium network of Gowal et al. 2018, "On the Effectiveness of Interval
// Bound Propagation for Training Verifiably Robust Models": convolutions, some of which
// skip pixels, and no pooling, as the bounds of a maximum are wider than those of a sum.
// 893,418 parameters for 28×28 digits and 10 classes. Images are at least 16×16.
type StridedNet struct {
	Classes int
	Width   float64 // factor for filters and hidden units, 0.1 to 4; 0 means 1
}

// Build adds the network to s.
func (m StridedNet) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	return s.Apply(graph.Sequential{
		graph.Conv2D{Filters: w.units(32, 1), Kernel: 3, Activation: graph.ReLU},            // (N,32,26,26)
		graph.Conv2D{Filters: w.units(32, 1), Kernel: 4, Stride: 2, Activation: graph.ReLU}, // (N,32,12,12)
		graph.Conv2D{Filters: w.units(64, 1), Kernel: 3, Activation: graph.ReLU},            // (N,64,10,10)
		graph.Conv2D{Filters: w.units(64, 1), Kernel: 4, Stride: 2, Activation: graph.ReLU}, // (N,64,4,4)
		graph.Flatten{}, // (N,1024)
		graph.Dense{Units: w.units(512, 1), Activation: graph.ReLU}, // (N,512)
		graph.Dense{Units: w.units(512, 1), Activation: graph.ReLU}, // (N,512)
		graph.Dense{Units: m.Classes},                               // (N,classes)
	}, x)
}
