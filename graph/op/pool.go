package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the poolings.
const (
	KindMaxPool2D Kind = "MaxPool2D"
	KindAvgPool2D Kind = "AvgPool2D"
)

// Pool holds the parameters of a pooling.
type Pool struct {
	KH, KW           int // the window
	StrideH, StrideW int // 0 means the window's size: windows side by side
	Pad              Padding
}

// MaxPool2D takes the largest pixel of each window of each channel. x is
// (N,C,H,W); y is (N,C,OH,OW) with OH = (H+Top+Bottom-KH)/StrideH + 1, rounded
// down, and OW alike. Padding never wins; the first of equal pixels gets the
// gradient.
func MaxPool2D(x *gorgonia.Node, o Pool) (*gorgonia.Node, error) {
	return o.apply(KindMaxPool2D, x, func(s kernel.PoolShape) (function[float32], function[float64]) {
		return kernel.NewMaxPool2D[float32](s), kernel.NewMaxPool2D[float64](s)
	})
}

// AvgPool2D takes the mean of each window's pixels; shapes as MaxPool2D.
// Padding does not count, as in Keras: a window at the border is the mean of
// the pixels that are there.
func AvgPool2D(x *gorgonia.Node, o Pool) (*gorgonia.Node, error) {
	return o.apply(KindAvgPool2D, x, func(s kernel.PoolShape) (function[float32], function[float64]) {
		return kernel.NewAvgPool2D[float32](s), kernel.NewAvgPool2D[float64](s)
	})
}

func (o Pool) apply(kind Kind, x *gorgonia.Node, kernels func(kernel.PoolShape) (function[float32], function[float64])) (*gorgonia.Node, error) {
	if err := check(kind, x); err != nil {
		return nil, err
	}
	s, err := o.shape(x.Shape())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	f32, f64 := kernels(s)
	out := tensor.Shape{x.Shape()[0], x.Shape()[1], s.OH, s.OW}
	return apply(spec{kind: kind, detail: o.String(), shape: out, params: o.defaults(), dyOnly: true, pooled: s.Pooled()}, f32, f64, x)
}

// Pool returns the parameters of a [MaxPool2D] or an [AvgPool2D], with their
// defaults filled in.
func (d Description) Pool() Pool {
	o, _ := d.paramsOf(KindMaxPool2D, KindAvgPool2D).(Pool)
	return o
}

// String is the window, the stride and the padding, if any.
func (o Pool) String() string {
	o = o.defaults()
	s := fmt.Sprintf("%dx%d stride %dx%d", o.KH, o.KW, o.StrideH, o.StrideW)
	if o.Pad != (Padding{}) {
		s += fmt.Sprintf(" pad %v", o.Pad)
	}
	return s
}

func (o Pool) defaults() Pool {
	if o.StrideH == 0 {
		o.StrideH = o.KH
	}
	if o.StrideW == 0 {
		o.StrideW = o.KW
	}
	return o
}

func (o Pool) shape(x tensor.Shape) (s kernel.PoolShape, err error) {
	if len(x) != 4 {
		return s, fmt.Errorf("input is %v, want (N,C,H,W)", x)
	}
	o = o.defaults()
	if min(o.KH, o.KW, o.StrideH, o.StrideW) < 1 {
		return s, fmt.Errorf("window %v, want positive numbers", o)
	}
	if max(o.Pad.Top, o.Pad.Bottom) >= o.KH || max(o.Pad.Left, o.Pad.Right) >= o.KW {
		return s, fmt.Errorf("padding %v is not smaller than the window %dx%d", o.Pad, o.KH, o.KW)
	}
	s = kernel.PoolShape{
		Planes: x[0] * x[1], H: x[2], W: x[3], KH: o.KH, KW: o.KW,
		StrideH: o.StrideH, StrideW: o.StrideW, PadTop: o.Pad.Top, PadLeft: o.Pad.Left,
	}
	s.OH, s.OW, err = o.Pad.slide(x, o.KH, o.KW, o.StrideH, o.StrideW)
	return s, err
}

// poolShape is the shape of a node that is a pooling of the given kind.
func poolShape(n *gorgonia.Node, kind Kind) (s kernel.PoolShape, ok bool) {
	d, _ := Describe(n)
	if d.Kind != kind {
		return s, false
	}
	s, err := d.Pool().shape(d.Operands[0].Shape())
	return s, err == nil
}
