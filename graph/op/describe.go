package op

import (
	"slices"

	"gorgonia.org/gorgonia"
)

// Kind is the name of an op of this package. Beside the function that makes the
// op stands its constant, such as KindConv2d beside [Conv2d]. A fused op has the
// kinds of all that it does, joined by +, as in Conv2d+ReLU.
type Kind string

// Description is what a node computes, for programs that write a graph in
// another language, such as package onnx.
//
// Its methods return what the function that made the node was given besides
// operands: Conv for a Conv2d, Alpha for a LeakyReLU. Each stands beside that
// function. For a node of another kind it returns the zero value. Slices in what
// it returns belong to the node: read them only. An op without such a method has
// no parameters, or its shapes say them.
type Description struct {
	Kind     Kind
	Operands gorgonia.Nodes

	params any
}

// paramsOf returns the parameters of a node of one of the given kinds, nil for any
// other node.
func (d Description) paramsOf(kinds ...Kind) any {
	if slices.Contains(kinds, d.Kind) {
		return d.params
	}
	return nil
}

// Describe tells what a node computes. ok is false if it is no forward op of this
// package: a bound tensor, a gradient, another package's op.
func Describe(n *gorgonia.Node) (d Description, ok bool) {
	o, ok := n.Op().(described)
	if !ok {
		return d, false
	}
	s := o.describe()
	return Description{Kind: s.kind, Operands: Operands(n), params: s.params}, true
}
