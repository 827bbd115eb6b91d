package onnx

import (
	"math"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// pooling is how an operator pools images of two dimensions.
type pooling struct {
	f     func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error)
	fill  float64 // what stands for padding where the images have to be copied
	count bool    // padding counts, as zeros
}

var (
	maxPooling = pooling{f: op.MaxPool2D, fill: math.Inf(-1)}
	avgPooling = pooling{f: op.AvgPool2D}
)

func importMaxPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.pool(x, maxPooling)
}

func importAvgPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	p := avgPooling
	p.count = b.attrInt("count_include_pad", 0) != 0
	return b.pool(x, p)
}

// pool adds a pooling of images of one, two or three dimensions. Windows of volumes
// are pooled along the planes first, and then along the depth: the largest of the
// largest is the largest, and as many pixels count in each line, so is the mean.
func (b *builder) pool(x *gorgonia.Node, p pooling) *gorgonia.Node {
	w, ok := b.window(x, nil)
	if !ok || !b.auto(&w, x.Shape()[2:]) {
		return nil
	}
	return b.pooled(x, w, p)
}

func (b *builder) pooled(x *gorgonia.Node, w window, p pooling) *gorgonia.Node {
	if x == nil {
		return nil
	}
	s := x.Shape()
	switch len(w.kernel) {
	case 1:
		y := b.images(b.reshape(x, s[0], s[1], 1, s[2]), w.flat(), p)
		if y == nil {
			return nil
		}
		return b.reshape(y, s[0], s[1], y.Shape()[3])
	case 2:
		return b.images(x, w, p)
	}
	y := b.images(b.reshape(x, s[0], s[1]*s[2], s[3], s[4]), w.only(1, 3), p)
	if y == nil {
		return nil
	}
	h, wide := y.Shape()[2], y.Shape()[3]
	depth := w.only(0, 1).flat()
	for _, v := range [][]int{depth.kernel, depth.stride, depth.dilation, depth.before, depth.after} {
		v[0], v[1] = v[1], v[0]
	}
	if y = b.images(b.reshape(y, s[0], s[1], s[2], h*wide), depth, p); y == nil {
		return nil
	}
	return b.reshape(y, s[0], s[1], y.Shape()[2], h, wide)
}

// images pools images (N,C,H,W). The padding after them is not the file's: it is so
// much that the last window fits, which begins before the file's padding ends.
func (b *builder) images(x *gorgonia.Node, w window, p pooling) *gorgonia.Node {
	up, out := b.attrInt("ceil_mode", 0) != 0, make([]int, 2)
	for i := range out {
		if out[i] = w.count(i, x.Shape()[2+i], up); out[i] < 1 || min(w.before[i], w.after[i]) < 0 {
			return b.fail("windows %v, paddings %v and %v, of %v, want one that fits, and no negative padding", w.kernel, w.before, w.after, x.Shape())
		}
	}
	padded := slices.Max(w.before) > 0 || slices.Max(w.after) > 0
	if dilated := slices.Max(w.dilation) > 1; dilated && math.IsInf(p.fill, -1) {
		if x, w = b.apart(x, w, out, p.fill); x == nil {
			return nil
		}
	} else if dilated {
		return b.fail("dilations %v of a mean, want 1", w.dilation)
	}
	if p.count && padded {
		x = b.pad(x, append([]int{0, 0}, w.before...), append([]int{0, 0}, w.after...), "constant", 0)
		if x == nil {
			return nil
		}
		w.before = []int{0, 0}
	}
	s, need := x.Shape(), make([]int, 2)
	for i, n := range out {
		need[i] = max(0, (n-1)*w.stride[i]+w.kernel[i]-s[2+i]-w.before[i])
	}
	o := op.Pool{
		KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1],
		Pad: op.Padding{Top: w.before[0], Left: w.before[1], Bottom: need[0], Right: need[1]},
	}
	if o.KH*o.KW > maxPlainSum { // columns first: a window's pixels are a rectangle, with padding too
		if x = b.do(p.f(x, op.Pool{KH: o.KH, KW: 1, StrideH: o.StrideH, StrideW: 1, Pad: op.Padding{Top: o.Pad.Top, Bottom: o.Pad.Bottom}})); x == nil {
			return nil
		}
		o = op.Pool{KH: 1, KW: o.KW, StrideH: 1, StrideW: o.StrideW, Pad: op.Padding{Left: o.Pad.Left, Right: o.Pad.Right}}
	}
	return b.do(p.f(x, o))
}

// apart copies the pixels of each window, which have gaps between them, side by side.
func (b *builder) apart(x *gorgonia.Node, w window, out []int, fill float64) (*gorgonia.Node, window) {
	s := x.Shape()
	x = b.gather(x, true, fill, []int{s[0], s[1], out[0] * w.kernel[0], out[1] * w.kernel[1]}, func(to, from []int) bool {
		from[0] = to[0]
		for i, k := range w.kernel {
			from[1+i] = to[1+i]/k*w.stride[i] + to[1+i]%k*w.dilation[i] - w.before[i]
			if from[1+i] < 0 || from[1+i] >= s[2+i] {
				return false
			}
		}
		return true
	})
	return x, window{w.kernel, w.kernel, []int{1, 1}, []int{0, 0}, []int{0, 0}, false}
}

func importGlobalAvgPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	if s := x.Shape(); len(s) > 2 && s[2:].TotalSize() > maxPlainSum {
		y := b.reshape(x, s[0], s[1], s[2:].TotalSize())
		if y = b.do(op.Across(y, 2, mean)); y == nil {
			return nil
		}
		return b.reshape(y, append([]int{s[0], s[1]}, slices.Repeat([]int{1}, len(s)-2)...)...)
	}
	return b.global(x, op.AvgPool2D)
}

func importGlobalMaxPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.global(x, op.MaxPool2D)
}

// global pools all pixels of a channel.
func (b *builder) global(x *gorgonia.Node, f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error)) *gorgonia.Node {
	s := x.Shape()
	if len(s) < 3 {
		return b.fail("input is %v, want images (N,C,H,W)", s)
	}
	if len(s) == 4 {
		return b.do(f(x, op.Pool{KH: s[2], KW: s[3]}))
	}
	pixels := s[2:].TotalSize()
	y := b.do(f(b.reshape(x, s[0], s[1], 1, pixels), op.Pool{KH: 1, KW: pixels}))
	return b.reshape(y, append([]int{s[0], s[1]}, slices.Repeat([]int{1}, len(s)-2)...)...)
}

// importLpPool is the root of the sum of powers in each window, of which padding has
// none.
func importLpPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	p := b.attrFloat("p", 2)
	if a := b.attribute("p"); a != nil && a.Type == attrInt {
		p = float64(a.Int)
	}
	w, ok := b.window(x, nil)
	if !ok || !b.auto(&w, x.Shape()[2:]) {
		return nil
	}
	for i := range w.kernel { // rounding up adds padding too
		n := w.count(i, x.Shape()[2+i], b.attrInt("ceil_mode", 0) != 0)
		w.after[i] = max(w.after[i], (n-1)*w.stride[i]+w.reach(i)-x.Shape()[2+i]-w.before[i])
	}
	y := b.pooled(b.magnitude(x, p), w, pooling{f: op.AvgPool2D, count: true})
	return b.rooted(y, product(w.kernel), p)
}

func importGlobalLpPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	p := float64(b.attrInt("p", 2))
	return b.rooted(b.global(b.magnitude(x, p), op.AvgPool2D), x.Shape()[min(2, x.Dims()):].TotalSize(), p)
}

// magnitude is |x| to the power p.
func (b *builder) magnitude(x *gorgonia.Node, p float64) *gorgonia.Node {
	if x == nil {
		return nil
	}
	return b.mapped(own("Magnitude", op.Attribute{Name: "p", Value: p}), x, func(x float64) float64 { return math.Pow(math.Abs(x), p) },
		func(x float64) float64 { return p * sign(x) * math.Pow(math.Abs(x), p-1) })
}

// rooted is the root of n times x.
func (b *builder) rooted(x *gorgonia.Node, n int, p float64) *gorgonia.Node {
	if x == nil {
		return nil
	}
	if x = b.do(op.Scale(x, b.number(float64(n)))); x == nil {
		return nil
	}
	return b.do(op.Map(x, op.PowFunction(1/p)))
}

// mapped applies a function, which is written as an operator of ONNX or as one of
// ownOperators.
func (b *builder) mapped(o *op.Operator, x *gorgonia.Node, f, df func(float64) float64) *gorgonia.Node {
	return b.do(op.Map(x, op.Function{Name: strings.TrimPrefix(o.Kind, ownPrefix), F: f, DF: df, Operator: o}))
}
