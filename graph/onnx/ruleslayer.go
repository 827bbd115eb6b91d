package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// window is how a kernel slides over an image: two numbers each, for height and
// width.
type window struct {
	kernel, stride, dilation []int
	pad                      op.Padding
}

// window reads the attributes of a convolution or pooling of images.
func (b *builder) window(x *gorgonia.Node, kernel []int) (w window, ok bool) {
	if x.Dims() != 4 {
		b.fail("input is %v, want images (N,C,H,W)", x.Shape())
		return w, false
	}
	w = window{kernel, b.attrInts("strides"), b.attrInts("dilations"), op.Padding{}}
	if k := b.attrInts("kernel_shape"); k != nil {
		w.kernel = k
	}
	for _, v := range []*[]int{&w.stride, &w.dilation} {
		if *v == nil {
			*v = []int{1, 1}
		}
	}
	pads := b.attrInts("pads")
	if pads == nil {
		pads = []int{0, 0, 0, 0}
	}
	if len(w.kernel) != 2 || len(w.stride) != 2 || len(w.dilation) != 2 || len(pads) != 4 ||
		min(slices.Min(w.kernel), slices.Min(w.stride), slices.Min(w.dilation)) < 1 {
		b.fail("kernel %v, strides %v, dilations %v, pads %v, want positive numbers for height and width", w.kernel, w.stride, w.dilation, pads)
		return w, false
	}
	w.pad = op.Padding{Top: pads[0], Left: pads[1], Bottom: pads[2], Right: pads[3]}
	return w, true
}

// reach is the kernel's size on the image.
func (w window) reach(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// auto sets the padding that auto_pad asks for: so much that the output is the
// input's size divided by the stride, rounded up.
func (b *builder) auto(w *window, h, wide int) bool {
	upper := true
	switch mode := b.attrText("auto_pad"); mode {
	case "", "NOTSET":
		return true
	case "VALID":
		w.pad = op.Padding{}
		return true
	case "SAME_UPPER":
	case "SAME_LOWER":
		upper = false
	default:
		b.fail("auto_pad %.64q", mode)
		return false
	}
	w.pad.Top, w.pad.Bottom = same(h, w.reach(0), w.stride[0], upper)
	w.pad.Left, w.pad.Right = same(wide, w.reach(1), w.stride[1], upper)
	return true
}

// same splits a padding; an odd pixel goes after the image, or with upper unset
// before it.
func same(length, reach, stride int, upper bool) (before, after int) {
	total := max(((length+stride-1)/stride-1)*stride+reach-length, 0)
	before, after = total/2, total-total/2
	if !upper {
		before, after = after, before
	}
	return before, after
}

func importConv(b *builder, x *gorgonia.Node) *gorgonia.Node {
	f := b.operand(1)
	if f == nil || f.Dims() != 4 {
		return b.fail("filters that are not (F,C,KH,KW)")
	}
	w, ok := b.window(x, f.Shape()[2:])
	if !ok || !b.auto(&w, x.Shape()[2], x.Shape()[3]) {
		return nil
	}
	if !slices.Equal(w.kernel, f.Shape()[2:]) {
		return b.fail("kernel_shape %v, the filters are %v", w.kernel, f.Shape())
	}
	o := op.Conv{StrideH: w.stride[0], StrideW: w.stride[1], DilationH: w.dilation[0], DilationW: w.dilation[1], Pad: w.pad, Groups: b.attrInt("group", 1)}
	return b.do(op.Conv2d(x, f, b.operand(2), o))
}

// importConvTranspose is a convolution of the image with zeros between its
// pixels, with filters turned by 180°.
func importConvTranspose(b *builder, x *gorgonia.Node) *gorgonia.Node {
	f := b.operand(1)
	if f == nil || f.Dims() != 4 {
		return b.fail("filters that are not (C,F,KH,KW)")
	}
	w, ok := b.window(x, f.Shape()[2:])
	groups := b.attrInt("group", 1)
	if !ok {
		return nil
	}
	s, fs := x.Shape(), f.Shape()
	if !slices.Equal(w.kernel, fs[2:]) || groups < 1 || s[1]%groups != 0 || fs[0] != s[1] {
		return b.fail("input %v, filters %v, kernel_shape %v, group %d do not go together", s, fs, w.kernel, groups)
	}
	size, ok := b.transposedSize(&w, s)
	if !ok {
		return nil
	}
	spread := b.gather(x, true, 0, []int{s[0], s[1], size[0] + w.reach(0) - 1, size[1] + w.reach(1) - 1}, func(to, from []int) bool {
		from[0] = to[0]
		for i, pad := range []int{w.pad.Top, w.pad.Left} {
			at := to[1+i] - (w.reach(i) - 1 - pad)
			if from[1+i] = at / w.stride[i]; at < 0 || at%w.stride[i] != 0 || from[1+i] >= s[2+i] {
				return false
			}
		}
		return true
	})
	c, m := s[1]/groups, fs[1]
	turned := b.gather(f, false, 0, []int{groups * m, c, fs[2], fs[3]}, func(to, from []int) bool {
		from[0], from[1] = to[0]/m*c+to[1], to[0]%m
		from[2], from[3] = fs[2]-1-to[2], fs[3]-1-to[3]
		return true
	})
	o := op.Conv{DilationH: w.dilation[0], DilationW: w.dilation[1], Groups: groups}
	return b.do(op.Conv2d(spread, turned, b.operand(2), o))
}

// transposedSize is the output's height and width. It sets the padding where
// auto_pad or output_shape ask for one.
func (b *builder) transposedSize(w *window, in tensor.Shape) (size []int, ok bool) {
	more, want := b.attrInts("output_padding"), b.attrInts("output_shape")
	if more == nil {
		more = []int{0, 0}
	}
	mode := b.attrText("auto_pad")
	sameMode := mode == "SAME_UPPER" || mode == "SAME_LOWER"
	if want == nil && sameMode {
		want = []int{in[2] * w.stride[0], in[3] * w.stride[1]}
	}
	if len(more) != 2 || want != nil && len(want) != 2 {
		b.fail("output_padding %v, output_shape %v, want two numbers", more, want)
		return nil, false
	}
	for i, pads := range [][2]*int{{&w.pad.Top, &w.pad.Bottom}, {&w.pad.Left, &w.pad.Right}} {
		whole := (in[2+i]-1)*w.stride[i] + w.reach(i) + more[i]
		if want != nil {
			total := max(whole-want[i], 0)
			*pads[0], *pads[1] = total/2, total-total/2
			if mode != "SAME_UPPER" {
				*pads[0], *pads[1] = total-total/2, total/2
			}
			size = append(size, want[i])
			continue
		}
		size = append(size, whole-*pads[0]-*pads[1])
	}
	return size, true
}

func importMaxPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	o, ok := b.pool(x)
	if !ok {
		return nil
	}
	return b.do(op.MaxPool2D(x, o))
}

// importAvgPool pads the image itself if the padding counts.
func importAvgPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	w, ok := b.window(x, nil)
	if !ok || !b.auto(&w, x.Shape()[2], x.Shape()[3]) {
		return nil
	}
	padded := b.attrInt("count_include_pad", 0) != 0 && w.pad != (op.Padding{})
	if padded {
		p := w.pad
		x = b.pad(x, []int{0, 0, p.Top, p.Left}, []int{0, 0, p.Bottom, p.Right}, "constant", 0)
	}
	o, ok := b.pool(x)
	if !ok {
		return nil
	}
	if padded {
		o.Pad = op.Padding{Bottom: o.Pad.Bottom - w.pad.Bottom, Right: o.Pad.Right - w.pad.Right}
	}
	return b.do(op.AvgPool2D(x, o))
}

// pool reads the attributes of a pooling.
func (b *builder) pool(x *gorgonia.Node) (o op.Pool, ok bool) {
	if x == nil {
		return o, false
	}
	w, ok := b.window(x, nil)
	if !ok || !b.auto(&w, x.Shape()[2], x.Shape()[3]) {
		return o, false
	}
	if w.dilation[0] != 1 || w.dilation[1] != 1 {
		b.fail("dilations %v of a pooling, want 1", w.dilation)
		return o, false
	}
	if b.attrInt("ceil_mode", 0) != 0 {
		w.pad.Bottom += w.up(0, x.Shape()[2]+w.pad.Top+w.pad.Bottom)
		w.pad.Right += w.up(1, x.Shape()[3]+w.pad.Left+w.pad.Right)
	}
	return op.Pool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], Pad: w.pad}, true
}

// up is how many pixels are missing for one more window.
func (w window) up(i, length int) int {
	if rest := (length - w.kernel[i]) % w.stride[i]; length > w.kernel[i] && rest > 0 {
		return w.stride[i] - rest
	}
	return 0
}

func importGlobalAvgPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.global(x, op.AvgPool2D)
}

func importGlobalMaxPool(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.global(x, op.MaxPool2D)
}

func (b *builder) global(x *gorgonia.Node, f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error)) *gorgonia.Node {
	s := x.Shape()
	if len(s) != 4 {
		return b.fail("input is %v, want images (N,C,H,W)", s)
	}
	return b.do(f(x, op.Pool{KH: s[2], KW: s[3]}))
}

// importBatchNorm normalises with the running statistics in inference, and in
// training as graph.BatchNorm does.
func importBatchNorm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	if b.attrInt("training_mode", 0) != 0 || b.attrInt("spatial", 1) != 1 || len(s) < 2 {
		return b.fail("input %v, training_mode or other statistics than those of channels, want a model for inference", s)
	}
	o := op.Norm{
		Epsilon:  b.attrFloat("epsilon", 1e-5),
		Momentum: b.attrFloat("momentum", 0.9),
		Training: b.s.Training(),
	}
	if len(s) != 2 && len(s) != 4 {
		x = b.reshape(x, s[0], s[1], s[2:].TotalSize(), 1)
	}
	y := b.do(op.BatchNorm(x, b.operand(1), b.operand(2), b.operand(3), b.operand(4), o))
	return b.reshape(y, s...)
}

// arrangeDropout drops in training alone.
func arrangeDropout(b *builder, x *value) *value {
	rate := b.attrFloat("ratio", 0.5)
	if v, ok := b.floats(1); ok {
		rate = float64(v[0])
	}
	if always, ok := b.ints(2); ok && len(always) > 0 && always[0] != 0 && rate > 0 {
		b.fail("training_mode, want a model for inference")
		return nil
	}
	if !b.s.Training() || rate == 0 {
		return x
	}
	random := b.s.Sub(b.now.Outputs[0]).Rand()
	return b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return b.do(op.Dropout(x, rate, random)) })
}
