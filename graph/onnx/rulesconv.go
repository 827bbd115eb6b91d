package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

func importConv(b *builder, x *gorgonia.Node) *gorgonia.Node {
	f := b.operand(1)
	if f == nil || f.Dims() != x.Dims() || f.Dims() < 3 {
		return b.fail("filters that are not (F,C,KH,KW), or of the dimensions of the input %v", x.Shape())
	}
	w, ok := b.window(x, f.Shape()[2:])
	if !ok || !b.auto(&w, x.Shape()[2:]) {
		return nil
	}
	if !slices.Equal(w.kernel, f.Shape()[2:]) {
		return b.fail("kernel_shape %v, the filters are %v", w.kernel, f.Shape())
	}
	return b.convolve(x, f, b.operand(2), w, b.attrInt("group", 1))
}

// convolve adds a convolution of images of one, two or three dimensions.
func (b *builder) convolve(x, f, bias *gorgonia.Node, w window, groups int) *gorgonia.Node {
	if x == nil || f == nil {
		return nil
	}
	s, fs := x.Shape(), f.Shape()
	switch len(w.kernel) {
	case 1:
		y := b.convolve(b.reshape(x, s[0], s[1], 1, s[2]), b.reshape(f, fs[0], fs[1], 1, fs[2]), bias, w.flat(), groups)
		if y == nil {
			return nil
		}
		return b.reshape(y, s[0], fs[0], y.Shape()[3])
	case 3:
		return b.convolve3(x, f, bias, w, groups)
	}
	o := op.Conv{
		StrideH: w.stride[0], StrideW: w.stride[1], DilationH: w.dilation[0], DilationW: w.dilation[1], Groups: groups,
		Pad: op.Padding{Top: w.before[0], Left: w.before[1], Bottom: w.after[0], Right: w.after[1]},
	}
	return b.do(op.Conv2d(x, f, bias, o))
}

// convolve3 is a convolution of volumes (N,C,D,H,W) as one of images: the planes that
// a filter sees along the depth become channels of one image.
func (b *builder) convolve3(x, f, bias *gorgonia.Node, w window, groups int) *gorgonia.Node {
	s, fs := x.Shape(), f.Shape()
	out := w.count(0, s[2], false)
	if out < 1 {
		return b.fail("filters %v do not fit the input %v", fs, s)
	}
	planes := b.gather(x, true, 0, []int{s[0], out, s[1], w.kernel[0], s[3], s[4]}, func(to, from []int) bool {
		from[0], from[2], from[3] = to[1], to[3], to[4]
		from[1] = to[0]*w.stride[0] + to[2]*w.dilation[0] - w.before[0]
		return from[1] >= 0 && from[1] < s[2]
	})
	planes = b.reshape(planes, s[0]*out, s[1]*w.kernel[0], s[3], s[4])
	y := b.convolve(planes, b.reshape(f, fs[0], fs[1]*fs[2], fs[3], fs[4]), bias, w.only(1, 3), groups)
	if y == nil {
		return nil
	}
	h, wide := y.Shape()[2], y.Shape()[3]
	return b.permute(b.reshape(y, s[0], out, fs[0], h, wide), []int{0, 2, 1, 3, 4})
}

// importConvTranspose is a convolution of the image with zeros between its
// pixels, with filters turned by 180°.
func importConvTranspose(b *builder, x *gorgonia.Node) *gorgonia.Node {
	f := b.operand(1)
	if f == nil || f.Dims() != x.Dims() || f.Dims() < 3 {
		return b.fail("filters that are not (C,F,KH,KW), or of the dimensions of the input %v", x.Shape())
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
	to := []int{s[0], s[1]}
	for i, d := range size {
		to = append(to, d+w.reach(i)-1)
	}
	spread := b.gather(x, true, 0, to, func(to, from []int) bool {
		from[0] = to[0]
		for i, pad := range w.before {
			at := to[1+i] - (w.reach(i) - 1 - pad)
			if from[1+i] = at / w.stride[i]; at < 0 || at%w.stride[i] != 0 || from[1+i] >= s[2+i] {
				return false
			}
		}
		return true
	})
	c, m := s[1]/groups, fs[1]
	turned := b.gather(f, false, 0, append([]int{groups * m, c}, fs[2:]...), func(to, from []int) bool {
		from[0], from[1] = to[0]/m*c+to[1], to[0]%m
		for i := 2; i < len(to); i++ {
			from[i] = fs[i] - 1 - to[i]
		}
		return true
	})
	n := len(w.kernel)
	w.stride, w.before, w.after = slices.Repeat([]int{1}, n), make([]int, n), make([]int, n)
	return b.convolve(spread, turned, b.operand(2), w, groups)
}

// transposedSize is the output's size. It sets the padding where auto_pad or
// output_shape ask for one.
func (b *builder) transposedSize(w *window, in tensor.Shape) (size []int, ok bool) {
	more, want := b.attrInts("output_padding"), b.attrInts("output_shape")
	n := len(w.kernel)
	if more == nil {
		more = make([]int, n)
	}
	mode := b.attrText("auto_pad")
	if want == nil && (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
		for i, stride := range w.stride {
			want = append(want, in[2+i]*stride)
		}
	}
	if len(more) != n || want != nil && len(want) != n {
		b.fail("output_padding %v, output_shape %v, want %d numbers", more, want, n)
		return nil, false
	}
	for i := range n {
		whole := (in[2+i]-1)*w.stride[i] + w.reach(i) + more[i]
		if want != nil {
			total := max(whole-want[i], 0)
			w.before[i], w.after[i] = total/2, total-total/2
			if mode != "SAME_UPPER" {
				w.before[i], w.after[i] = total-total/2, total/2
			}
			size = append(size, want[i])
			continue
		}
		size = append(size, whole-w.before[i]-w.after[i])
	}
	return size, true
}
