package modelzoo

import "tapenet/graph"

// The three networks of An et al. 2020, "An Ensemble of Simple Convolutional
// Neural Network Models for MNIST Digit Recognition" (arXiv:2008.10400), which
// differ in the size of their kernels. There is no pooling and no padding: each
// convolution makes the image smaller by Kernel-1 pixels, and all channels of
// what is left go to the classes. Convolutions and dense layer have no bias,
// and the logits themselves are normalised. The authors scale pixels to -1..1
// first, which the first normalisation undoes.

// SimpleCNNM3 has ten convolutions of 3×3: 1,124,180 parameters for 28×28
// digits and 10 classes. Images are at least 21×21.
func SimpleCNNM3(classes int) graph.Layer {
	return graph.Sequential{
		unpadded(32, 3),  // (N,32,26,26)
		unpadded(48, 3),  // (N,48,24,24)
		unpadded(64, 3),  // (N,64,22,22)
		unpadded(80, 3),  // (N,80,20,20)
		unpadded(96, 3),  // (N,96,18,18)
		unpadded(112, 3), // (N,112,16,16)
		unpadded(128, 3), // (N,128,14,14)
		unpadded(144, 3), // (N,144,12,12)
		unpadded(160, 3), // (N,160,10,10)
		unpadded(176, 3), // (N,176,8,8)
		graph.Flatten{},  // (N,11264)
		graph.Dense{Units: classes, NoBias: true}, // (N,classes)
		graph.BatchNorm{},                         // (N,classes)
	}
}

// SimpleCNNM5 has five convolutions of 5×5: 1,128,180 parameters for 28×28
// digits and 10 classes. Images are at least 21×21.
func SimpleCNNM5(classes int) graph.Layer {
	return graph.Sequential{
		unpadded(32, 5),  // (N,32,24,24)
		unpadded(64, 5),  // (N,64,20,20)
		unpadded(96, 5),  // (N,96,16,16)
		unpadded(128, 5), // (N,128,12,12)
		unpadded(160, 5), // (N,160,8,8)
		graph.Flatten{},  // (N,10240)
		graph.Dense{Units: classes, NoBias: true}, // (N,classes)
		graph.BatchNorm{},                         // (N,classes)
	}
}

// SimpleCNNM7 has four convolutions of 7×7: 2,291,972 parameters for 28×28
// digits and 10 classes. Images are at least 25×25.
func SimpleCNNM7(classes int) graph.Layer {
	return graph.Sequential{
		unpadded(48, 7),  // (N,48,22,22)
		unpadded(96, 7),  // (N,96,16,16)
		unpadded(144, 7), // (N,144,10,10)
		unpadded(192, 7), // (N,192,4,4)
		graph.Flatten{},  // (N,3072)
		graph.Dense{Units: classes, NoBias: true}, // (N,classes)
		graph.BatchNorm{},                         // (N,classes)
	}
}

func unpadded(filters, kernel int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: filters, Kernel: kernel, NoBias: true},
		graph.BatchNorm{},
		graph.ReLU,
	}
}
