package onnx

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// A graph computes in floats. Integers and truth are whole numbers in it, which
// float32 holds exactly up to maxWhole in size. A number that passes this bound, or
// that an input's type does not have, becomes NaN, and stays NaN: a wrong integer
// would pass for a right one.

// border is the network's input: as it comes, or for integers and truth the nearest
// numbers of their type.
func (b *builder) border(x *gorgonia.Node) *value {
	b.now = &nodeProto{Op: "input", Name: b.input}
	if integral(b.elem) {
		x = b.wholes(x, b.elem)
	}
	v := valueOf(x)
	if v == nil {
		return nil
	}
	v.elem, v.samples = b.elem, 1
	return v
}

// wholes holds the numbers of a node to what a type has.
func (b *builder) wholes(x *gorgonia.Node, elem int64) *gorgonia.Node {
	if x == nil {
		return nil
	}
	return b.mapped(own("Whole", op.Attribute{Name: "to", Value: float64(elem)}), x, func(x float64) float64 { return wholeIn(x, elem) }, func(float64) float64 { return 1 })
}
