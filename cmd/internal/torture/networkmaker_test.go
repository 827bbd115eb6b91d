package torture

import (
	"math"
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// netLayer is a layer in words that testdata/network.py reads, too.
type netLayer struct {
	Kind     string       `json:"kind"`
	Size     int          `json:"size"` // filters, units, channels, or the multiplier of a depthwise convolution
	Kernel   int          `json:"kernel"`
	Stride   int          `json:"stride"`
	Dilation int          `json:"dilation"`
	Groups   int          `json:"groups"`
	Same     bool         `json:"same"`
	Pad      [4]int       `json:"pad"` // top, bottom, left, right
	Curve    string       `json:"curve"`
	Alpha    float64      `json:"alpha"`
	NoBias   bool         `json:"noBias"`
	Momentum float64      `json:"momentum"`
	Epsilon  float64      `json:"epsilon"`
	Branches [][]netLayer `json:"branches"`
}

// layer is the same of package graph.
func (l netLayer) layer() graph.Layer {
	padding, curve := graph.Same, l.curve()
	if !l.Same {
		padding = graph.PadEach(l.Pad[0], l.Pad[1], l.Pad[2], l.Pad[3])
	}
	switch l.Kind {
	case "conv":
		return graph.Conv2D{Filters: l.Size, Kernel: l.Kernel, Stride: l.Stride, Dilation: l.Dilation, Groups: l.Groups, Padding: padding, Activation: curve, NoBias: l.NoBias}
	case "depthwise":
		return graph.DepthwiseConv2D{Multiplier: l.Size, Kernel: l.Kernel, Stride: l.Stride, Dilation: l.Dilation, Padding: padding, Activation: curve, NoBias: l.NoBias}
	case "maxpool":
		return graph.MaxPool2D{Size: l.Kernel, Stride: l.Stride, Padding: padding}
	case "avgpool":
		return graph.AvgPool2D{Size: l.Kernel, Stride: l.Stride, Padding: padding}
	case "blurpool":
		return graph.BlurPool2D{Size: l.Kernel, Stride: l.Stride, Padding: padding}
	case "lift":
		return graph.LiftConv2D{Filters: l.Size, Kernel: l.Kernel, Padding: padding, Activation: curve, NoBias: l.NoBias}
	case "groupconv":
		return graph.GroupConv2D{Filters: l.Size, Kernel: l.Kernel, Padding: padding, Activation: curve, NoBias: l.NoBias}
	case "groupbatchnorm":
		return graph.GroupBatchNorm{Momentum: l.Momentum, Epsilon: l.Epsilon}
	case "groupmaxpool":
		return graph.GroupMaxPool{}
	case "batchnorm":
		return graph.BatchNorm{Momentum: l.Momentum, Epsilon: l.Epsilon}
	case "layernorm":
		return graph.LayerNorm{Epsilon: l.Epsilon}
	case "dense":
		return graph.Dense{Units: l.Size, Activation: curve, NoBias: l.NoBias}
	case "curve":
		return curve
	case "dropout":
		return graph.Dropout{}
	case "padchannels":
		return graph.PadChannels{Channels: l.Size}
	case "patches":
		return graph.Patches{Size: l.Kernel}
	case "transpose":
		return graph.Transpose{}
	case "flatten":
		return graph.Flatten{}
	case "globalavgpool":
		return graph.GlobalAvgPool2D{}
	case "residual":
		if len(l.Branches) == 1 {
			return graph.Residual{Body: sequential(l.Branches[0])}
		}
		return graph.Residual{Body: sequential(l.Branches[0]), Shortcut: sequential(l.Branches[1])}
	case "concat":
		var c graph.Concat
		for _, b := range l.Branches {
			c = append(c, sequential(b))
		}
		return c
	}
	return nil
}

func sequential(layers []netLayer) graph.Layer {
	var s graph.Sequential
	for _, l := range layers {
		s = append(s, l.layer())
	}
	return s
}

// curves are the activations without a parameter, by their names in PyTorch.
var curves = map[string]graph.Activation{
	"relu": graph.ReLU, "relu6": graph.ReLU6, "gelu": graph.GELU, "silu": graph.SiLU, "sigmoid": graph.Sigmoid, "tanh": graph.Tanh,
	"softmax": graph.SoftMax, "hardswish": op.HardSwish, "log_softmax": op.LogSoftMax,
}

func (l netLayer) curve() graph.Activation {
	switch l.Curve {
	case "":
		return nil
	case "leaky_relu":
		return graph.LeakyReLU(l.Alpha)
	case "elu":
		return graph.ELU(l.Alpha)
	case "hardsigmoid":
		return func(x *gorgonia.Node) (*gorgonia.Node, error) {
			return op.HardSigmoid(x, op.Line{Slope: l.Alpha, Offset: 0.5})
		}
	}
	return curves[l.Curve]
}

// netMaker draws networks that fit together.
type netMaker struct{ *rand.Rand }

// mostWork bounds the values of an image inside a network, times its channels.
const mostWork = 30000

// network draws a network for samples of a shape that it chooses, with some outputs.
func (m netMaker) network() (layers []netLayer, sample []int, outputs int) {
	c, h, w := 1+m.IntN(4), 5+m.IntN(13), 5+m.IntN(13)
	outputs = 2 + m.IntN(6)
	sample = []int{c, h, w}
	shape := sample
	if m.IntN(8) == 0 {
		sample, shape = []int{3 + m.IntN(30)}, nil
		shape = sample
	}
	if len(shape) == 3 {
		layers, shape = m.stage(shape, 1+m.IntN(7), 0)
		if m.IntN(5) == 0 {
			if b := m.block(shape); b != nil {
				layers, shape = append(layers, *b), []int{shape[1] / b.Kernel * (shape[2] / b.Kernel), shape[0] * b.Kernel * b.Kernel}
				more, to := m.stage(shape, 1+m.IntN(4), 0)
				layers, shape = append(layers, more...), to
			}
		}
		if len(shape) == 3 && m.IntN(2) == 0 {
			layers, shape = append(layers, netLayer{Kind: "globalavgpool"}), shape[:1]
		} else {
			layers, shape = append(layers, netLayer{Kind: "flatten"}), []int{volume(shape)}
		}
	}
	more, _ := m.stage(shape, m.IntN(4), 0)
	layers = append(layers, more...)
	return append(layers, netLayer{Kind: "dense", Size: outputs, NoBias: m.IntN(4) == 0}), sample, outputs
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// block is patches that fill an image, if there are any.
func (m netMaker) block(shape []int) *netLayer {
	for _, k := range m.Perm(4) {
		if k > 0 && shape[1]%k == 0 && shape[2]%k == 0 {
			return &netLayer{Kind: "patches", Kernel: k}
		}
	}
	return nil
}

// stage draws n layers behind each other. Samples stay images, sequences or vectors.
func (m netMaker) stage(shape []int, n, depth int) (layers []netLayer, to []int) {
	for n > 0 {
		l, next, ok := m.draw(shape, depth)
		if ok && volume(next) <= mostWork/4 {
			layers, shape = append(layers, l...), next
			n--
		}
	}
	return layers, shape
}

func (m netMaker) draw(shape []int, depth int) (layers []netLayer, to []int, ok bool) {
	if depth < 2 && m.IntN(5) == 0 {
		return m.branches(shape, depth)
	}
	switch k := m.IntN(12); {
	case k == 0:
		return []netLayer{m.drawCurve()}, shape, true
	case k == 1 && (len(shape) == 3 || len(shape) == 1):
		return []netLayer{m.norm("batchnorm")}, shape, true
	case k == 2 && shape[len(shape)-1] > 2:
		return []netLayer{m.norm("layernorm")}, shape, true
	case k == 3 && m.IntN(3) == 0:
		return []netLayer{{Kind: "dropout"}}, shape, true
	case k == 4 && len(shape) == 2:
		return []netLayer{{Kind: "transpose"}}, []int{shape[1], shape[0]}, true
	case len(shape) == 3 && k == 5 && m.IntN(3) == 0:
		return m.rotated(shape)
	case len(shape) < 3 || k == 6 && m.IntN(4) == 0:
		l := netLayer{Kind: "dense", Size: 1 + m.IntN(min(24, max(1, 4000/shape[len(shape)-1]))), NoBias: m.IntN(3) == 0, Curve: m.maybeCurve()}
		return []netLayer{l.withAlpha(m)}, append(slices.Clone(shape[:len(shape)-1]), l.Size), true
	case k == 7 && m.IntN(3) == 0:
		c := shape[0] + m.IntN(4)
		return []netLayer{{Kind: "padchannels", Size: c}}, []int{c, shape[1], shape[2]}, true
	}
	return m.window(shape)
}

func (m netMaker) norm(kind string) netLayer {
	return netLayer{Kind: kind, Momentum: []float64{0.9, 0.5, 0.99}[m.IntN(3)], Epsilon: []float64{1e-5, 1e-3, 0.1}[m.IntN(3)]}
}

func (m netMaker) drawCurve() netLayer {
	for {
		if name := m.maybeCurve(); name != "" {
			return netLayer{Kind: "curve", Curve: name}.withAlpha(m)
		}
	}
}

// maybeCurve is an activation or none; ReLU comes more often.
func (m netMaker) maybeCurve() string {
	return []string{"", "", "relu", "relu", "relu", "relu6", "gelu", "silu", "sigmoid", "tanh", "softmax", "hardswish", "log_softmax", "leaky_relu", "elu", "hardsigmoid"}[m.IntN(16)]
}

// withAlpha draws the parameter of an activation that has one.
func (l netLayer) withAlpha(m netMaker) netLayer {
	switch l.Curve {
	case "leaky_relu":
		l.Alpha = []float64{0.01, 0.3, m.Float64()}[m.IntN(3)]
	case "elu":
		l.Alpha = []float64{1, 0.5, 0.1 + m.Float64()}[m.IntN(3)]
	case "hardsigmoid":
		l.Alpha = []float64{1.0 / 6, 0.2}[m.IntN(2)]
	}
	return l
}

// window is a convolution or a pooling of an image.
func (m netMaker) window(shape []int) (layers []netLayer, to []int, ok bool) {
	kind := []string{"conv", "conv", "conv", "conv", "depthwise", "maxpool", "avgpool", "blurpool"}[m.IntN(8)]
	l := netLayer{Kind: kind, Kernel: 1 + m.IntN(5), Stride: 1 + m.IntN(3)*m.IntN(2), Dilation: 1, NoBias: m.IntN(3) == 0}
	if m.IntN(3) == 0 {
		l.Kernel = 3 // has ways of its own
	}
	filters := shape[0]
	switch kind {
	case "conv":
		l.Dilation = 1 + m.IntN(3)*(m.IntN(4)/3)
		filters = 1 + m.IntN(20)
		l.Groups = 1
		if g := []int{1, 2, 3, 4, shape[0]}[m.IntN(5)]; m.IntN(3) == 0 && shape[0]%g == 0 {
			l.Groups, filters = g, g*(1+m.IntN(max(1, 16/g)))
		}
		l.Size, l.Curve = filters, m.maybeCurve()
	case "depthwise":
		l.Dilation = 1 + m.IntN(2)*m.IntN(2)
		l.Size = 1 + m.IntN(3)*m.IntN(2)
		filters *= l.Size
		l.Curve = m.maybeCurve()
	}
	l = l.withAlpha(m)
	reach := (l.Kernel-1)*l.Dilation + 1
	if l.Same = m.IntN(3) == 0; !l.Same {
		most := reach // a convolution may be padded by its whole reach
		if kind == "maxpool" || kind == "avgpool" {
			most = reach - 1
		}
		for i := range l.Pad {
			l.Pad[i] = m.IntN(most+1) * m.IntN(2)
		}
		if m.IntN(2) == 0 {
			l.Pad = [4]int{l.Pad[0], l.Pad[0], l.Pad[0], l.Pad[0]}
		}
	}
	to = []int{filters, 0, 0}
	for i, d := range shape[1:] {
		if to[1+i] = (d + l.Stride - 1) / l.Stride; !l.Same {
			if d+l.Pad[2*i]+l.Pad[2*i+1] < reach {
				return nil, nil, false
			}
			to[1+i] = (d+l.Pad[2*i]+l.Pad[2*i+1]-reach)/l.Stride + 1
		}
	}
	work := volume(to) * l.Kernel * l.Kernel
	if kind == "conv" {
		work *= shape[0] / l.Groups
	}
	return []netLayer{l}, to, filters <= 64 && work <= 16*mostWork
}

// rotated is a piece whose filters see a picture from four sides.
func (m netMaker) rotated(shape []int) (layers []netLayer, to []int, ok bool) {
	fields := 1 + m.IntN(4)
	kernel := 1 + m.IntN(3)
	h, w := shape[1]-kernel+1, shape[2]-kernel+1
	if h < 3 || w < 3 {
		return nil, nil, false
	}
	layers = []netLayer{netLayer{Kind: "lift", Size: fields, Kernel: kernel, NoBias: m.IntN(2) == 0, Curve: m.pointwise()}}
	if m.IntN(2) == 0 {
		layers = append(layers, m.norm("groupbatchnorm"))
	}
	if m.IntN(2) == 0 {
		fields = 1 + m.IntN(3)
		layers = append(layers, netLayer{Kind: "groupconv", Size: fields, Kernel: 3, Same: true, NoBias: m.IntN(2) == 0, Curve: m.pointwise()})
	}
	if m.IntN(3) == 0 {
		return layers, []int{4 * fields, h, w}, true
	}
	return append(layers, netLayer{Kind: "groupmaxpool"}), []int{fields, h, w}, true
}

func (m netMaker) pointwise() string { return []string{"", "relu", "silu", "tanh"}[m.IntN(4)] }

// branches is a residual or a concatenation.
func (m netMaker) branches(shape []int, depth int) (layers []netLayer, to []int, ok bool) {
	body, out := m.stage(shape, 1+m.IntN(3), depth+1)
	l := netLayer{Kind: "residual", Branches: [][]netLayer{body}}
	if m.IntN(2) == 0 && len(out) != 2 { // joined along the first axis
		l.Kind = "concat"
		to = slices.Clone(out)
		for range 1 + m.IntN(2) {
			last, rest := m.match(shape, out)
			if last == nil {
				return nil, nil, false
			}
			if len(out) == 1 && m.IntN(2) == 0 {
				last[len(last)-1].Size, rest = 3, 3
			}
			l.Branches, to[0] = append(l.Branches, last), to[0]+rest
		}
		return []netLayer{l}, to, to[0] <= 96
	}
	if !slices.Equal(out, shape) || m.IntN(3) == 0 {
		shortcut, _ := m.match(shape, out)
		if shortcut == nil {
			return nil, nil, false
		}
		l.Branches = append(l.Branches, shortcut)
	}
	return []netLayer{l}, out, true
}

// match is layers from one shape to another, and the first dimension of the latter: nil if
// there are none.
func (m netMaker) match(from, to []int) (layers []netLayer, first int) {
	switch {
	case len(from) == 3:
		k, stride := 1+m.IntN(3), 1
		for i := range 2 {
			for (from[1+i]+stride-1)/stride > to[1+i] {
				stride++
			}
		}
		for i := range 2 {
			if (from[1+i]+stride-1)/stride != to[1+i] {
				return nil, 0
			}
		}
		return []netLayer{{Kind: "conv", Size: to[0], Kernel: k, Stride: stride, Dilation: 1, Groups: 1, Same: true, NoBias: m.IntN(2) == 0}}, to[0]
	case len(from) == 2 && from[0] != to[0]:
		return nil, 0
	}
	return []netLayer{{Kind: "dense", Size: to[len(to)-1]}}, to[0]
}

// normal draws numbers that float32 has.
func (m netMaker) normal(n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.NormFloat64() * scale)
	}
	return v
}

// values draws the first values of a parameter or a state.
func (m netMaker) values(name string, shape []int) []float32 {
	n := volume(shape)
	v := m.normal(n, 0.3)
	switch name {
	case "gamma":
		for i := range v {
			v[i]++
		}
	case "variance":
		for i := range v {
			v[i] = float32(0.5 + 1.5*m.Float64())
		}
	case "weight":
		fan := shape[0] // of (in,units)
		if len(shape) > 2 {
			fan = n / shape[0]
		}
		scale := float32(math.Sqrt(2/float64(fan)) / 0.3)
		for i := range v {
			v[i] *= scale
		}
	}
	return v
}
