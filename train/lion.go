package train

import (
	"cmp"
	"fmt"

	"tapenet/graph/update"
)

// Lion moves every weight by the same amount, in the direction of a mean of its
// gradients (Chen et al. 2023, algorithm 2):
//
//	c = β₁·m + (1-β₁)·g
//	w = w - lr·(sign(c) + WeightDecay·w)
//	m = β₂·m + (1-β₂)·g
//
// Its learning rate is a third to a tenth of Adam's, its WeightDecay as much
// larger than AdamW's.
type Lion struct {
	LR          float64 // learning rate; 0 means 0.0001
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.99
	WeightDecay float64 // 0 means none
}

// Slots is m.
func (Lion) Slots() []string { return []string{"m"} }

// Update is one step.
func (l Lion) Update(_ uint64, w, grad []float32, slots [][]float32) {
	l = l.defaults()
	update.Lion(w, grad, slots[0], update.LionStep{
		LR: float32(l.LR), Beta1: float32(l.Beta1), Beta2: float32(l.Beta2),
		Rest1: float32(1 - l.Beta1), Rest2: float32(1 - l.Beta2), Decay: float32(l.LR * l.WeightDecay),
	})
}

// Rate is LR.
func (l Lion) Rate() float64 { return l.defaults().LR }

// WithRate sets LR.
func (l Lion) WithRate(lr float64) Optimizer {
	l.LR = lr
	return l
}

// Check returns an error if a setting is of no use.
func (l Lion) Check() error {
	return cmp.Or(positive("Lion: LR", l.LR), share("Lion: Beta1", l.Beta1), share("Lion: Beta2", l.Beta2), positive("Lion: WeightDecay", l.WeightDecay))
}

func (l Lion) defaults() Lion {
	return Lion{cmp.Or(l.LR, 0.0001), cmp.Or(l.Beta1, 0.9), cmp.Or(l.Beta2, 0.99), l.WeightDecay}
}

// String is the rule with its settings.
func (l Lion) String() string {
	l = l.defaults()
	return with(fmt.Sprintf("lion lr %g beta1 %g beta2 %g", l.LR, l.Beta1, l.Beta2), "decay", l.WeightDecay)
}
