package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// MobileNetV2 is the network of Sandler et al. 2018, "MobileNetV2: Inverted
// Residuals and Linear Bottlenecks", table 2, scaled for small images. The
// channels are the paper's: 2,236,682 parameters for colour images and 10
// classes, as PyTorch's has. Of the paper's five strides of 2 the first and the
// last are 1 here, so that 32×32 pixels end as 4×4 and not as one. There is no
// dropout before the dense layer. Any image will do.
type MobileNetV2 struct {
	Classes int
	Width   float64 // the paper's width multiplier, 0.1 to 4; 0 means 1
}

// Build adds the network to s. Below are the columns of the paper's table:
// expansion t, channels c, repeats n, stride s.
func (m MobileNetV2) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	w := newScale(s, m.Width)
	return s.Apply(graph.Sequential{
		normed(w.channels(32), 3, 1), graph.ReLU6, // (N,32,32,32)
		bottlenecks(1, w.channels(16), 1, 1),                // (N,16,32,32)
		bottlenecks(6, w.channels(24), 2, 2),                // (N,24,16,16)
		bottlenecks(6, w.channels(32), 3, 2),                // (N,32,8,8)
		bottlenecks(6, w.channels(64), 4, 2),                // (N,64,4,4)
		bottlenecks(6, w.channels(96), 3, 1),                // (N,96,4,4)
		bottlenecks(6, w.channels(160), 3, 1),               // (N,160,4,4)
		bottlenecks(6, w.channels(320), 1, 1),               // (N,320,4,4)
		normed(max(w, 1).channels(1280), 1, 1), graph.ReLU6, // (N,1280,4,4)
		graph.GlobalAvgPool2D{},       // (N,1280)
		graph.Dense{Units: m.Classes}, // (N,classes)
	}, x)
}

// channels are n, scaled and rounded to a multiple of 8, not below nine tenths,
// as in the authors' program.
func (w scale) channels(n int) int {
	exact := float64(w) * float64(n)
	c := w.units(n, 8)
	if float64(c) < 0.9*exact {
		c += 8
	}
	return c
}

// bottlenecks are n inverted residuals, of which the first has the stride.
func bottlenecks(expansion, channels, n, stride int) graph.Layer {
	var l graph.Sequential
	for i := range n {
		if i > 0 {
			stride = 1
		}
		l = append(l, invertedResidual(expansion, channels, stride))
	}
	return l
}

// invertedResidual widens the image's channels, filters each by itself, and
// narrows them again, without a ReLU: (N,C,H,W) becomes
// (N,channels,H/stride,W/stride). Its input is added where it has the shape.
func invertedResidual(expansion, channels, stride int) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		in := x.Shape()[1]
		var body graph.Sequential
		if expansion > 1 {
			body = append(body, normed(expansion*in, 1, 1), graph.ReLU6) // (N,t·C,H,W)
		}
		body = append(body,
			graph.DepthwiseConv2D{Kernel: 3, Stride: stride, Padding: graph.Pad(1), NoBias: true}, // (N,t·C,H/s,W/s)
			graph.BatchNorm{}, graph.ReLU6,
			normed(channels, 1, 1), // (N,c,H/s,W/s)
		)
		if stride == 1 && in == channels {
			return s.Apply(graph.Residual{Body: body}, x)
		}
		return s.Apply(body, x)
	})
}
