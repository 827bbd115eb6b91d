package graph

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Trace builds a network for inference, without fusion, and returns the node of
// its output. A translator into another format starts there and follows the
// operands with op.Describe. tensors are all weights of the network, by name;
// shape is the input's, the batch first.
func Trace(l Layer, tensors map[string]*tensor.Dense, shape ...int) (*gorgonia.Node, error) {
	w := &Weights{From: tensors}
	if tensors == nil {
		w.From = map[string]*tensor.Dense{}
	}
	m, err := (Options{Weights: w, NoFusion: true, Fixed: true}).Build(l, Infer, shape...)
	if err != nil {
		return nil, err
	}
	if len(tensors) != len(w.Names()) {
		return nil, w.Load(tensors) // says which is one too many
	}
	if s := m.OutputShape(); len(s) == 0 || s[0] != shape[0] {
		return nil, fmt.Errorf("graph: the network's output for %d samples is %v, want the batch first", shape[0], s)
	}
	return m.output, nil
}
