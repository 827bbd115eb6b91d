package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// KindLayerNorm is the kind of [LayerNorm].
const KindLayerNorm Kind = "LayerNorm"

// LayerNorm normalises the last axis of each sample by itself (Ba et al. 2016):
//
//	y = gamma·(x-mean)/√(variance+epsilon) + beta
//
// x is (N,…,C), gamma and beta are (C). Mean and (biased) variance are taken over
// the C values. It does the same in training and in inference.
func LayerNorm(x, gamma, beta *gorgonia.Node, epsilon float64) (*gorgonia.Node, error) {
	if err := check(KindLayerNorm, x, gamma, beta); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) < 2 {
		return nil, fmt.Errorf("LayerNorm: input is %v, want (N,…,C)", s)
	}
	if epsilon <= 0 {
		return nil, fmt.Errorf("LayerNorm: epsilon %g, want above 0", epsilon)
	}
	c := s[len(s)-1]
	for _, p := range []*gorgonia.Node{gamma, beta} {
		if !slices.Equal(p.Shape(), tensor.Shape{c}) {
			return nil, fmt.Errorf("LayerNorm: parameter %s is %v, want (%d) for input %v", p.Name(), p.Shape(), c, s)
		}
	}
	n := s.TotalSize() / c
	return apply(spec{kind: KindLayerNorm, shape: s, params: epsilon},
		&kernel.LayerNorm[float32]{N: n, Size: c, Epsilon: epsilon},
		&kernel.LayerNorm[float64]{N: n, Size: c, Epsilon: epsilon}, x, gamma, beta)
}

// Epsilon returns the epsilon of a [LayerNorm].
func (d Description) Epsilon() float64 {
	epsilon, _ := d.paramsOf(KindLayerNorm).(float64)
	return epsilon
}
