package graph

import (
	"fmt"
	"slices"
)

// Network is a layer with its weights: it builds the graph for a mode and a
// batch size when that is first asked for, and keeps it. Not safe for
// concurrent use.
type Network struct {
	Layer   Layer
	Input   []int    // shape of one sample, as in (1,28,28)
	Weights *Weights // of all its graphs

	opts   Options
	models map[modelKey]*Model
}

type modelKey struct {
	mode  Mode
	batch int
	lanes string // the sizes of a batch in lanes, "" for one piece
}

// NewNetwork checks that the layer fits the input, the shape of one sample,
// and makes its weights.
func NewNetwork(l Layer, input []int, o Options) (*Network, error) {
	if o.Weights == nil {
		o.Weights = &Weights{}
	}
	n := &Network{Layer: l, Input: slices.Clone(input), Weights: o.Weights, opts: o, models: map[modelKey]*Model{}}
	if _, err := n.Model(Infer, 1); err != nil {
		return nil, err
	}
	return n, nil
}

// Model returns the graph for one mode and one batch size.
func (n *Network) Model(mode Mode, batch int) (*Model, error) {
	return n.model(modelKey{mode: mode, batch: batch}, n.opts)
}

func (n *Network) model(key modelKey, o Options) (*Model, error) {
	if m := n.models[key]; m != nil {
		return m, nil
	}
	if key.batch < 1 {
		return nil, fmt.Errorf("graph: batch size %d, want a positive number", key.batch)
	}
	m, err := o.Build(n.Layer, key.mode, append([]int{key.batch}, n.Input...)...)
	if err != nil {
		return nil, err
	}
	n.models[key] = m
	return m, nil
}
