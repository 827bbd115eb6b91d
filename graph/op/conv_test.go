package op_test

import (
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestConv2d(t *testing.T) {
	tests := []struct {
		name string
		x, w tensor.Shape
		bias bool
		o    op.Conv
		want tensor.Shape
	}{
		{"plain", tensor.Shape{2, 3, 5, 6}, tensor.Shape{4, 3, 3, 3}, true, op.Conv{}, tensor.Shape{2, 4, 3, 4}},
		{"batch of one", tensor.Shape{1, 2, 4, 4}, tensor.Shape{3, 2, 3, 3}, true, op.Conv{}, tensor.Shape{1, 3, 2, 2}},
		{"more images than chunks", tensor.Shape{11, 1, 3, 3}, tensor.Shape{2, 1, 2, 2}, true, op.Conv{}, tensor.Shape{11, 2, 2, 2}},
		{"no bias", tensor.Shape{2, 2, 4, 4}, tensor.Shape{2, 2, 2, 2}, false, op.Conv{}, tensor.Shape{2, 2, 3, 3}},
		{"one channel, one filter", tensor.Shape{2, 1, 4, 4}, tensor.Shape{1, 1, 3, 3}, true, op.Conv{}, tensor.Shape{2, 1, 2, 2}},
		{"1x1 output", tensor.Shape{2, 2, 4, 3}, tensor.Shape{3, 2, 4, 3}, true, op.Conv{}, tensor.Shape{2, 3, 1, 1}},
		{"1x1 image", tensor.Shape{2, 3, 1, 1}, tensor.Shape{2, 3, 1, 1}, true, op.Conv{}, tensor.Shape{2, 2, 1, 1}},
		{"pointwise", tensor.Shape{2, 3, 4, 5}, tensor.Shape{4, 3, 1, 1}, true, op.Conv{}, tensor.Shape{2, 4, 4, 5}},
		{"pointwise in groups", tensor.Shape{2, 4, 3, 3}, tensor.Shape{6, 2, 1, 1}, true, op.Conv{Groups: 2}, tensor.Shape{2, 6, 3, 3}},
		{"pointwise, strided", tensor.Shape{2, 3, 5, 5}, tensor.Shape{2, 3, 1, 1}, true, op.Conv{StrideH: 2, StrideW: 2}, tensor.Shape{2, 2, 3, 3}},
		{"pointwise, padded", tensor.Shape{1, 2, 3, 3}, tensor.Shape{2, 2, 1, 1}, true, op.Conv{Pad: op.Padding{Top: 1, Right: 2}}, tensor.Shape{1, 2, 4, 5}},
		{"pointwise, padded, strided to the same size", tensor.Shape{1, 2, 3, 3}, tensor.Shape{2, 2, 1, 1}, true,
			op.Conv{StrideH: 2, StrideW: 2, Pad: op.Padding{Top: 2, Left: 2}}, tensor.Shape{1, 2, 3, 3}},
		{"non-square kernel", tensor.Shape{2, 2, 5, 6}, tensor.Shape{2, 2, 2, 4}, true, op.Conv{}, tensor.Shape{2, 2, 4, 3}},
		{"strided, remainder", tensor.Shape{2, 2, 6, 8}, tensor.Shape{2, 2, 3, 3}, true, op.Conv{StrideH: 2, StrideW: 3}, tensor.Shape{2, 2, 2, 2}},
		{"padded", tensor.Shape{2, 2, 4, 4}, tensor.Shape{2, 2, 3, 3}, true, op.Conv{Pad: op.Padding{Top: 1, Bottom: 1, Left: 1, Right: 1}}, tensor.Shape{2, 2, 4, 4}},
		{"asymmetric padding", tensor.Shape{2, 2, 4, 4}, tensor.Shape{2, 2, 3, 3}, true, op.Conv{Pad: op.Padding{Top: 2, Left: 1, Right: 3}}, tensor.Shape{2, 2, 4, 6}},
		{"padding beyond the kernel", tensor.Shape{1, 1, 2, 2}, tensor.Shape{2, 1, 2, 2}, true, op.Conv{Pad: op.Padding{Top: 3, Bottom: 4, Left: 5, Right: 3}}, tensor.Shape{1, 2, 8, 9}},
		{"dilated", tensor.Shape{1, 2, 6, 7}, tensor.Shape{2, 2, 3, 3}, true, op.Conv{DilationH: 2, DilationW: 3}, tensor.Shape{1, 2, 2, 1}},
		{"dilated beyond the image", tensor.Shape{1, 1, 3, 3}, tensor.Shape{2, 1, 2, 3}, true,
			op.Conv{DilationH: 4, DilationW: 4, StrideW: 2, Pad: op.Padding{Top: 2, Bottom: 2, Left: 4, Right: 4}}, tensor.Shape{1, 2, 3, 2}},
		{"groups", tensor.Shape{2, 4, 4, 4}, tensor.Shape{6, 2, 3, 3}, true, op.Conv{Groups: 2}, tensor.Shape{2, 6, 2, 2}},
		{"depthwise", tensor.Shape{2, 3, 4, 4}, tensor.Shape{3, 1, 3, 3}, true, op.Conv{Groups: 3}, tensor.Shape{2, 3, 2, 2}},
		{"depthwise, two filters a channel", tensor.Shape{2, 3, 5, 5}, tensor.Shape{6, 1, 3, 3}, true, op.Conv{Groups: 3, StrideH: 2, StrideW: 2}, tensor.Shape{2, 6, 2, 2}},
		{"everything", tensor.Shape{3, 4, 7, 8}, tensor.Shape{4, 2, 3, 2}, true,
			op.Conv{StrideH: 2, StrideW: 3, Pad: op.Padding{Top: 2, Bottom: 1, Right: 3}, DilationH: 2, DilationW: 3, Groups: 2}, tensor.Shape{3, 4, 3, 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			shapes := []tensor.Shape{test.x, test.w}
			if test.bias {
				shapes = append(shapes, test.w[:1])
			}
			o := graphtest.Op{F: conv2d(test.o), In: random(shapes...)}
			checkForward(t, o, naiveConv(test.o, test.want, o.In...), test.want...)
			o.Gradient(t)
		})
	}
}

// conv2d is op.Conv2d of two or three operands.
func conv2d(o op.Conv) graphtest.Func {
	return func(in ...node) (node, error) { return op.Conv2d(in[0], in[1], optional(in, 2), o) }
}

func optional(in []node, i int) node {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// naiveConv is the formula of op.Conv2d, literally.
func naiveConv(o op.Conv, out tensor.Shape, in ...dense) []float64 {
	x, w := in[0], in[1]
	or1 := func(v int) int { return max(v, 1) }
	c, h, wd := x.Shape()[1], x.Shape()[2], x.Shape()[3]
	perGroup, kh, kw := w.Shape()[1], w.Shape()[2], w.Shape()[3]
	filtersPerGroup := out[1] / or1(o.Groups)
	var y []float64
	for n := range out[0] {
		for f := range out[1] {
			for i := range out[2] {
				for j := range out[3] {
					var s float64
					if len(in) > 2 {
						s = in[2].Float64s()[f]
					}
					for ch := range perGroup {
						for u := range kh {
							for v := range kw {
								row := i*or1(o.StrideH) + u*or1(o.DilationH) - o.Pad.Top
								col := j*or1(o.StrideW) + v*or1(o.DilationW) - o.Pad.Left
								if row < 0 || row >= h || col < 0 || col >= wd {
									continue
								}
								from := f/filtersPerGroup*perGroup + ch
								s += w.Float64s()[((f*perGroup+ch)*kh+u)*kw+v] * x.Float64s()[((n*c+from)*h+row)*wd+col]
							}
						}
					}
					y = append(y, s)
				}
			}
		}
	}
	return y
}
