package modelzoo

import "tapenet/graph"

// P4CNN is the network of Cohen and Welling 2016, "Group Equivariant Convolutional
// Networks" (section 8.1), for rotated digits: seven convolutions on the group of
// shifts and quarter turns, 10 fields of 4 rotations each where a plain network of as
// many parameters has 20 channels. A digit that is turned by a quarter turn has the
// same logits. 24,620 parameters for 28×28 digits and 10 classes. Images are at least
// 28×28; an odd side costs equivariance, as the pooling leaves a row out.
func P4CNN(classes int) graph.Layer {
	return graph.Sequential{
		graph.LiftConv2D{Filters: 10, Kernel: 3, NoBias: true}, // (N,10·4,26,26)
		graph.GroupBatchNorm{}, graph.ReLU,
		groupNormed(10, 3),                             // (N,10·4,24,24)
		graph.MaxPool2D{Size: 2},                       // (N,10·4,12,12)
		groupNormed(10, 3),                             // (N,10·4,10,10)
		groupNormed(10, 3),                             // (N,10·4,8,8)
		groupNormed(10, 3),                             // (N,10·4,6,6)
		groupNormed(10, 3),                             // (N,10·4,4,4)
		graph.GroupConv2D{Filters: classes, Kernel: 4}, // (N,classes·4,1,1)
		graph.GroupMaxPool{},                           // (N,classes,1,1)
		graph.GlobalAvgPool2D{},                        // (N,classes), of larger images the mean
	}
}

// groupNormed is a convolution on shifts and quarter turns with BatchNorm.
func groupNormed(filters, kernel int) graph.Layer {
	return graph.Sequential{
		graph.GroupConv2D{Filters: filters, Kernel: kernel, NoBias: true},
		graph.GroupBatchNorm{},
		graph.ReLU,
	}
}
