package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// MaxPool2D takes the largest pixel of each Size×Size window of each channel:
// (N,C,H,W) becomes (N,C,H',W').
type MaxPool2D struct {
	Size    int     // 0 means 2
	Stride  int     // 0 means Size: windows side by side
	Padding Padding // zero value: Valid, pixels that fill no window are left out
}

// Build adds the layer to s.
func (l MaxPool2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("maxpool2d").pool(op.MaxPool2D, x, l.Size, l.Stride, l.Padding)
}

// AvgPool2D takes the mean of each Size×Size window of each channel: (N,C,H,W)
// becomes (N,C,H',W'). Padding does not count in the mean.
type AvgPool2D struct {
	Size    int     // 0 means 2
	Stride  int     // 0 means Size: windows side by side
	Padding Padding // zero value: Valid, pixels that fill no window are left out
}

// Build adds the layer to s.
func (l AvgPool2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("avgpool2d").pool(op.AvgPool2D, x, l.Size, l.Stride, l.Padding)
}

func (s *Scope) pool(f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), x *gorgonia.Node, size, stride int, p Padding) *gorgonia.Node {
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	if !s.positive(argument{"size", size, "2"}, argument{"stride", stride, "the size"}) {
		return nil
	}
	if size == 0 {
		size = 2
	}
	if stride == 0 {
		stride = size
	}
	o := op.Pool{KH: size, KW: size, StrideH: stride, StrideW: stride, Pad: p.of(in, size, stride)}
	return s.Node(f(x, o))
}

// GlobalAvgPool2D takes the mean of each channel: (N,C,H,W) becomes (N,C).
type GlobalAvgPool2D struct{}

// Build adds the layer to s.
func (GlobalAvgPool2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("globalavgpool2d")
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	y := s.Node(op.AvgPool2D(x, op.Pool{KH: in[2], KW: in[3]}))
	return s.Node(op.Reshape(y, in[0], in[1]))
}
