package topology

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// cropping cuts pixels from the sides of images.
func cropping(_ *loader, s step) ([]build, error) {
	c, err := sides(s.config.Cropping)
	if err != nil {
		return nil, fmt.Errorf("cropping: %w", err)
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		in := x.Shape()
		if len(in) != 4 || in[2] <= c.Top+c.Bottom || in[3] <= c.Left+c.Right {
			return b.errorf("input %v, want images that are larger than the cropping %v", in, c)
		}
		return b.s.Sub("cropping").Node(op.Strided(x, op.View{
			From:  c.Top*in[3] + c.Left,
			Shape: []int{in[0], in[1], in[2] - c.Top - c.Bottom, in[3] - c.Left - c.Right},
			Steps: []int{in[1] * in[2] * in[3], in[2] * in[3], in[3], 1},
		}))
	}}, s.channelsLast()
}

// upSampling makes images larger by whole numbers: it repeats pixels, or draws
// lines between their middles.
func upSampling(_ *loader, s step) ([]build, error) {
	by := s.config.Size.or(pair{2, 2})
	switch s.config.Interpolation {
	case "", "nearest":
		return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.repeat(x, by) }}, s.channelsLast()
	case "bilinear":
		return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
			in := x.Shape()
			if len(in) != 4 {
				return b.errorf("input %v, want images", in)
			}
			return b.resize(x, pair{in[2] * by.h, in[3] * by.w}, resizing{linear: true, middles: true})
		}}, s.channelsLast()
	}
	return nil, fmt.Errorf("interpolation %.64q, want nearest or bilinear", s.config.Interpolation)
}

// repeat repeats each pixel.
func (b *builder) repeat(x *gorgonia.Node, by pair) *gorgonia.Node {
	in := x.Shape()
	if len(in) != 4 || in[1]*in[2]*in[3] > maxSample/by.h/by.w {
		return b.errorf("input %v, want images that have at most %d values when they are %d×%d times as large", in, maxSample, by.h, by.w)
	}
	n, c, h, w := in[0], in[1], in[2], in[3]
	s := b.s.Sub("upsampling")
	y := s.Node(op.Strided(x, op.View{
		Shape: []int{n, c, h, by.h, w, by.w},
		Steps: []int{c * h * w, h * w, w, 0, 1, 0},
	}))
	return s.Node(op.Reshape(y, n, c, h*by.h, w*by.w))
}

// resizing says which place of the old image a pixel of the new one has.
type resizing struct {
	linear  bool // lines between pixels, not the nearest one
	corners bool // the middles of the corner pixels stay where they are
	middles bool // a pixel's place is its middle, not its corner
}

// resize changes the size of images: each side is a product with a matrix that has
// the shares of the old pixels in the new ones.
func (b *builder) resize(x *gorgonia.Node, to pair, r resizing) *gorgonia.Node {
	in := x.Shape()
	if len(in) != 4 || to.h < 1 || to.w < 1 || to.h > maxSample/in[1]/max(in[3], to.w) || to.w > maxSample/in[1]/max(in[2], to.h) {
		return b.errorf("input %v to size %d×%d, want images of at most %d values", in, to.h, to.w, maxSample)
	}
	s := b.s.Sub("resize")
	if b.budget -= in[3]*to.w + in[2]*to.h; b.budget < 0 {
		return b.errorf("more than %d values in all layers that pad or reorder", maxMoved)
	}
	x = s.Node(op.Mul(x, s.Constant("columns", r.shares(in[3], to.w), in[3], to.w), nil))
	x = s.Node(op.Permute(x, 0, 1, 3, 2))
	x = s.Node(op.Mul(x, s.Constant("rows", r.shares(in[2], to.h), in[2], to.h), nil))
	return s.Node(op.Permute(x, 0, 1, 3, 2))
}

// shares is the matrix (from,to) for one side.
func (r resizing) shares(from, to int) []float32 {
	m := make([]float32, from*to)
	scale := float64(from) / float64(to)
	if r.corners && to > 1 {
		scale = float64(from-1) / float64(to-1)
	}
	for i := range to {
		at := float64(i) * scale
		if r.middles {
			at = (float64(i) + 0.5) * scale
			if r.linear {
				at -= 0.5
			}
		}
		if !r.linear {
			if at = math.Floor(at); r.corners {
				at = math.Floor(float64(i)*scale + 0.5)
			}
			m[min(int(at), from-1)*to+i] = 1
			continue
		}
		at = min(max(at, 0), float64(from-1))
		low := int(at)
		part := at - float64(low)
		m[low*to+i] += float32(1 - part)
		if part > 0 {
			m[(low+1)*to+i] += float32(part)
		}
	}
	return m
}

// preLU is x where that is positive, and alpha·x elsewhere, with an alpha for each
// element of a sample, or for each that shared_axes leave.
func preLU(l *loader, s step) ([]build, error) {
	a, err := l.take(s, []string{"alpha"})
	if err != nil {
		return nil, err
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.preLU(x, a) }}, nil
}

func (b *builder) preLU(x *gorgonia.Node, a Array) *gorgonia.Node {
	in := x.Shape()
	shape, place := a.Shape, itself
	switch {
	case len(shape) == 3 && len(in) == 4:
		shape = []int{shape[2], shape[0], shape[1]}
		place = lastly(shape)
	case len(shape) == 1 && len(in) == 2 && shape[0] == in[1]:
		place = b.element()
	default:
		return b.errorf("alpha is %v for an input %v, want its dimensions, or 1", a.Shape, in)
	}
	s := b.s.Sub("prelu")
	slope := b.tensor(s.Param, "alpha", initial(a, place), shape...)
	negative := s.Node(op.Map(x, op.LimitFunction(math.Inf(-1), 0)))
	return s.Node(op.Add(s.Node(op.ReLU(x)), s.Node(op.Scale(negative, slope))))
}

// transposed is a convolution turned around: each pixel puts its filters into the
// output, strides apart.
func transposed(l *loader, s step) ([]build, error) {
	c := s.config
	k, err := l.take(s, []string{"kernel"}, c.KernelSize.h, c.KernelSize.w, c.Filters, -1)
	if err != nil {
		return nil, err
	}
	bias, err := l.bias(s, c.Filters)
	if err != nil {
		return nil, err
	}
	s.inputs = []int{-1} // no padding waits for it
	p, err := l.window(s)
	if err == nil && len(c.OutputPadding) > 0 && string(c.OutputPadding) != "null" {
		err = fmt.Errorf("output_padding %.64s, want none", c.OutputPadding)
	}
	if err != nil {
		return nil, err
	}
	layer := convolution{kernel: k, bias: bias, stride: c.Strides.or(pair{1, 1}), dilation: c.Dilation.or(pair{1, 1}), padding: p}
	after, err := l.activation(s)
	return append([]build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.transposed(x, layer) }}, after...), err
}

// transposed is a convolution of the image with zeros between its pixels, with
// filters turned by 180°. c has a kernel (KH,KW,F,C).
func (b *builder) transposed(x *gorgonia.Node, c convolution) *gorgonia.Node {
	in, k, reach := x.Shape(), c.kernel.Shape, c.reach()
	if len(in) != 4 || in[1] != k[3] {
		return b.errorf("input %v, want images of %d channels", in, k[3])
	}
	// whole is the size that all filters reach together, before is what is cut off.
	whole := pair{(in[2]-1)*c.stride.h + max(reach.h, c.stride.h), (in[3]-1)*c.stride.w + max(reach.w, c.stride.w)}
	var before pair
	if c.padding.same {
		before = pair{max(reach.h-c.stride.h, 0) / 2, max(reach.w-c.stride.w, 0) / 2}
		whole = pair{in[2] * c.stride.h, in[3] * c.stride.w}
	}
	h, w := whole.h+reach.h-1, whole.w+reach.w-1
	pixel := func(at, stride, size int) (int, bool) {
		return at / stride, at >= 0 && at%stride == 0 && at/stride < size
	}
	x = b.move("spread", x, func(i int) int {
		row, inRows := pixel(i/w%h-(reach.h-1-before.h), c.stride.h, in[2])
		column, inColumns := pixel(i%w-(reach.w-1-before.w), c.stride.w, in[3])
		if !inRows || !inColumns {
			return -1
		}
		return (i/(h*w)*in[2]+row)*in[3] + column
	}, in[1], h, w)
	if x == nil {
		return nil
	}
	taps, f := k[0]*k[1], k[2]
	turned := func(i int) int { // of (F,C,KH,KW)
		filter, channel, tap := i/(k[3]*taps), i/taps%k[3], i%taps
		return ((taps-1-tap)*f+filter)*k[3] + channel
	}
	s := b.s.Sub("conv2d")
	weight := b.tensor(s.Param, "weight", initial(c.kernel, turned), f, k[3], k[0], k[1])
	return s.Node(op.Conv2d(x, weight, b.bias(s, c.bias, f), op.Conv{DilationH: c.dilation.h, DilationW: c.dilation.w}))
}
