package train

import (
	"cmp"
	"fmt"

	"tapenet/graph/update"
)

// RMSProp divides each gradient by the size of the latest ones (Tieleman and
// Hinton 2012), with momentum as PyTorch has it:
//
//	v = α·v + (1-α)·g²
//	u = Momentum·u + g / (√v + ε)
//	w = w - lr·u
type RMSProp struct {
	LR          float64 // learning rate; 0 means 0.001, as in Keras
	Alpha       float64 // 0 means 0.9, as in Keras
	Epsilon     float64 // 0 means 1e-7
	Momentum    float64 // 0 means none
	WeightDecay float64 // adds WeightDecay·w to g; 0 means none
}

// Slots are v, and u if there is momentum.
func (r RMSProp) Slots() []string { return append([]string{"v"}, r.sgd().Slots()...) }

// Update is one step.
func (r RMSProp) Update(step uint64, w, grad []float32, slots [][]float32) {
	r = r.defaults()
	addDecay(grad, w, r.WeightDecay)
	update.Normalise(grad, slots[0], float32(r.Alpha), float32(1-r.Alpha), float32(r.Epsilon))
	r.sgd().Update(step, w, grad, slots[1:])
}

// sgd goes down the normalised gradient.
func (r RMSProp) sgd() SGD { return SGD{LR: r.LR, Momentum: r.Momentum} }

// Rate is LR.
func (r RMSProp) Rate() float64 { return r.defaults().LR }

// WithRate sets LR.
func (r RMSProp) WithRate(lr float64) Optimizer {
	r.LR = lr
	return r
}

// Check returns an error if a setting is of no use.
func (r RMSProp) Check() error {
	return cmp.Or(positive("RMSProp: LR", r.LR), share("RMSProp: Alpha", r.Alpha), positive("RMSProp: Epsilon", r.Epsilon),
		share("RMSProp: Momentum", r.Momentum), positive("RMSProp: WeightDecay", r.WeightDecay))
}

func (r RMSProp) defaults() RMSProp {
	return RMSProp{cmp.Or(r.LR, 0.001), cmp.Or(r.Alpha, 0.9), cmp.Or(r.Epsilon, 1e-7), r.Momentum, r.WeightDecay}
}

// String is the rule with its settings.
func (r RMSProp) String() string {
	r = r.defaults()
	text := fmt.Sprintf("rmsprop lr %g alpha %g epsilon %g", r.LR, r.Alpha, r.Epsilon)
	return with(with(text, "momentum", r.Momentum), "decay", r.WeightDecay)
}

// Adagrad divides each gradient by the size of all so far (Duchi et al. 2011):
//
//	v = v + g²
//	w = w - lr·g / (√v + ε)
type Adagrad struct {
	LR          float64 // learning rate; 0 means 0.01
	Epsilon     float64 // 0 means 1e-10, as in PyTorch
	WeightDecay float64 // adds WeightDecay·w to g; 0 means none
}

// Slots is v.
func (Adagrad) Slots() []string { return []string{"v"} }

// Update is one step.
func (a Adagrad) Update(_ uint64, w, grad []float32, slots [][]float32) {
	a = a.defaults()
	addDecay(grad, w, a.WeightDecay)
	update.Normalise(grad, slots[0], 1, 1, float32(a.Epsilon))
	update.SGD(w, grad, float32(a.LR))
}

// Rate is LR.
func (a Adagrad) Rate() float64 { return a.defaults().LR }

// WithRate sets LR.
func (a Adagrad) WithRate(lr float64) Optimizer {
	a.LR = lr
	return a
}

// Check returns an error if a setting is of no use.
func (a Adagrad) Check() error {
	return cmp.Or(positive("Adagrad: LR", a.LR), positive("Adagrad: Epsilon", a.Epsilon), positive("Adagrad: WeightDecay", a.WeightDecay))
}

func (a Adagrad) defaults() Adagrad {
	return Adagrad{cmp.Or(a.LR, 0.01), cmp.Or(a.Epsilon, 1e-10), a.WeightDecay}
}

// String is the rule with its settings.
func (a Adagrad) String() string {
	a = a.defaults()
	return with(fmt.Sprintf("adagrad lr %g epsilon %g", a.LR, a.Epsilon), "decay", a.WeightDecay)
}
