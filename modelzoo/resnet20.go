package modelzoo

import "tapenet/graph"

// ResNet20 is the residual network for CIFAR-10 of He et al. 2015, "Deep
// Residual Learning for Image Recognition", section 4.2: 3·2·3+2 = 20 layers.
// It has 269,722 parameters for 32×32 colour images and 10 classes: 432 in the
// first convolution, 13,824 + 50,688 + 202,752 in the stages', 1,376 in the
// normalisations, 650 in the dense layer. Any image will do.
//
// Where the shape changes, the shortcut takes every other pixel and appends
// channels of zeros, which is option A of the paper's section 3.3 and what its
// networks for CIFAR-10 have. Option B, a 1×1 convolution there, adds 2,752
// parameters with its normalisation, and is what many programs have instead.
func ResNet20(classes int) graph.Layer {
	return graph.Sequential{
		normed(16, 3, 1), graph.ReLU, // (N,16,32,32)
		residual(16, 1), residual(16, 1), residual(16, 1), // (N,16,32,32)
		residual(32, 2), residual(32, 1), residual(32, 1), // (N,32,16,16)
		residual(64, 2), residual(64, 1), residual(64, 1), // (N,64,8,8)
		graph.GlobalAvgPool2D{},     // (N,64)
		graph.Dense{Units: classes}, // (N,classes)
	}
}

func residual(filters, stride int) graph.Layer {
	r := graph.Residual{Body: graph.Sequential{normed(filters, 3, stride), graph.ReLU, normed(filters, 3, 1)}}
	if stride > 1 {
		r.Shortcut = graph.Sequential{graph.AvgPool2D{Size: 1, Stride: stride}, graph.PadChannels{Channels: filters}}
	}
	return graph.Sequential{r, graph.ReLU}
}
