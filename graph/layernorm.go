package graph

import (
	"cmp"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// LayerNorm normalises the last axis of (N,…,C), each sample and each position
// by itself, then scales and shifts it (Ba et al. 2016). Unlike [BatchNorm] it
// keeps no statistics and does the same in every mode.
//
// Its parameters are gamma and beta, both (C).
type LayerNorm struct {
	Epsilon float64 // added to the variance; 0 means 1e-5
}

// Build adds the layer to s.
func (l LayerNorm) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("layernorm")
	if s.Err() != nil {
		return nil
	}
	if x.Dims() < 2 {
		return s.Errorf("input is %v, want (N,…,C)", x.Shape())
	}
	c := x.Shape()[x.Dims()-1]
	gamma, beta := s.Param("gamma", Ones, c), s.Param("beta", Zeros, c)
	return s.Node(op.LayerNorm(x, gamma, beta, cmp.Or(l.Epsilon, 1e-5)))
}
