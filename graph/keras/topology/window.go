package topology

import (
	"encoding/json"
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// padding is what a layer with a window adds around its input.
type padding struct {
	same bool // so much that the output is the input's size divided by the stride, rounded up
	each op.Padding
}

// of returns the padding of an input (N,C,H,W). An odd pixel goes to the bottom
// and to the right.
func (p padding) of(in []int, size, stride pair) op.Padding {
	if !p.same {
		return p.each
	}
	total := func(length, size, stride int) int {
		return max(((length+stride-1)/stride-1)*stride+size-length, 0)
	}
	h, w := total(in[2], size.h, stride.h), total(in[3], size.w, stride.w)
	return op.Padding{Top: h / 2, Bottom: h - h/2, Left: w / 2, Right: w - w/2}
}

// window returns the padding of a layer with a window: its own, or the padding that
// a ZeroPadding2D before it adds.
func (l *loader) window(s step) (p padding, err error) {
	var how string
	if len(s.config.Padding) > 0 {
		if err := json.Unmarshal(s.config.Padding, &how); err != nil {
			return p, fmt.Errorf("padding %.64s, want valid or same", s.config.Padding)
		}
	}
	switch how {
	case "", "valid":
		return l.pending[s.inputs[0]], s.channelsLast()
	case "same":
		return padding{same: true}, s.channelsLast()
	}
	return p, fmt.Errorf("padding %.64q, want valid or same", how)
}

func conv(l *loader, s step) ([]build, error) {
	c, groups := s.config, 1
	if c.Groups != nil {
		groups = *c.Groups
	}
	k, err := l.take(s, []string{"kernel"}, c.KernelSize.h, c.KernelSize.w, -1, c.Filters)
	if err != nil {
		return nil, err
	}
	if groups < 1 || groups > k.Shape[3] || k.Shape[3]%groups != 0 {
		return nil, fmt.Errorf("%d groups of %d filters", groups, k.Shape[3])
	}
	return l.conv(s, k, groups)
}

// conv returns a convolution with filters (KH,KW,C/groups,F) and its
// activation.
func (l *loader) conv(s step, k Array, groups int) ([]build, error) {
	bias, err := l.bias(s, k.Shape[3])
	if err != nil {
		return nil, err
	}
	p, err := l.window(s)
	if err != nil {
		return nil, err
	}
	layer := convolution{
		kernel: k, bias: bias, groups: groups, padding: p,
		stride: s.config.Strides.or(pair{1, 1}), dilation: s.config.Dilation.or(pair{1, 1}),
	}
	after, err := l.activation(s)
	return append([]build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.convolve(x, layer) }}, after...), err
}

// convolution is graph.Conv2D with windows that need not be square.
type convolution struct {
	kernel           Array // (KH,KW,C/groups,F)
	bias             graph.Init
	groups           int
	padding          padding
	stride, dilation pair
}

// reach returns how many pixels a kernel spans.
func (c convolution) reach() pair {
	return pair{(c.kernel.Shape[0]-1)*c.dilation.h + 1, (c.kernel.Shape[1]-1)*c.dilation.w + 1}
}

// convolve adds a convolution, which refuses anything but images of its channels.
func (b *builder) convolve(x *gorgonia.Node, c convolution) *gorgonia.Node {
	k := c.kernel.Shape
	if s := x.Shape(); len(s) != 4 || s[1] != k[2]*c.groups {
		return b.errorf("input %v, want images of %d channels", s, k[2]*c.groups)
	}
	s := b.s.Sub("conv2d")
	weight := b.tensor(s.Param, "weight", initial(c.kernel, c.kernel.filter), k[3], k[2], k[0], k[1])
	return s.Node(op.Conv2d(x, weight, b.bias(s, c.bias, k[3]), op.Conv{
		StrideH: c.stride.h, StrideW: c.stride.w, DilationH: c.dilation.h, DilationW: c.dilation.w,
		Pad: c.padding.of(x.Shape(), c.reach(), c.stride), Groups: c.groups,
	}))
}

// depthwiseKernel are the names of a depthwise kernel: Keras 2's, then Keras 3's.
var depthwiseKernel = []string{"depthwise_kernel", "kernel"}

// depthwise convolves each channel by itself, with a kernel
// (KH,KW,C,multiplier). The multiplier is read from the kernel's shape, as
// TensorFlow.js does not write every layer's.
func depthwise(l *loader, s step) ([]build, error) {
	k, err := l.take(s, depthwiseKernel, s.config.KernelSize.h, s.config.KernelSize.w, -1, -1)
	if err != nil {
		return nil, err
	}
	return l.conv(s, Array{[]int{k.Shape[0], k.Shape[1], 1, k.Shape[2] * k.Shape[3]}, k.Values}, k.Shape[2])
}

// separable is a depthwise convolution, then one of 1×1 pixels.
func separable(l *loader, s step) ([]build, error) {
	first := s
	first.config.Activation, first.config.UseBias = nil, new(bool)
	layers, err := depthwise(l, first)
	if err != nil {
		return nil, err
	}
	k, err := l.take(s, []string{"pointwise_kernel"}, 1, 1, -1, s.config.Filters)
	if err != nil {
		return nil, err
	}
	s.config.Strides, s.config.Dilation, s.config.Padding = pair{1, 1}, pair{1, 1}, nil
	s.inputs = []int{-1} // no padding waits for it
	second, err := l.conv(s, k, 1)
	return append(layers, second...), err
}

// pool makes the rule of a pooling.
func pool(f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), name string) rule {
	return func(l *loader, s step) ([]build, error) {
		p, err := l.window(s)
		size := s.config.PoolSize.or(pair{2, 2})
		stride := s.config.Strides.or(size)
		return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
			if x.Dims() != 4 {
				return b.errorf("input %v, want images", x.Shape())
			}
			o := op.Pool{KH: size.h, KW: size.w, StrideH: stride.h, StrideW: stride.w, Pad: p.of(x.Shape(), size, stride)}
			return b.s.Sub(name).Node(f(x, o))
		}}, err
	}
}

// globalPool makes the rule of a pooling over whole images: (N,C,H,W) becomes
// (N,C), or (N,C,1,1) with keepdims.
func globalPool(f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), name string) rule {
	return func(_ *loader, s step) ([]build, error) {
		return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.global(x, s.config.KeepDims, f, name) }}, s.channelsLast()
	}
}

func (b *builder) global(x *gorgonia.Node, keep bool, f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), name string) *gorgonia.Node {
	in := x.Shape()
	if len(in) != 4 {
		return b.errorf("input %v, want images", in)
	}
	s := b.s.Sub(name)
	y := s.Node(f(x, op.Pool{KH: in[2], KW: in[3]}))
	if keep {
		return y
	}
	return s.Node(op.Reshape(y, in[0], in[1]))
}

// zeroPadding hands its padding to the next layer, if that is a convolution
// without padding of its own. Otherwise it is a layer.
func zeroPadding(l *loader, s step) ([]build, error) {
	p, err := sides(s.config.Padding)
	if err != nil {
		return nil, err
	}
	out := l.at + 1
	if l.consumers[out] == 1 && !s.shared {
		for _, next := range l.steps[l.at+1:] {
			if next.inputs[0] != out || len(next.inputs) != 1 {
				continue
			}
			if next.shared {
				break
			}
			switch next.Class {
			case "Conv2D", "DepthwiseConv2D", "SeparableConv2D":
				if how := string(next.config.Padding); how == `"valid"` || how == "" {
					l.pending[out] = padding{each: p}
					return nil, s.channelsLast()
				}
			}
			break
		}
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.pad(x, p) }}, s.channelsLast()
}

// sides reads n, [height,width] or [[top,bottom],[left,right]].
func sides(text json.RawMessage) (p op.Padding, err error) {
	var one int
	var two [2]int
	var four [2][2]int
	switch {
	case len(text) == 0:
		four = [2][2]int{{1, 1}, {1, 1}} // Keras's own
	case json.Unmarshal(text, &one) == nil:
		four = [2][2]int{{one, one}, {one, one}}
	case json.Unmarshal(text, &two) == nil:
		four = [2][2]int{{two[0], two[0]}, {two[1], two[1]}}
	default:
		four = [2][2]int{}
		if json.Unmarshal(text, &four) != nil {
			return p, errors.New("padding, want a number, two, or four in pairs")
		}
	}
	p = op.Padding{Top: four[0][0], Bottom: four[0][1], Left: four[1][0], Right: four[1][1]}
	if min(p.Top, p.Bottom, p.Left, p.Right) < 0 || max(p.Top, p.Bottom, p.Left, p.Right) > maxSide {
		return p, fmt.Errorf("padding %v, want 0..%d", p, maxSide)
	}
	return p, nil
}
