package topology

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// loader turns the steps into layers, one by one.
type loader struct {
	steps     []step
	at        int       // number of the step that is being made
	made      [][]build // what was made of the steps
	ends      []end
	consumers []int  // how often a value is used
	raw       []bool // whether a value is the network's input as it came
	bytes     bool   // the input is pixels in 0..255
	weights   Source
	pending   map[int]padding // of a ZeroPadding2D, for the convolution behind it, by the value
}

func newLoader(steps []step, ends []end, weights Source) *loader {
	l := &loader{steps: steps, ends: ends, weights: weights, consumers: make([]int, len(steps)+1), raw: []bool{true}, pending: map[int]padding{}}
	for _, s := range steps {
		for _, v := range s.inputs {
			l.consumers[v]++
		}
	}
	for _, e := range ends {
		l.consumers[e.value]++
	}
	return l
}

// last returns the output that the step is, if no layer uses it. nil is none.
func (l *loader) last() *end {
	for i, e := range l.ends {
		if e.value == l.at+1 && l.consumers[e.value] == 1 && !l.steps[l.at].shared {
			return &l.ends[i]
		}
	}
	return nil
}

// scaled notes whether a layer at the network's beginning takes pixels in 0..255,
// which scale·x + offset brings near to 0. One for pixels in 0..1 has a scale of
// about 1 or more.
func (l *loader) scaled(s step, scale, offset []float32) {
	if len(scale) > 0 && len(offset) > 0 && l.raw[s.inputs[0]] {
		l.bytes = l.bytes || fromBytes(float64(scale[0]), float64(offset[0]))
	}
}

func fromBytes(scale, offset float64) bool {
	return math.Abs(scale) < 0.25 || math.Abs(offset) > 2*math.Abs(scale)
}

// build adds a part of a layer to a graph and returns its output.
type build func(b *builder, x *gorgonia.Node) *gorgonia.Node

// rule turns a step with one input into parts: none, one or several.
type rule func(l *loader, s step) ([]build, error)

// rules has the rule for each class of layers with one input, by Keras's name.
var rules = map[string]rule{
	"InputLayer":             nothing,
	"Dropout":                dropout,
	"SpatialDropout2D":       atRandom,
	"ActivityRegularization": nothing,
	"Conv2D":                 conv,
	"DepthwiseConv2D":        depthwise,
	"SeparableConv2D":        separable,
	"Conv2DTranspose":        transposed,
	"Dense":                  dense,
	"BatchNormalization":     batchNorm,
	"Normalization":          normalization,
	"Rescaling":              rescaling,
	"Flatten":                flatten,
	"Reshape":                reshape,
	"ZeroPadding2D":          zeroPadding,
	"Cropping2D":             cropping,
	"UpSampling2D":           upSampling,
	"MaxPooling2D":           pool(op.MaxPool2D, "maxpool2d"),
	"AveragePooling2D":       pool(op.AvgPool2D, "avgpool2d"),
	"GlobalAveragePooling2D": globalPool(op.AvgPool2D, "globalavgpool2d"),
	"GlobalMaxPooling2D":     globalPool(op.MaxPool2D, "globalmaxpool2d"),
	"Activation":             activation,
	"Softmax":                softMax,
	"ReLU":                   relu,
	"LeakyReLU":              leakyReLU,
	"ELU":                    elu,
	"PReLU":                  preLU,
	"RandomFlip":             atRandom,
	"RandomRotation":         atRandom,
	"RandomZoom":             atRandom,
	"RandomTranslation":      atRandom,
	"RandomContrast":         atRandom,
	"RandomBrightness":       atRandom,
	"GaussianNoise":          atRandom,
}

// activations has each activation by Keras's name.
var activations = map[string]graph.Activation{
	"relu": graph.ReLU, "relu6": graph.ReLU6, "sigmoid": graph.Sigmoid, "tanh": graph.Tanh, "elu": graph.ELU(1),
	"swish": graph.SiLU, "silu": graph.SiLU, "gelu": graph.GELU,
}

func nothing(*loader, step) ([]build, error) { return nil, nil }

// atRandom leaves out a layer that does something in training alone. Its weights
// are the state of its random numbers.
func atRandom(l *loader, s step) ([]build, error) {
	l.weights.Skip(s.place)
	return nil, nil
}

// apply returns a layer of package graph as the only part of a step.
func apply(layer graph.Layer) []build {
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.s.Apply(layer, x) }}
}

func activation(l *loader, s step) ([]build, error) { return l.activation(s) }

// activation returns a step's activation as a part. A SoftMax at the model's end
// is left out; elsewhere it takes vectors only.
func (l *loader) activation(s step) ([]build, error) {
	name, err := function(s.config.Activation)
	if err != nil {
		return nil, err
	}
	switch a, ok := activations[name]; {
	case ok:
		if e := l.last(); e != nil && name == "sigmoid" {
			e.sigmoid = true
		}
		return apply(a), nil
	case name == "" || name == "linear":
		return nil, nil
	case name != "softmax":
		return nil, fmt.Errorf("the activation %.64q is not supported", name)
	}
	if e := l.last(); e != nil {
		e.softMax = true
		return nil, nil
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if x.Dims() != 2 {
			return b.errorf("softmax of %v inside the network, want vectors", x.Shape())
		}
		return b.s.Apply(graph.SoftMax, x)
	}}, nil
}

func softMax(l *loader, s step) ([]build, error) {
	axis, err := axes(s.config.Axis)
	if err != nil {
		return nil, err
	}
	s.config.Activation = []byte(`"softmax"`)
	after, err := l.activation(s)
	return append([]build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if len(axis) != 1 || axis[0] != -1 && axis[0] != x.Dims()-1 {
			return b.errorf("axis %v of an input %v, want the last one", axis, x.Shape())
		}
		return x
	}}, after...), err
}

func (e entry) channelsLast() error {
	if f := e.config.DataFormat; f != "" && f != "channels_last" {
		return fmt.Errorf("data_format %.64q, want channels_last", f)
	}
	return nil
}

// dense acts on vectors, or on the channels of each pixel of an image, as a
// convolution of 1×1 pixels does.
func dense(l *loader, s step) ([]build, error) {
	k, err := l.take(s, []string{"kernel"}, -1, s.config.Units)
	if err != nil {
		return nil, err
	}
	bias, err := l.bias(s, k.Shape[1])
	if err != nil {
		return nil, err
	}
	after, err := l.activation(s)
	return append([]build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.dense(x, k, bias) }}, after...), err
}

// dense is x·k + bias, with k of (in,units).
func (b *builder) dense(x *gorgonia.Node, k Array, bias graph.Init) *gorgonia.Node {
	in, units := k.Shape[0], k.Shape[1]
	if x.Dims() == 4 {
		return b.convolve(x, convolution{kernel: Array{[]int{1, 1, in, units}, k.Values}, bias: bias, groups: 1, stride: pair{1, 1}, dilation: pair{1, 1}})
	}
	if s := x.Shape(); len(s) != 2 || s[1] != in {
		return b.errorf("input %v, want vectors of %d", s, in)
	}
	row := b.element()
	b.flattened = nil
	s := b.s.Sub("dense")
	weight := b.tensor(s.Param, "weight", initial(k, func(i int) int { return row(i/units)*units + i%units }), in, units)
	return s.Node(op.Mul(x, weight, b.bias(s, bias, units)))
}

// bias is a layer's bias, nil if it has none.
func (b *builder) bias(s *graph.Scope, init graph.Init, n int) *gorgonia.Node {
	if init == nil {
		return nil
	}
	return b.tensor(s.Param, "bias", init, n)
}

// bias returns the initial value of a layer's bias, nil if it has none.
func (l *loader) bias(s step, units int) (init graph.Init, err error) {
	if !isTrue(s.config.UseBias) {
		return nil, nil
	}
	a, err := l.take(s, []string{"bias"}, units)
	return initial(a, itself), err
}

func dropout(_ *loader, s step) ([]build, error) {
	return apply(graph.Dropout{Rate: s.config.Rate}), nil
}

// relu is x where it is at least the threshold, and negative_slope·(x-threshold)
// elsewhere; nowhere more than max_value.
func relu(_ *loader, s step) ([]build, error) {
	top, slope, threshold := math.Inf(1), 0.0, s.config.Threshold
	if v := s.config.MaxValue; v != nil {
		top = *v
	}
	if v := s.config.NegativeSlope; v != nil {
		slope = *v
	}
	if top < 0 || slope < 0 {
		return nil, fmt.Errorf("max_value %v and negative_slope %v, want no negative numbers", top, slope)
	}
	switch {
	case threshold != 0:
		return apply(mapped(shiftedReLU(top, slope, threshold))), nil
	case slope != 0 && math.IsInf(top, 1):
		return apply(graph.LeakyReLU(slope)), nil
	case slope != 0:
		return append(apply(graph.LeakyReLU(slope)), apply(mapped(op.LimitFunction(math.Inf(-1), top)))...), nil
	case top == 6:
		return apply(graph.ReLU6), nil
	case math.IsInf(top, 1):
		return apply(graph.ReLU), nil
	}
	return apply(mapped(op.LimitFunction(0, top))), nil
}

func mapped(f op.Function) graph.Activation {
	return func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Map(x, f) }
}

func shiftedReLU(top, slope, threshold float64) op.Function {
	return op.Function{
		Name: fmt.Sprintf("ReLU above %v up to %v, slope %v", threshold, top, slope),
		F: func(x float64) float64 {
			if x >= threshold {
				return min(x, top)
			}
			return slope * (x - threshold)
		},
		DF: func(x float64) float64 {
			switch {
			case x >= top:
				return 0
			case x >= threshold:
				return 1
			}
			return slope
		},
	}
}

func leakyReLU(_ *loader, s step) ([]build, error) {
	alpha := 0.3
	for _, v := range []*float64{s.config.Alpha, s.config.NegativeSlope} {
		if v != nil {
			alpha = *v
		}
	}
	return apply(graph.LeakyReLU(alpha)), nil
}

func elu(_ *loader, s step) ([]build, error) {
	alpha := 1.0
	if s.config.Alpha != nil {
		alpha = *s.config.Alpha
	}
	return apply(graph.ELU(alpha)), nil
}
