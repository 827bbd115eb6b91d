package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Conv2D learns filters that slide over an image (N,C,H,W) and gives one
// channel for each, (N,Filters,H',W'). As everywhere in deep learning it is a
// cross-correlation: see [op.Conv2d] for the formula, and the package's
// ConvolutionFormula example for the true convolution.
//
// Its parameters are weight (Filters,C/Groups,Kernel,Kernel) and bias
// (Filters).
type Conv2D struct {
	Filters    int
	Kernel     int        // the filters are Kernel×Kernel pixels
	Stride     int        // 0 means 1
	Padding    Padding    // zero value: Valid
	Dilation   int        // distance between a filter's weights on the image; 0 means 1
	Groups     int        // number of groups of channels and filters that do not see each other; 0 means 1
	Activation Activation // nil means none
	NoBias     bool
	WeightInit Init // nil means GlorotUniform
	BiasInit   Init // nil means Zeros
}

// Build adds the layer to s.
func (l Conv2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return l.build(s.Sub("conv2d"), x)
}

func (l Conv2D) build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	if !s.positive(argument{"filters", l.Filters, ""}, argument{"kernel", l.Kernel, ""},
		argument{"stride", l.Stride, "1"}, argument{"dilation", l.Dilation, "1"}, argument{"groups", l.Groups, "1"}) {
		return nil
	}
	stride, dilation, groups := max(l.Stride, 1), max(l.Dilation, 1), max(l.Groups, 1)
	if in[1]%groups != 0 {
		return s.Errorf("%d channels do not fall into %d groups", in[1], groups)
	}
	o := op.Conv{
		StrideH: stride, StrideW: stride,
		DilationH: dilation, DilationW: dilation,
		Pad:    l.Padding.of(in, (l.Kernel-1)*dilation+1, stride),
		Groups: groups,
	}
	weight := s.Param("weight", l.WeightInit.or(GlorotUniform), l.Filters, in[1]/groups, l.Kernel, l.Kernel)
	bias := s.bias(l.NoBias, l.BiasInit, l.Filters)
	y := s.Node(op.Conv2d(x, weight, bias, o))
	return s.activate(l.Activation, y)
}

// DepthwiseConv2D filters each channel by itself: a Conv2D with as many groups
// as there are channels.
type DepthwiseConv2D struct {
	Kernel     int
	Multiplier int        // filters per channel; 0 means 1
	Stride     int        // 0 means 1
	Padding    Padding    // zero value: Valid
	Dilation   int        // 0 means 1
	Activation Activation // nil means none
	NoBias     bool
	WeightInit Init // nil means GlorotUniform
	BiasInit   Init // nil means Zeros
}

// Build adds the layer to s.
func (l DepthwiseConv2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("conv2d")
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	if !s.positive(argument{"multiplier", l.Multiplier, "1"}) {
		return nil
	}
	return Conv2D{
		Filters: in[1] * max(l.Multiplier, 1), Groups: in[1],
		Kernel: l.Kernel, Stride: l.Stride, Padding: l.Padding, Dilation: l.Dilation,
		Activation: l.Activation, NoBias: l.NoBias, WeightInit: l.WeightInit, BiasInit: l.BiasInit,
	}.build(s, x)
}

// Padding says how many pixels are added around an image. It is Valid, Same,
// Pad or PadEach.
type Padding struct {
	same bool
	each op.Padding
}

// Valid adds nothing: the window stays inside the image.
var Valid = Padding{}

// Same adds so much that the output is the input's size divided by the stride,
// rounded up; an odd pixel goes to the bottom and to the right, as in Keras.
var Same = Padding{same: true}

// Pad adds n pixels on every side.
func Pad(n int) Padding { return PadEach(n, n, n, n) }

// PadEach adds the given numbers of pixels.
func PadEach(top, bottom, left, right int) Padding {
	return Padding{each: op.Padding{Top: top, Bottom: bottom, Left: left, Right: right}}
}

// of returns the padding for an input (N,C,H,W) and a window of size×size.
func (p Padding) of(in []int, size, stride int) op.Padding {
	if !p.same {
		return p.each
	}
	top, bottom := same(in[2], size, stride)
	left, right := same(in[3], size, stride)
	return op.Padding{Top: top, Bottom: bottom, Left: left, Right: right}
}

func same(length, size, stride int) (before, after int) {
	out := (length + stride - 1) / stride
	total := max((out-1)*stride+size-length, 0)
	return total / 2, total - total/2
}

// argument is a number that a layer was given.
type argument struct {
	name  string
	value int
	zero  string // what 0 stands for; "" if 0 is wrong
}

// positive reports whether the arguments are positive, or 0 where that stands
// for something. The first one that is wrong becomes the error.
func (s *Scope) positive(arguments ...argument) bool {
	for _, a := range arguments {
		switch {
		case a.value < 0 && a.zero != "":
			s.Errorf("%s is %d, want a positive number; 0 means %s", a.name, a.value, a.zero)
			return false
		case a.value < 0, a.value == 0 && a.zero == "":
			s.Errorf("%s is %d, want a positive number", a.name, a.value)
			return false
		}
	}
	return true
}

// image returns the shape of an input that has to be (N,C,H,W).
func (s *Scope) image(x *gorgonia.Node) (shape []int, ok bool) {
	if s.b.err != nil {
		return nil, false
	}
	if x.Dims() != 4 {
		s.Errorf("input is %v, want images (N,C,H,W)", x.Shape())
		return nil, false
	}
	return x.Shape(), true
}

// bias returns the parameter bias (units), or nil if the layer has none.
func (s *Scope) bias(none bool, init Init, units int) *gorgonia.Node {
	if none {
		return nil
	}
	return s.Param("bias", init.or(Zeros), units)
}
