package op

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Values returns the elements of a node that holds a float32 tensor, or that ops of
// this package compute of such tensors alone, as a layer may make its filters of its
// weights: for programs that write a graph in another language, where weights are
// numbers. They are not to be changed. ok is false for any other node, such as one
// that depends on the network's input, which graph.Build calls input.
//
// It runs the ops: nobody may run their graph meanwhile.
func Values(n *gorgonia.Node) (values []float32, ok bool) {
	if n.Op() == nil {
		d, dense := n.Value().(*tensor.Dense)
		if !dense || d.Dtype() != tensor.Float32 || n.Name() == "input" {
			return nil, false
		}
		return d.Float32s(), true
	}
	if _, ours := Describe(n); !ours || n.Dtype() != tensor.Float32 || n.Dims() == 0 {
		return nil, false
	}
	var operands []gorgonia.Value
	for _, operand := range Operands(n) {
		v, ok := Values(operand)
		if !ok {
			return nil, false
		}
		operands = append(operands, tensor.New(tensor.WithShape(operand.Shape()...), tensor.WithBacking(v)))
	}
	v, err := n.Op().Do(operands...)
	if err != nil {
		return nil, false
	}
	return slices.Clone(v.(*tensor.Dense).Float32s()), true
}

// Leaf is the tensor that a node is made of first: itself, or the leaf of its first
// operand. What [Values] computes has the name of a leaf to be called by.
func Leaf(n *gorgonia.Node) *gorgonia.Node {
	for n.Op() != nil && len(Operands(n)) > 0 {
		n = Operands(n)[0]
	}
	return n
}
