package modelzoo

import "tapenet/graph"

// normed is a convolution that keeps the image's size, but for the stride, with
// BatchNorm behind it, which makes a bias pointless.
func normed(filters, kernel, stride int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: graph.Pad(kernel / 2), NoBias: true},
		graph.BatchNorm{},
	}
}
