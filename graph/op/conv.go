package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel/conv"
)

// KindConv2d is the kind of [Conv2d].
const KindConv2d Kind = "Conv2d"

// Padding is the number of zeros (for a pooling: of pixels that do not count)
// around an image.
type Padding struct{ Top, Bottom, Left, Right int }

// Conv holds the parameters of a convolution. Its zero value has stride 1, no
// padding, no dilation and one group.
type Conv struct {
	StrideH, StrideW     int // 0 means 1
	Pad                  Padding
	DilationH, DilationW int // distance between a filter's weights on the image; 0 means 1
	Groups               int // channels and filters fall into so many separate groups; 0 means 1
}

// Conv2d is the convolution of deep learning, in mathematics the
// cross-correlation: the filter is not flipped.
//
//	y[n,f,i,j] = b[f] + Σ_c Σ_u Σ_v w[f,c,u,v] · x[n,c,i·stride+u·dilation-pad,j·stride+v·dilation-pad]
//
// x is (N,C,H,W), w is (F,C/Groups,KH,KW), the bias b is (F) or nil; y is
// (N,F,OH,OW) with OH = (H+Top+Bottom-(KH-1)·dilation-1)/stride + 1, rounded
// down, and OW alike.
func Conv2d(x, w, b *gorgonia.Node, o Conv) (*gorgonia.Node, error) {
	if err := check(KindConv2d, operands(x, w, b)...); err != nil {
		return nil, err
	}
	s, err := o.shape(x.Shape(), w.Shape())
	if err != nil {
		return nil, fmt.Errorf("Conv2d: %w", err)
	}
	if b != nil && !slices.Equal(b.Shape(), tensor.Shape{s.F}) {
		return nil, fmt.Errorf("Conv2d: bias is %v, want (%d) for %d filters", b.Shape(), s.F, s.F)
	}
	return apply(spec{
		kind:    KindConv2d,
		detail:  o.String(),
		shape:   tensor.Shape{s.N, s.F, s.OH, s.OW},
		mulAdds: s.MulAdds(),
		params:  o.defaults(),
	}, conv.NewConv2d[float32](s, b != nil), conv.NewConv2d[float64](s, b != nil), operands(x, w, b)...)
}

// Conv returns the parameters of a [Conv2d], with their defaults filled in.
func (d Description) Conv() Conv {
	o, _ := d.paramsOf(KindConv2d).(Conv)
	return o
}

// String lists what differs from the zero value.
func (o Conv) String() string {
	o = o.defaults()
	s := fmt.Sprintf("stride %dx%d", o.StrideH, o.StrideW)
	if o.Pad != (Padding{}) {
		s += fmt.Sprintf(" pad %v", o.Pad)
	}
	if o.DilationH != 1 || o.DilationW != 1 {
		s += fmt.Sprintf(" dilation %dx%d", o.DilationH, o.DilationW)
	}
	if o.Groups != 1 {
		s += fmt.Sprintf(" groups %d", o.Groups)
	}
	return s
}

// String is top, bottom, left, right.
func (p Padding) String() string {
	return fmt.Sprintf("%d,%d,%d,%d", p.Top, p.Bottom, p.Left, p.Right)
}

func (o Conv) defaults() Conv {
	for _, v := range []*int{&o.StrideH, &o.StrideW, &o.DilationH, &o.DilationW, &o.Groups} {
		if *v == 0 {
			*v = 1
		}
	}
	return o
}

func (o Conv) shape(x, w tensor.Shape) (s conv.Shape, err error) {
	if len(x) != 4 || len(w) != 4 {
		return s, fmt.Errorf("input is %v and filters are %v, want (N,C,H,W) and (F,C,KH,KW)", x, w)
	}
	o = o.defaults()
	if min(o.StrideH, o.StrideW, o.DilationH, o.DilationW, o.Groups) < 1 {
		return s, fmt.Errorf("%v, want positive numbers", o)
	}
	if x[1]%o.Groups != 0 || w[0]%o.Groups != 0 {
		return s, fmt.Errorf("%d channels and %d filters do not fall into %d groups", x[1], w[0], o.Groups)
	}
	if w[1] != x[1]/o.Groups {
		return s, fmt.Errorf("filters are %v, want (F,%d,KH,KW) for input %v in %d groups", w, x[1]/o.Groups, x, o.Groups)
	}
	s = conv.Shape{
		N: x[0], C: x[1], H: x[2], W: x[3], F: w[0], KH: w[2], KW: w[3],
		StrideH: o.StrideH, StrideW: o.StrideW, PadTop: o.Pad.Top, PadLeft: o.Pad.Left,
		DilationH: o.DilationH, DilationW: o.DilationW, Groups: o.Groups,
	}
	s.OH, s.OW, err = o.Pad.slide(x, (w[2]-1)*o.DilationH+1, (w[3]-1)*o.DilationW+1, o.StrideH, o.StrideW)
	return s, err
}

// slide returns how often a window of kh×kw fits the padded image x.
func (p Padding) slide(x tensor.Shape, kh, kw, strideH, strideW int) (oh, ow int, err error) {
	if min(p.Top, p.Bottom, p.Left, p.Right) < 0 {
		return 0, 0, fmt.Errorf("padding %v is negative", p)
	}
	h, w := x[2]+p.Top+p.Bottom, x[3]+p.Left+p.Right
	if kh < 1 || kw < 1 || kh > h || kw > w {
		return 0, 0, fmt.Errorf("kernel %dx%d does not fit input %v with padding %v", kh, kw, x, p)
	}
	return (h-kh)/strideH + 1, (w-kw)/strideW + 1, nil
}

// convShape is the shape of a node that is a convolution.
func convShape(n *gorgonia.Node) (s conv.Shape, ok bool) {
	d, _ := Describe(n)
	if d.Kind != KindConv2d {
		return s, false
	}
	s, err := d.Conv().shape(d.Operands[0].Shape(), d.Operands[1].Shape())
	return s, err == nil
}
