package topology

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// merge adds a layer with several inputs to a graph.
type merge func(b *builder, in []value) value

// merges has the rule for each class of layers with several inputs.
var merges = map[string]func(s step) (merge, error){
	"Add":         elementwise("add", sum),
	"Average":     elementwise("average", mean),
	"Multiply":    elementwise("multiply", products),
	"Concatenate": concatenate,
}

// elementwise makes the rule of a layer that acts on its inputs element by
// element. Vectors that a Flatten has made of images of one shape stay as they
// are; others are brought into the file's order.
func elementwise(name string, f func(s *graph.Scope, xs []*gorgonia.Node) (*gorgonia.Node, error)) func(step) (merge, error) {
	return func(s step) (merge, error) {
		if len(s.inputs) < 2 {
			return nil, fmt.Errorf("%d inputs, want two or more", len(s.inputs))
		}
		return func(b *builder, in []value) value { return b.combine(b.s.Sub(name), in, f) }, nil
	}
}

// combine applies a function of several operands.
func (b *builder) combine(s *graph.Scope, in []value, f func(s *graph.Scope, xs []*gorgonia.Node) (*gorgonia.Node, error)) value {
	flattened := in[0].flattened
	for _, v := range in {
		if !slices.Equal(v.flattened, flattened) {
			flattened = nil
		}
	}
	xs := make([]*gorgonia.Node, len(in))
	for i, v := range in {
		if xs[i] = v.node; flattened == nil && v.node != nil {
			xs[i] = b.ordered(v)
		}
		if xs[i] == nil {
			return value{}
		}
	}
	y, err := f(s, xs)
	if err != nil {
		return value{node: b.errorf("%w", err)}
	}
	return value{node: y, flattened: flattened}
}

// sum adds its operands. Smaller ones repeat, as one number for each channel does.
func sum(s *graph.Scope, xs []*gorgonia.Node) (*gorgonia.Node, error) {
	return repeated(s, xs, op.Add, op.Shift)
}

// products multiplies its operands, of which smaller ones repeat.
func products(s *graph.Scope, xs []*gorgonia.Node) (*gorgonia.Node, error) {
	product := func(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
		y := xs[0]
		for _, x := range xs[1:] {
			y = s.Node(op.Hadamard(y, x))
		}
		return y, nil
	}
	return repeated(s, xs, product, op.Scale)
}

func mean(s *graph.Scope, xs []*gorgonia.Node) (*gorgonia.Node, error) {
	return s.Node(op.Map(s.Node(op.Add(xs...)), op.DivideFunction(float64(len(xs))))), nil
}

// repeated applies all to operands of one shape. Otherwise it applies two to the
// largest operand and each other one.
func repeated(s *graph.Scope, xs []*gorgonia.Node, all func(...*gorgonia.Node) (*gorgonia.Node, error), two func(x, small *gorgonia.Node) (*gorgonia.Node, error)) (*gorgonia.Node, error) {
	largest, equal := 0, true
	for i, x := range xs {
		equal = equal && slices.Equal(x.Shape(), xs[0].Shape())
		if x.Shape().TotalSize() > xs[largest].Shape().TotalSize() {
			largest = i
		}
		if x.Dims() != xs[0].Dims() {
			return nil, fmt.Errorf("inputs %v and %v, want images or vectors", xs[0].Shape(), x.Shape())
		}
	}
	if equal {
		return s.Node(all(xs...)), nil
	}
	y := xs[largest]
	for i, x := range xs {
		if i != largest {
			y = s.Node(two(y, x))
		}
	}
	return y, nil
}

// concatenate joins its inputs along the channels, or along an image's rows or
// columns.
func concatenate(s step) (merge, error) {
	axis, err := axes(s.config.Axis)
	if err == nil && len(axis) != 1 {
		err = fmt.Errorf("axis %v, want a number", axis)
	}
	if err == nil && len(s.inputs) < 2 {
		err = fmt.Errorf("%d inputs, want two or more", len(s.inputs))
	}
	return func(b *builder, in []value) value { return b.concat(in, axis[0]) }, err
}

// concat joins along an axis of the file's order.
func (b *builder) concat(in []value, axis int) value {
	dims, at := in[0].node.Dims(), axis
	if at < 0 {
		at += dims
	}
	if at < 1 || at >= dims {
		return value{node: b.errorf("axis %d of inputs %v, want 1 to %d", axis, in[0].node.Shape(), dims-1)}
	}
	if dims == 4 { // (N,H,W,C) is (N,C,H,W)
		at = []int{0, 2, 3, 1}[at]
	}
	xs := make([]*gorgonia.Node, len(in))
	for i, v := range in {
		if xs[i] = b.ordered(v); xs[i] == nil {
			return value{}
		}
	}
	return value{node: b.s.Sub("concat").Node(op.Concat(at, xs...))}
}
