package topology

import (
	"encoding/json"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

func concatNode(b *builder, _ *node, in []value) value {
	axis, ok := b.ints(in, len(in)-1)
	if !ok || len(axis) != 1 {
		return value{node: b.errorf("an axis that is not one number")}
	}
	in = in[:len(in)-1]
	for _, v := range in {
		if v.node == nil {
			return value{node: b.errorf("a constant among the inputs, want none")}
		}
	}
	return b.concat(in, axis[0])
}

// reshapeNode has a shape whose first number is the batch.
func reshapeNode(b *builder, _ *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	shape, ok := b.ints(in, 1)
	if !ok {
		return nil
	}
	if len(shape) != 2 && len(shape) != 4 {
		return b.errorf("shape %v, want (batch,size) or (batch,height,width,channels)", shape)
	}
	s := x.Shape()
	if size := s.TotalSize(); shape[0] == -1 && size/s[0] != tensor.Shape(shape[1:]).TotalSize() {
		return b.errorf("shape %v of %v, want the batch in front", shape, s)
	}
	return b.reshape(x, shape[1:])
}

func squeezeNode(b *builder, n *node, x *gorgonia.Node, _ []value) *gorgonia.Node {
	s, axes := x.Shape(), []integer(nil)
	for _, name := range []string{"squeeze_dims", "axis"} {
		axes = append(axes, n.Attr[name].List.I...)
	}
	slices.Sort(axes)
	if len(s) != 4 || s[2]*s[3] != 1 || len(axes) > 0 && !slices.Equal(axes, []integer{1, 2}) && !slices.Equal(axes, []integer{-3, -2}) {
		return b.errorf("dimensions %v of an input %v, want height and width of images of one pixel", axes, s)
	}
	return b.s.Sub("squeeze").Node(op.Reshape(x, s[0], s[1]))
}

func resizeNode(linear bool) func(*builder, *node, *gorgonia.Node, []value) *gorgonia.Node {
	return func(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node {
		size, ok := b.ints(in, 1)
		if !ok || len(size) != 2 {
			return b.errorf("a size that is not two numbers")
		}
		return b.resize(x, pair{size[0], size[1]}, resizing{linear: linear, corners: n.Attr["align_corners"].B, middles: n.Attr["half_pixel_centers"].B})
	}
}

// shapeNode is the shape of a value, in the file's order.
func shapeNode(b *builder, _ *node, in []value) value {
	if in[0].node == nil {
		return value{node: b.errorf("the shape of a constant, want a value's")}
	}
	s := slices.Clone(in[0].node.Shape())
	if len(s) == 4 {
		s[1], s[2], s[3] = s[2], s[3], s[1]
	}
	return vector(s...)
}

// vector is a constant that is a list of numbers.
func vector(list ...int) value {
	a := &Array{Shape: []int{len(list)}}
	for _, v := range list {
		a.Values = append(a.Values, float32(v))
	}
	return value{constant: a}
}

// slicedNode takes numbers out of a list.
func slicedNode(b *builder, n *node, in []value) value {
	var all [4][]int // the list, begin, end, step
	for i := range all {
		var ok bool
		if all[i], ok = b.ints(in, i); !ok {
			return value{}
		}
		if i > 0 && len(all[i]) != 1 {
			return value{node: b.errorf("a slice of %d dimensions, want one of a list", len(all[i]))}
		}
	}
	list, begin, end, step := all[0], all[1][0], all[2][0], all[3][0]
	within := func(i int) int {
		if i < 0 {
			i += len(list)
		}
		return min(max(i, 0), len(list))
	}
	begin, end = within(begin), within(end)
	if n.mask("begin_mask") {
		begin = 0
	}
	switch {
	case n.mask("shrink_axis_mask"):
		if begin >= len(list) {
			return value{node: b.errorf("number %d of a list of %d", begin, len(list))}
		}
		return value{constant: &Array{Values: []float32{float32(list[begin])}}}
	case n.mask("end_mask"):
		end = len(list)
	}
	if step != 1 || end < begin {
		return value{node: b.errorf("a slice from %d to %d by %d, want one forwards by 1", begin, end, step)}
	}
	return vector(list[begin:end]...)
}

// mask is a setting whose bit is set for the only dimension.
func (n *node) mask(name string) bool {
	var v integer
	return json.Unmarshal(n.Attr[name].I, &v) == nil && v&1 == 1
}

// packNode makes a list of numbers.
func packNode(b *builder, _ *node, in []value) value {
	var list []int
	for i := range in {
		v, ok := b.ints(in, i)
		if !ok || len(v) != 1 {
			return value{node: b.errorf("input %d, want a number", i)}
		}
		list = append(list, v[0])
	}
	return vector(list...)
}
