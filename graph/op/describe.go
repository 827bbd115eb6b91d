package op

import "gorgonia.org/gorgonia"

// Kind is the name of an op of this package, as in KindConv2d. The constants stand
// beside the functions that make such ops. A fused op's kinds are joined by +, as
// in Conv2d+ReLU.
type Kind string

// Description is what a node computes, for programs that write a graph in
// another language, such as package onnx.
type Description struct {
	Kind     Kind
	Operands gorgonia.Nodes

	// Params is what the function that made the node was given besides operands:
	// a Conv, Pool or Norm, with its defaults filled in, Picks or a Function; the
	// alpha of LeakyReLU and ELU, the epsilon of LayerNorm and the rate of Dropout
	// (float64); the axis of Concat and the size of Patches (int); Products and View
	// with what they leave out filled in, the axes of Permute, the channels of
	// PickChannels and the shifts of Roll ([]int), a Line, a Border. nil for an op that
	// has none, or whose shapes say it all.
	Params any
}

// Describe tells what a node computes. ok is false if it is no forward op of this
// package: a bound tensor, a gradient, another package's op.
func Describe(n *gorgonia.Node) (d Description, ok bool) {
	o, ok := n.Op().(described)
	if !ok {
		return d, false
	}
	s := o.describe()
	return Description{Kind: s.kind, Operands: Operands(n), Params: s.params}, true
}
