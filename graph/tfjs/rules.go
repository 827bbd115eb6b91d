package tfjs

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// loader turns the file's entries into layers, one by one.
type loader struct {
	chain   []entry
	at      int              // index of the next entry
	weights map[string]array // weights that no layer has taken yet
	padding graph.Padding    // of a ZeroPadding2D, for the convolution behind it
	softMax bool             // the model ends in a SoftMax, which was left out
}

// build adds a layer to a graph and returns its output.
type build func(b *builder, x *gorgonia.Node) *gorgonia.Node

// rule turns an entry into layers: none, one or several.
type rule func(l *loader, e entry) ([]build, error)

// rules has the rule for each class of layers, by Keras's name.
var rules = map[string]rule{
	"InputLayer":             nothing,
	"Dropout":                dropout,
	"Conv2D":                 conv,
	"DepthwiseConv2D":        depthwise,
	"SeparableConv2D":        separable,
	"Dense":                  dense,
	"BatchNormalization":     batchNorm,
	"Flatten":                flatten,
	"ZeroPadding2D":          zeroPadding,
	"MaxPooling2D":           maxPool,
	"AveragePooling2D":       avgPool,
	"GlobalAveragePooling2D": globalAvgPool,
	"Activation":             func(l *loader, e entry) ([]build, error) { return l.activation(e.Config.Activation) },
	"Softmax":                func(l *loader, _ entry) ([]build, error) { return l.activation("softmax") },
	"ReLU":                   relu,
	"LeakyReLU":              leakyReLU,
	"ELU":                    elu,
}

// activations has each activation by Keras's name.
var activations = map[string]graph.Activation{
	"relu": graph.ReLU, "relu6": graph.ReLU6, "sigmoid": graph.Sigmoid, "tanh": graph.Tanh, "elu": graph.ELU(1),
	"swish": graph.SiLU, "silu": graph.SiLU, "gelu": graph.GELU,
}

func nothing(*loader, entry) ([]build, error) { return nil, nil }

// apply returns a layer of package graph as the only one of an entry.
func apply(layer graph.Layer) []build {
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.s.Apply(layer, x) }}
}

// activation returns the activation of a name as a layer. A SoftMax at the
// model's end is left out; elsewhere it takes vectors only.
func (l *loader) activation(name string) ([]build, error) {
	switch a, ok := activations[name]; {
	case ok:
		return apply(a), nil
	case name == "" || name == "linear":
		return nil, nil
	case name != "softmax":
		return nil, fmt.Errorf("the activation %.64q is not supported", name)
	}
	if l.at == len(l.chain) {
		l.softMax = true
		return nil, nil
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if x.Dims() != 2 {
			return b.s.Errorf("tfjs: softmax of %v inside the network, want vectors", x.Shape())
		}
		return b.s.Apply(graph.SoftMax, x)
	}}, nil
}

// take removes a layer's weight from l.weights, the ones that no layer has taken yet,
// and returns it. The weight must have the given shape, where -1 stands for any size.
func (l *loader) take(e entry, name string, shape ...int) (array, error) {
	name = e.Config.Name + "/" + name
	a, ok := l.weights[name]
	if !ok {
		return a, fmt.Errorf("no weight %.64q", name)
	}
	delete(l.weights, name)
	for i, d := range shape {
		if len(a.shape) != len(shape) || d >= 0 && d != a.shape[i] {
			return a, fmt.Errorf("the weight %.64q has the shape %v, want %v, -1 being any", name, a.shape, shape)
		}
	}
	return a, nil
}

// bias returns the initial value of a layer's bias, nil if it has none.
func (l *loader) bias(e entry, units int) (init graph.Init, err error) {
	if !isTrue(e.Config.UseBias) {
		return nil, nil
	}
	a, err := l.take(e, "bias", units)
	return initial(a, itself), err
}

// isTrue reads a setting that is true unless the file says otherwise.
func isTrue(b *bool) bool { return b == nil || *b }

func (e entry) channelsLast() error {
	if f := e.Config.DataFormat; f != "" && f != "channels_last" {
		return fmt.Errorf("data_format %.64q, want channels_last", f)
	}
	return nil
}

// window returns the padding of a layer with a window: its own, or the padding that
// a ZeroPadding2D before it adds.
func (l *loader) window(e entry) (p graph.Padding, err error) {
	var how string
	if len(e.Config.Padding) > 0 {
		if err := json.Unmarshal(e.Config.Padding, &how); err != nil {
			return p, fmt.Errorf("padding: %w", err)
		}
	}
	p, l.padding = l.padding, graph.Valid
	switch how {
	case "", "valid":
		return p, e.channelsLast()
	case "same":
		return graph.Same, e.channelsLast()
	}
	return p, fmt.Errorf("padding %.64q, want valid or same", how)
}

// image returns a layer that refuses anything but images with so many channels.
func image(channels int, layer graph.Layer) build {
	return func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if s := x.Shape(); len(s) != 4 || s[1] != channels {
			return b.s.Errorf("tfjs: %T: input %v, want images of %d channels", layer, s, channels)
		}
		return b.s.Apply(layer, x)
	}
}

func conv(l *loader, e entry) ([]build, error) {
	c, groups := e.Config, 1
	if c.Groups != nil {
		groups = *c.Groups
	}
	k, err := l.take(e, "kernel", int(c.KernelSize), int(c.KernelSize), -1, c.Filters)
	if err != nil {
		return nil, err
	}
	if groups < 1 || groups > k.shape[3] || k.shape[3]%groups != 0 {
		return nil, fmt.Errorf("%d groups of %d filters", groups, k.shape[3])
	}
	return l.conv(e, k, groups)
}

// conv returns a convolution with filters (KH,KW,C/groups,F) and its
// activation.
func (l *loader) conv(e entry, k array, groups int) ([]build, error) {
	bias, err := l.bias(e, k.shape[3])
	if err != nil {
		return nil, err
	}
	padding, err := l.window(e)
	if err != nil {
		return nil, err
	}
	layer := graph.Conv2D{
		Filters: k.shape[3], Kernel: k.shape[0], Stride: int(e.Config.Strides), Padding: padding, Dilation: int(e.Config.Dilation),
		Groups: groups, NoBias: bias == nil, WeightInit: initial(k, k.filter), BiasInit: bias,
	}
	after, err := l.activation(e.Config.Activation)
	return append([]build{image(k.shape[2]*groups, layer)}, after...), err
}

// depthwise convolves each channel by itself, with a kernel
// (KH,KW,C,multiplier). The multiplier is read from the kernel's shape, as
// TensorFlow.js does not write every layer's.
func depthwise(l *loader, e entry) ([]build, error) {
	k, err := l.take(e, "depthwise_kernel", int(e.Config.KernelSize), int(e.Config.KernelSize), -1, -1)
	if err != nil {
		return nil, err
	}
	return l.conv(e, array{[]int{k.shape[0], k.shape[1], 1, k.shape[2] * k.shape[3]}, k.values}, k.shape[2])
}

// separable is a depthwise convolution, then one of 1×1 pixels.
func separable(l *loader, e entry) ([]build, error) {
	first := e
	first.Config.Activation, first.Config.UseBias = "", new(bool)
	layers, err := depthwise(l, first)
	if err != nil {
		return nil, err
	}
	k, err := l.take(e, "pointwise_kernel", 1, 1, -1, e.Config.Filters)
	if err != nil {
		return nil, err
	}
	e.Config.Strides, e.Config.Dilation, e.Config.Padding = 1, 1, nil
	second, err := l.conv(e, k, 1)
	return append(layers, second...), err
}

// dense acts on vectors, or on the channels of each pixel of an image, as a
// convolution of 1×1 pixels does.
func dense(l *loader, e entry) ([]build, error) {
	k, err := l.take(e, "kernel", -1, e.Config.Units)
	if err != nil {
		return nil, err
	}
	in, units := k.shape[0], k.shape[1]
	bias, err := l.bias(e, units)
	if err != nil {
		return nil, err
	}
	filters := array{[]int{1, 1, in, units}, k.values}
	pixels := image(in, graph.Conv2D{Filters: units, Kernel: 1, NoBias: bias == nil, WeightInit: initial(filters, filters.filter), BiasInit: bias})
	after, err := l.activation(e.Config.Activation)
	return append([]build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if x.Dims() == 4 {
			return pixels(b, x)
		}
		if s := x.Shape(); len(s) != 2 || s[1] != in {
			return b.s.Errorf("tfjs: Dense: input %v, want vectors of %d", s, in)
		}
		row := b.element()
		b.flattened = nil
		place := func(i int) int { return row(i/units)*units + i%units }
		return b.s.Apply(graph.Dense{Units: units, NoBias: bias == nil, WeightInit: initial(k, place), BiasInit: bias}, x)
	}}, after...), err
}

func flatten(_ *loader, e entry) ([]build, error) {
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if s := x.Shape(); len(s) == 4 && s[1] > 1 && s[2]*s[3] > 1 {
			b.flattened = slices.Clone(s[1:])
		}
		return b.s.Apply(graph.Flatten{}, x)
	}}, e.channelsLast()
}

// batchNorm uses the constants 1 and 0 for a gamma and a beta that the file
// does not have.
func batchNorm(l *loader, e entry) ([]build, error) {
	axis := []int{-1}
	if c := e.Config.Axis; len(c) > 0 && json.Unmarshal(c, &axis) != nil {
		axis = []int{0}
		if err := json.Unmarshal(c, &axis[0]); err != nil {
			return nil, fmt.Errorf("axis: %w", err)
		}
	}
	o := op.Norm{Epsilon: 1e-3, Momentum: 0.99}
	for _, v := range []struct{ to, from *float64 }{{&o.Epsilon, e.Config.Epsilon}, {&o.Momentum, e.Config.Momentum}} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	var all [4]array // gamma, beta, mean, variance
	for i, name := range []string{"gamma", "beta", "moving_mean", "moving_variance"} {
		if i == 0 && !isTrue(e.Config.Scale) || i == 1 && !isTrue(e.Config.Center) {
			continue
		}
		var err error
		if all[i], err = l.take(e, name, -1); err != nil {
			return nil, err
		}
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if len(axis) != 1 || axis[0] != -1 && axis[0] != x.Dims()-1 {
			return b.s.Errorf("tfjs: BatchNormalization: axis %v, want the last one", axis)
		}
		return b.norm(x, all, o)
	}}, nil
}

// norm is graph.BatchNorm with the values of a file.
func (b *builder) norm(x *gorgonia.Node, all [4]array, o op.Norm) *gorgonia.Node {
	c := x.Shape()[1]
	for _, a := range all {
		if a.values != nil && len(a.values) != c {
			return b.s.Errorf("tfjs: BatchNormalization: input %v, want %d channels", x.Shape(), len(a.values))
		}
	}
	s, place := b.s.Sub("batchnorm"), itself
	if x.Dims() == 2 {
		place = b.element()
	}
	tensor := func(make func(string, graph.Init, ...int) *gorgonia.Node, name string, i int, otherwise graph.Init) *gorgonia.Node {
		if all[i].values == nil {
			return s.State(name, otherwise, c)
		}
		return make(name, initial(all[i], place), c)
	}
	gamma, beta := tensor(s.Param, "gamma", 0, graph.Ones), tensor(s.Param, "beta", 1, graph.Zeros)
	mean, variance := tensor(s.State, "mean", 2, nil), tensor(s.State, "variance", 3, nil)
	o.Training = s.Training()
	return s.Node(op.BatchNorm(x, gamma, beta, mean, variance, o))
}

func dropout(_ *loader, e entry) ([]build, error) {
	return apply(graph.Dropout{Rate: e.Config.Rate}), nil
}

func maxPool(l *loader, e entry) ([]build, error) {
	p, err := l.window(e)
	return apply(graph.MaxPool2D{Size: int(e.Config.PoolSize), Stride: int(e.Config.Strides), Padding: p}), err
}

func avgPool(l *loader, e entry) ([]build, error) {
	p, err := l.window(e)
	return apply(graph.AvgPool2D{Size: int(e.Config.PoolSize), Stride: int(e.Config.Strides), Padding: p}), err
}

func globalAvgPool(_ *loader, e entry) ([]build, error) {
	if e.Config.KeepDims {
		return nil, errors.New("keepdims is not supported")
	}
	return apply(graph.GlobalAvgPool2D{}), e.channelsLast()
}

func relu(_ *loader, e entry) ([]build, error) {
	top, slope := e.Config.MaxValue, e.Config.NegativeSlope
	switch {
	case e.Config.Threshold != 0 || slope != nil && *slope != 0 || top != nil && *top != 6:
		return nil, errors.New("want max_value 6 or none, and no negative_slope or threshold")
	case top != nil:
		return apply(graph.ReLU6), nil
	}
	return apply(graph.ReLU), nil
}

func leakyReLU(_ *loader, e entry) ([]build, error) {
	alpha := 0.3
	for _, v := range []*float64{e.Config.Alpha, e.Config.NegativeSlope} {
		if v != nil {
			alpha = *v
		}
	}
	return apply(graph.LeakyReLU(alpha)), nil
}

func elu(_ *loader, e entry) ([]build, error) {
	alpha := 1.0
	if e.Config.Alpha != nil {
		alpha = *e.Config.Alpha
	}
	return apply(graph.ELU(alpha)), nil
}
