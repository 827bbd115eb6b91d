package modelzoo

import "tapenet/graph"

// FCNN is the fully connected network to compare CNN with: the image is cut
// into blocks of 7×7 pixels, dense layers learn the features of a block (the
// same ones for each, as a convolution does), and dense layers classify what
// all blocks gave. For 28×28 digits and 10 classes it has 688,114 parameters,
// within 1 % of CNN's. Height and width must be multiples of 7.
func FCNN(classes int) graph.Layer {
	return graph.Sequential{
		graph.Patches{Size: 7},                          // (N,16,49)
		graph.Dense{Units: 256, Activation: graph.ReLU}, // (N,16,256)
		graph.Dense{Units: 128, Activation: graph.ReLU}, // (N,16,128)
		graph.Flatten{},                                 // (N,2048)
		graph.Dense{Units: 312, Activation: graph.ReLU}, // (N,312)
		graph.Dense{Units: classes},                     // (N,classes)
	}
}
