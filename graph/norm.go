package graph

import (
	"cmp"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// BatchNorm normalises each channel of (N,C,H,W) or (N,C) to mean 0 and
// variance 1 over the batch, then scales and shifts it (Ioffe and Szegedy
// 2015). It keeps running statistics in training, and uses those otherwise.
//
// Its parameters are gamma and beta, its state mean and variance, all (C).
type BatchNorm struct {
	Momentum float64 // share of the running statistics that stays at each step; 0 means 0.9
	Epsilon  float64 // added to the variance; 0 means 1e-5
}

// Build adds the layer to s.
func (l BatchNorm) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("batchnorm")
	if s.Err() != nil {
		return nil
	}
	if x.Dims() < 2 {
		return s.Errorf("input is %v, want (N,C,H,W) or (N,C)", x.Shape())
	}
	return l.build(s, x, x.Shape()[1], 1)
}

// build normalises x with the statistics of c channels, each repeated for as many
// channels of x.
func (l BatchNorm) build(s *Scope, x *gorgonia.Node, c, repeat int) *gorgonia.Node {
	gamma, beta := s.Param("gamma", Ones, c), s.Param("beta", Zeros, c)
	mean, variance := s.State("mean", Zeros, c), s.State("variance", Ones, c)
	for _, n := range []**gorgonia.Node{&gamma, &beta, &mean, &variance} {
		*n = s.spread(*n, repeat)
	}
	o := op.Norm{Momentum: cmp.Or(l.Momentum, 0.9), Epsilon: cmp.Or(l.Epsilon, 1e-5), Training: s.Training()}
	return s.Node(op.BatchNorm(x, gamma, beta, mean, variance, o))
}

// Dropout zeroes each value with probability Rate in training and scales the
// others by 1/(1-Rate); otherwise it does nothing (Srivastava et al. 2014).
type Dropout struct{ Rate float64 }

// Build adds the layer to s.
func (l Dropout) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("dropout")
	if !(l.Rate >= 0 && l.Rate < 1) {
		return s.Errorf("rate %g, want 0 or more and less than 1", l.Rate)
	}
	if !s.Training() || l.Rate == 0 {
		return x
	}
	return s.Node(op.Dropout(x, l.Rate, s.Rand()))
}
