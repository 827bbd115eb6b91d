package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// MLP is the multilayer perceptron with two hidden layers, of 300 and 100
// units, that LeCun et al. 1998, "Gradient-Based Learning Applied to Document
// Recognition", section III-C, compare LeNet-5 with: 266,610 parameters for
// 28×28 digits and 10 classes. Theirs have tanh for ReLU, and are 300-100 and
// 500-150 wide. Any image will do.
type MLP struct {
	Classes int
	Width   float64 // factor for the hidden units, 0.1 to 4; 0 means 1
}

// Build adds the network to s.
func (m MLP) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	return s.Apply(graph.Sequential{
		graph.Flatten{}, // (N,784)
		graph.Dense{Units: w.units(300, 1), Activation: graph.ReLU}, // (N,300)
		graph.Dense{Units: w.units(100, 1), Activation: graph.ReLU}, // (N,100)
		graph.Dense{Units: m.Classes},                               // (N,classes)
	}, x)
}
