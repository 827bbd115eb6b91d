package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
)

// window is how a kernel slides over images of one, two or three dimensions: a
// number for each of them.
type window struct {
	kernel, stride, dilation []int
	before, after            []int // the padding
	same                     bool  // so many windows as strides in the image, rounded up
}

// window reads the attributes of a convolution or pooling of images.
func (b *builder) window(x *gorgonia.Node, kernel []int) (w window, ok bool) {
	n := x.Dims() - 2
	if n < 1 || n > 3 {
		b.fail("input is %v, want images (N,C,H,W), or of one or three dimensions", x.Shape())
		return w, false
	}
	w = window{kernel: kernel, stride: b.attrInts("strides"), dilation: b.attrInts("dilations")}
	if k := b.attrInts("kernel_shape"); k != nil {
		w.kernel = k
	}
	for _, v := range []*[]int{&w.stride, &w.dilation} {
		if *v == nil {
			*v = slices.Repeat([]int{1}, n)
		}
	}
	pads := b.attrInts("pads")
	if pads == nil {
		pads = make([]int, 2*n)
	}
	if len(w.kernel) != n || len(w.stride) != n || len(w.dilation) != n || len(pads) != 2*n ||
		min(slices.Min(w.kernel), slices.Min(w.stride), slices.Min(w.dilation)) < 1 {
		b.fail("kernel %v, strides %v, dilations %v, pads %v, want positive numbers for each dimension of %v", w.kernel, w.stride, w.dilation, pads, x.Shape())
		return w, false
	}
	w.before, w.after = slices.Clone(pads[:n]), slices.Clone(pads[n:])
	return w, true
}

// reach is the kernel's size on the image.
func (w window) reach(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// auto sets the padding that auto_pad asks for: so much that the output is the
// input's size divided by the stride, rounded up.
func (b *builder) auto(w *window, size []int) bool {
	upper := true
	switch mode := b.attrText("auto_pad"); mode {
	case "", "NOTSET":
		return true
	case "VALID":
		w.before, w.after = make([]int, len(size)), make([]int, len(size))
		return true
	case "SAME_UPPER":
	case "SAME_LOWER":
		upper = false
	default:
		b.fail("auto_pad %.64q", mode)
		return false
	}
	w.same = true
	for i, d := range size {
		w.before[i], w.after[i] = same(d, w.reach(i), w.stride[i], upper)
	}
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

// count is the number of windows along a dimension of the given size. With up a
// window that reaches beyond the padding counts too, unless it begins there.
func (w window) count(i, size int, up bool) int {
	free, stride := size+w.before[i]+w.after[i]-w.reach(i), w.stride[i]
	switch {
	case w.same:
		return (size + stride - 1) / stride
	case free < 0 && (!up || -free >= stride):
		return 0
	case !up || free < 0:
		return max(free, 0)/stride + 1
	}
	n := (free+stride-1)/stride + 1
	if (n-1)*stride >= size+w.before[i] {
		n--
	}
	return n
}

// only are the windows along some dimensions.
func (w window) only(lo, hi int) window {
	return window{w.kernel[lo:hi], w.stride[lo:hi], w.dilation[lo:hi], w.before[lo:hi], w.after[lo:hi], w.same}
}

// flat are windows of images of height 1, given windows along a line.
func (w window) flat() window {
	first := func(v []int, x int) []int { return append([]int{x}, v...) }
	return window{first(w.kernel, 1), first(w.stride, 1), first(w.dilation, 1), first(w.before, 0), first(w.after, 0), w.same}
}
