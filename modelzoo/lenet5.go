package modelzoo

import "tapenet/graph"

// LeNet5 is the network of LeCun et al. 1998, "Gradient-Based Learning Applied
// to Document Recognition", in the form in which it is taught today: 61,706
// parameters for 28×28 digits and 10 classes. The paper's own differs in three
// places: it pools with a trained weight, its second convolution skips some
// pairs of channels, and it ends in radial basis functions. The paper's images
// are 32×32; here 28×28 ones are padded by 2.
func LeNet5(classes int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 6, Kernel: 5, Padding: graph.Pad(2), Activation: graph.Tanh}, // C1 (N,6,28,28)
		graph.AvgPool2D{Size: 2},                                     // S2 (N,6,14,14)
		graph.Conv2D{Filters: 16, Kernel: 5, Activation: graph.Tanh}, // C3 (N,16,10,10)
		graph.AvgPool2D{Size: 2},                                     // S4 (N,16,5,5)
		graph.Flatten{},                                              // (N,400)
		graph.Dense{Units: 120, Activation: graph.Tanh},              // C5 (N,120)
		graph.Dense{Units: 84, Activation: graph.Tanh},               // F6 (N,84)
		graph.Dense{Units: classes},                                  // (N,classes)
	}
}
