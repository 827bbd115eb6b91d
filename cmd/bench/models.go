package main

import (
	"fmt"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// own are networks that are here to be measured only.
var own = []modelzoo.Spec{
	{Name: "conv3", Input: [3]int{1, 28, 28}, New: conv3},
}

// lookup returns a network of the zoo or of this command.
func lookup(name string) (modelzoo.Spec, error) {
	for _, s := range own {
		if s.Name == name {
			return s, nil
		}
	}
	spec, err := modelzoo.Lookup(name)
	if err != nil {
		return spec, fmt.Errorf("%w, or conv3", err)
	}
	return spec, nil
}

// conv3 has wide 3×3 convolutions, where arithmetic decides and not memory:
// 390,634 parameters for 28×28 digits and 10 classes.
func conv3(classes int) graph.Layer {
	return graph.Sequential{
		block(32),  // (N,32,14,14)
		block(64),  // (N,64,7,7)
		block(128), // (N,128,3,3)
		graph.Flatten{},
		graph.Dense{Units: 256, Activation: graph.ReLU},
		graph.Dense{Units: classes},
	}
}

// block is a convolution that keeps the size, with BatchNorm behind it, which
// makes a bias pointless, and a pooling that halves it.
func block(filters int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: filters, Kernel: 3, Padding: graph.Pad(1), NoBias: true},
		graph.BatchNorm{}, graph.ReLU, graph.MaxPool2D{Size: 2},
	}
}
