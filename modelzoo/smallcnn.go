package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// SmallCNN is the network that Carlini and Wagner 2017, "Towards Evaluating the
// Robustness of Neural Networks", attack on MNIST, and that Zhang et al. 2019,
// "Theoretically Principled Trade-off between Robustness and Accuracy", make robust:
// 312,202 parameters for 28×28 digits and 10 classes. Both have Dropout of a half behind
// the first dense layer, which a training of a few hours does without. Images are at
// least 16×16.
type SmallCNN struct {
	Classes int
	Width   float64 // factor for filters and hidden units, 0.1 to 4; 0 means 1
}

// Build adds the network to s.
func (m SmallCNN) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	narrow := graph.Conv2D{Filters: w.units(32, 1), Kernel: 3, Activation: graph.ReLU}
	wide := graph.Conv2D{Filters: w.units(64, 1), Kernel: 3, Activation: graph.ReLU}
	hidden := graph.Dense{Units: w.units(200, 1), Activation: graph.ReLU}
	return s.Apply(graph.Sequential{
		narrow, narrow, // (N,32,26,26), (N,32,24,24)
		graph.MaxPool2D{Size: 2}, // (N,32,12,12)
		wide, wide,               // (N,64,10,10), (N,64,8,8)
		graph.MaxPool2D{Size: 2}, // (N,64,4,4)
		graph.Flatten{},          // (N,1024)
		hidden, hidden,           // (N,200)
		graph.Dense{Units: m.Classes}, // (N,classes)
	}, x)
}
