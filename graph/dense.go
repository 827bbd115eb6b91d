package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Dense is the fully connected layer y = activation(x·weight + bias). It acts
// on the last axis: (N,…,in) becomes (N,…,Units), with the same weights
// everywhere.
//
// Its parameters are weight (in,Units) and bias (Units).
type Dense struct {
	Units      int
	Activation Activation // nil means none
	NoBias     bool
	WeightInit Init // nil means GlorotUniform
	BiasInit   Init // nil means Zeros
}

// Build adds the layer to s.
func (l Dense) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("dense")
	if s.Err() != nil {
		return nil
	}
	in := x.Shape()
	if len(in) < 2 {
		return s.Errorf("input is %v, want (N,…,in)", in)
	}
	if !s.positive(argument{"units", l.Units, ""}) {
		return nil
	}
	weight := s.Param("weight", l.WeightInit.or(GlorotUniform), in[len(in)-1], l.Units)
	bias := s.bias(l.NoBias, l.BiasInit, l.Units)
	y := s.Node(op.Mul(x, weight, bias))
	return s.activate(l.Activation, y)
}

// Flatten makes each sample a vector: (N,C,H,W) becomes (N,C·H·W), channel by
// channel.
type Flatten struct{}

// Build adds the layer to s.
func (Flatten) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("flatten")
	if s.Err() != nil {
		return nil
	}
	in := x.Shape()
	return s.Node(op.Reshape(x, in[0], in.TotalSize()/in[0]))
}

// Patches cuts images into blocks of Size×Size pixels: (N,C,H,W) becomes
// (N,blocks,C·Size·Size), so that the next Dense sees one block at a time.
type Patches struct{ Size int }

// Build adds the layer to s.
func (l Patches) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("patches").Node(op.Patches(x, l.Size))
}
