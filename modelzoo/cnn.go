package modelzoo

import "tapenet/graph"

// CNN is the classic small network for 28×28 digits: Conv2D, MaxPooling2D,
// Flatten, Dense, Dense, as Keras's introductory example has it. For 10 classes
// it has 693,962 parameters. Shapes are for 28×28; any image of at least 4×4
// will do.
func CNN(classes int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, // (N,32,26,26)
		graph.MaxPool2D{Size: 2},                                     // (N,32,13,13)
		graph.Flatten{},                                              // (N,5408)
		graph.Dense{Units: 128, Activation: graph.ReLU},              // (N,128)
		graph.Dense{Units: classes},                                  // (N,classes)
	}
}
