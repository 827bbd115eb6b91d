package train

import (
	"cmp"
	"errors"
	"fmt"

	"tapenet/graph/update"
)

// SGD goes down the gradient, with momentum as PyTorch has it:
//
//	u = Momentum·u + g
//	w = w - lr·u
//
// and with Nesterov w = w - lr·(Momentum·u + g).
type SGD struct {
	LR          float64 // learning rate; 0 means 0.01
	Momentum    float64 // 0 means none
	Nesterov    bool    // look ahead; needs Momentum
	WeightDecay float64 // adds WeightDecay·w to g; 0 means none
}

// Slots is u, if there is momentum.
func (s SGD) Slots() []string {
	if s.Momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

// Update is one step.
func (s SGD) Update(_ uint64, w, grad []float32, slots [][]float32) {
	addDecay(grad, w, s.WeightDecay)
	lr, momentum := float32(cmp.Or(s.LR, 0.01)), float32(s.Momentum)
	switch {
	case s.Momentum == 0:
		update.SGD(w, grad, lr)
	case s.Nesterov:
		update.Nesterov(w, grad, slots[0], lr, momentum)
	default:
		update.Momentum(w, grad, slots[0], lr, momentum)
	}
}

// Rate is LR.
func (s SGD) Rate() float64 { return cmp.Or(s.LR, 0.01) }

// WithRate sets LR.
func (s SGD) WithRate(lr float64) Optimizer {
	s.LR = lr
	return s
}

// Check returns an error if a setting is of no use.
func (s SGD) Check() error {
	if s.Nesterov && s.Momentum == 0 {
		return errors.New("SGD: Nesterov without Momentum, want one, as in 0.9")
	}
	return cmp.Or(positive("SGD: LR", s.LR), share("SGD: Momentum", s.Momentum), positive("SGD: WeightDecay", s.WeightDecay))
}

// String is the rule with its settings.
func (s SGD) String() string {
	text := fmt.Sprintf("sgd lr %g momentum %g", cmp.Or(s.LR, 0.01), s.Momentum)
	if s.Nesterov {
		text += " nesterov"
	}
	return with(text, "decay", s.WeightDecay)
}
