package bench

import (
	"strings"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/modelzoo"
)

// ownNetwork is a network that is here to be measured only.
type ownNetwork struct {
	modelzoo.Spec
	classes int
}

// Classes of the networks that are built here: those of MNIST and CIFAR-10, and
// those of ImageNet.
const (
	zooClasses      = 10
	imageNetClasses = 1000
)

// own lists the networks of this command. The names of the last three are
// torchvision's, and so are the networks, without dropout and stochastic depth.
func own() []ownNetwork {
	digit, photograph := [3]int{1, 28, 28}, [3]int{3, openSize, openSize}
	return []ownNetwork{
		{modelzoo.Spec{Name: "conv3", Input: digit, New: conv3}, zooClasses},
		{modelzoo.Spec{Name: "resnet18", Input: photograph, New: resNet18}, imageNetClasses},
		{modelzoo.Spec{Name: "mobilenet_v2", Input: photograph, New: mobileNetV2}, imageNetClasses},
		{modelzoo.Spec{Name: "efficientnet_b0", Input: photograph, New: efficientNetB0}, imageNetClasses},
	}
}

// ownNames lists their names.
func ownNames() string {
	var names []string
	for _, s := range own() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
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

// block is a convolution that keeps the size, and a pooling that halves it.
func block(filters int) graph.Layer {
	return graph.Sequential{normed(filters, 3, 1), graph.ReLU, graph.MaxPool2D{Size: 2}}
}

// normed is a convolution with BatchNorm behind it, which makes a bias
// pointless. With stride 1 it keeps the size.
func normed(filters, kernel, stride int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: graph.Pad(kernel / 2), NoBias: true},
		graph.BatchNorm{},
	}
}

// resNet18 is He et al. 2015, table 1, with shortcuts of 1×1 convolutions where
// the shape changes: 11,689,512 parameters for 1000 classes.
func resNet18(classes int) graph.Layer {
	net := graph.Sequential{
		normed(64, 7, 2), graph.ReLU, // (N,64,112,112)
		graph.MaxPool2D{Size: 3, Stride: 2, Padding: graph.Pad(1)}, // (N,64,56,56)
	}
	for _, filters := range []int{64, 128, 256, 512} { // ends in (N,512,7,7)
		net = append(net, residual(filters, filters > 64), residual(filters, false))
	}
	return append(net, graph.GlobalAvgPool2D{}, graph.Dense{Units: classes})
}

// residual is a block of two convolutions. One that is narrowing has half the
// height and width, and twice the channels.
func residual(filters int, narrowing bool) graph.Layer {
	stride, r := 1, graph.Residual{}
	if narrowing {
		stride = 2
		r.Shortcut = normed(filters, 1, stride)
	}
	r.Body = graph.Sequential{normed(filters, 3, stride), graph.ReLU, normed(filters, 3, 1)}
	return graph.Sequential{r, graph.ReLU}
}

// mobileNetV2 is Sandler et al. 2018, table 2, with the paper's strides, which
// modelzoo's has not: 3,504,872 parameters for 1000 classes.
func mobileNetV2(classes int) graph.Layer {
	net := graph.Sequential{normed(32, 3, 2), graph.ReLU6} // (N,32,112,112)
	for _, stage := range []struct{ expansion, channels, n, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} { // ends in (N,320,7,7)
		for i := range stage.n {
			b := bottleneck{stage.expansion, stage.channels, 3, 1, graph.ReLU6, false}
			if i == 0 {
				b.stride = stage.stride
			}
			net = append(net, b)
		}
	}
	return append(net, normed(1280, 1, 1), graph.ReLU6, graph.GlobalAvgPool2D{}, graph.Dense{Units: classes})
}

// efficientNetB0 is Tan and Le 2019, table 1: 5,288,548 parameters for 1000
// classes.
func efficientNetB0(classes int) graph.Layer {
	net := graph.Sequential{normed(32, 3, 2), graph.SiLU} // (N,32,112,112)
	for _, stage := range []struct{ expansion, channels, n, kernel, stride int }{
		{1, 16, 1, 3, 1}, {6, 24, 2, 3, 2}, {6, 40, 2, 5, 2}, {6, 80, 3, 3, 2}, {6, 112, 3, 5, 1}, {6, 192, 4, 5, 2}, {6, 320, 1, 3, 1},
	} { // ends in (N,320,7,7)
		for i := range stage.n {
			b := bottleneck{stage.expansion, stage.channels, stage.kernel, 1, graph.SiLU, true}
			if i == 0 {
				b.stride = stage.stride
			}
			net = append(net, b)
		}
	}
	return append(net, normed(1280, 1, 1), graph.SiLU, graph.GlobalAvgPool2D{}, graph.Dense{Units: classes})
}

// bottleneck is an inverted residual: it widens the image's channels, filters
// each by itself, and narrows them again. Its input is added where it has the
// shape of the result.
type bottleneck struct {
	expansion, channels, kernel, stride int
	activation                          graph.Activation
	excite                              bool // squeeze-and-excitation behind the filters
}

// Build adds the layer to s.
func (b bottleneck) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	in := x.Shape()[1]
	var body graph.Sequential
	if b.expansion > 1 {
		body = append(body, normed(b.expansion*in, 1, 1), b.activation)
	}
	body = append(body,
		graph.DepthwiseConv2D{Kernel: b.kernel, Stride: b.stride, Padding: graph.Pad(b.kernel / 2), NoBias: true},
		graph.BatchNorm{}, b.activation)
	if b.excite {
		body = append(body, excitation(in/4))
	}
	body = append(body, normed(b.channels, 1, 1))
	if b.stride == 1 && in == b.channels {
		return s.Apply(graph.Residual{Body: body}, x)
	}
	return s.Apply(body, x)
}

// excitation multiplies each channel by a factor in 0..1 that two dense layers
// compute from the means of all channels (Hu et al. 2017).
func excitation(units int) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		n, c := x.Shape()[0], x.Shape()[1]
		factors := s.Apply(graph.Sequential{
			graph.GlobalAvgPool2D{},
			graph.Dense{Units: units, Activation: graph.SiLU},
			graph.Dense{Units: c, Activation: graph.Sigmoid},
		}, x)
		spread := s.Unary(func(f *gorgonia.Node) (*gorgonia.Node, error) {
			f, err := op.Reshape(f, n, c, 1, 1)
			if err != nil {
				return nil, err
			}
			return op.Expand(f, x.Shape()...)
		}, factors)
		return s.Binary(op.Hadamard, x, spread)
	})
}
