package main

import (
	"fmt"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// own are networks that are here to be measured only.
var own = []modelzoo.Spec{
	{Name: "conv3", Input: [3]int{1, 28, 28}, New: conv3},
	{Name: "resnet20", Input: [3]int{3, 32, 32}, New: resNet20},
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
		return spec, fmt.Errorf("%w, or conv3 or resnet20", err)
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

func block(filters int) graph.Layer {
	return graph.Sequential{normed(filters, 3, 1), graph.ReLU, graph.MaxPool2D{Size: 2}}
}

// resNet20 is the residual network for CIFAR-10 of He et al. 2015, "Deep
// Residual Learning for Image Recognition", section 4.2: 3·2·3+2 = 20 layers.
// Where the shape changes, the shortcut is a 1×1 convolution (option B of the
// paper's section 4.1; the paper's CIFAR networks have option A, zeros, and
// 269,722 parameters). It has 272,474 parameters for 10 classes: 432 in the
// first convolution, 13,824 + 50,688 + 202,752 in the stages' and 512 + 2,048
// in the shortcuts', 1,568 in the normalisations, 650 in the dense layer.
func resNet20(classes int) graph.Layer {
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
		r.Shortcut = normed(filters, 1, stride)
	}
	return graph.Sequential{r, graph.ReLU}
}

// normed is a convolution that keeps the size, but for the stride, with
// BatchNorm behind it, which makes a bias pointless.
func normed(filters, kernel, stride int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: graph.Pad(kernel / 2), NoBias: true},
		graph.BatchNorm{},
	}
}
