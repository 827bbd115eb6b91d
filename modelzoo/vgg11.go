package modelzoo

import "tapenet/graph"

// VGG11 is configuration A of Simonyan and Zisserman 2014, "Very Deep
// Convolutional Networks for Large-Scale Image Recognition", in the form that
// is usual for small images: 9,228,362 parameters for 32×32 colour images and
// 10 classes. It differs from the paper's in three places. BatchNorm follows
// each convolution, whose bias it replaces; PyTorch's vgg11_bn keeps those
// 2,752 biases. One dense layer stands for the paper's three, which are made
// for 7×7 pixels and have 124 of its 133 million parameters. And a pooling of an
// odd size rounds up, so that five of them fit 28×28 and any other image.
func VGG11(classes int) graph.Layer {
	halve := graph.MaxPool2D{Size: 2, Padding: graph.Same}
	return graph.Sequential{
		normed(64, 3, 1), graph.ReLU, halve, // (N,64,16,16)
		normed(128, 3, 1), graph.ReLU, halve, // (N,128,8,8)
		normed(256, 3, 1), graph.ReLU, normed(256, 3, 1), graph.ReLU, halve, // (N,256,4,4)
		normed(512, 3, 1), graph.ReLU, normed(512, 3, 1), graph.ReLU, halve, // (N,512,2,2)
		normed(512, 3, 1), graph.ReLU, normed(512, 3, 1), graph.ReLU, halve, // (N,512,1,1)
		graph.GlobalAvgPool2D{},     // (N,512)
		graph.Dense{Units: classes}, // (N,classes)
	}
}
