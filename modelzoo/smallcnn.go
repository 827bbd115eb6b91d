package modelzoo

import "tapenet/graph"

// SmallCNN is the network that Carlini and Wagner 2017, "Towards Evaluating the
// Robustness of Neural Networks", attack on MNIST, and that Zhang et al. 2019,
// "Theoretically Principled Trade-off between Robustness and Accuracy", make robust:
// 312,202 parameters for 28×28 digits and 10 classes. Both have Dropout of a half behind
// the first dense layer, which a training of a few hours is better without. Images are
// at least 16×16.
func SmallCNN(classes int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, // (N,32,26,26)
		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, // (N,32,24,24)
		graph.MaxPool2D{Size: 2},                                     // (N,32,12,12)
		graph.Conv2D{Filters: 64, Kernel: 3, Activation: graph.ReLU}, // (N,64,10,10)
		graph.Conv2D{Filters: 64, Kernel: 3, Activation: graph.ReLU}, // (N,64,8,8)
		graph.MaxPool2D{Size: 2},                                     // (N,64,4,4)
		graph.Flatten{},                                              // (N,1024)
		graph.Dense{Units: 200, Activation: graph.ReLU},              // (N,200)
		graph.Dense{Units: 200, Activation: graph.ReLU},              // (N,200)
		graph.Dense{Units: classes},                                  // (N,classes)
	}
}
