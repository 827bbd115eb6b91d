package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// ConvNet is what LeNet-5 became in the thirty years after it, at its size:
// ReLU for tanh, max-pooling, BatchNorm (Ioffe and Szegedy 2015, "Batch
// Normalization") behind every layer but the last, and more but smaller
// filters. 61,306 parameters for 28×28 digits and 10 classes. With BatchNorm a
// bias has no effect. Images are at least 20×20.
type ConvNet struct {
	Classes int
	Width   float64 // factor for filters and hidden units, 0.1 to 4; 0 means 1
}

// Build adds the network to s.
func (m ConvNet) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	return s.Apply(graph.Sequential{
		unpadded(w.units(16, 1), 5),                                                     // (N,16,24,24)
		graph.MaxPool2D{Size: 2},                                                        // (N,16,12,12)
		unpadded(w.units(32, 1), 3),                                                     // (N,32,10,10)
		graph.MaxPool2D{Size: 2},                                                        // (N,32,5,5)
		unpadded(w.units(64, 1), 3),                                                     // (N,64,3,3)
		graph.Flatten{},                                                                 // (N,576)
		graph.Dense{Units: w.units(64, 1), NoBias: true}, graph.BatchNorm{}, graph.ReLU, // (N,64)
		graph.Dense{Units: m.Classes}, // (N,classes)
	}, x)
}
