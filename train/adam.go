package train

import (
	"cmp"
	"fmt"
	"math"

	"tapenet/graph/update"
)

// Adam adapts each weight's step to the size of its gradients (Kingma and Ba
// 2014, algorithm 1). With gradient g at step t:
//
//	m = β₁·m + (1-β₁)·g
//	v = β₂·v + (1-β₂)·g²
//	w = w - lr · m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + ε)
type Adam struct {
	LR          float64 // learning rate; 0 means 0.001
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.999
	Epsilon     float64 // 0 means 1e-7, as in Keras
	WeightDecay float64 // adds WeightDecay·w to g; 0 means none
}

// Slots are m and v.
func (Adam) Slots() []string { return []string{"m", "v"} }

// Update is one step.
func (a Adam) Update(step uint64, w, grad []float32, slots [][]float32) {
	a = a.defaults()
	addDecay(grad, w, a.WeightDecay)
	update.Adam(w, grad, slots[0], slots[1], a.step(step))
}

// step folds the two corrections into the step and into ε.
func (a Adam) step(t uint64) update.AdamStep {
	correction := a.correction(t)
	return update.AdamStep{
		LR:      float32(a.LR * correction / (1 - math.Pow(a.Beta1, float64(t)))),
		Epsilon: float32(a.Epsilon * correction),
		Beta1:   float32(a.Beta1), Beta2: float32(a.Beta2),
		Rest1: float32(1 - a.Beta1), Rest2: float32(1 - a.Beta2),
	}
}

// correction is √(1-β₂ᵗ).
func (a Adam) correction(t uint64) float64 { return math.Sqrt(1 - math.Pow(a.Beta2, float64(t))) }

// Rate is LR.
func (a Adam) Rate() float64 { return a.defaults().LR }

// WithRate sets LR.
func (a Adam) WithRate(lr float64) Optimizer {
	a.LR = lr
	return a
}

// Check returns an error if a setting is of no use.
func (a Adam) Check() error { return a.check("Adam") }

func (a Adam) check(rule string) error {
	return cmp.Or(positive(rule+": LR", a.LR), share(rule+": Beta1", a.Beta1), share(rule+": Beta2", a.Beta2),
		positive(rule+": Epsilon", a.Epsilon), positive(rule+": WeightDecay", a.WeightDecay))
}

func (a Adam) defaults() Adam {
	return Adam{cmp.Or(a.LR, 0.001), cmp.Or(a.Beta1, 0.9), cmp.Or(a.Beta2, 0.999), cmp.Or(a.Epsilon, 1e-7), a.WeightDecay}
}

// String is the rule with its settings.
func (a Adam) String() string { return a.defaults().describe("adam") }

func (a Adam) describe(rule string) string {
	s := fmt.Sprintf("%s lr %g beta1 %g beta2 %g epsilon %g", rule, a.LR, a.Beta1, a.Beta2, a.Epsilon)
	return with(s, "decay", a.WeightDecay)
}

// AdamW is Adam whose weights shrink by themselves, whatever the size of their
// gradients (Loshchilov and Hutter 2017): before each step
//
//	w = w - lr·WeightDecay·w
type AdamW struct {
	LR          float64 // learning rate; 0 means 0.001
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.999
	Epsilon     float64 // 0 means 1e-7
	WeightDecay float64 // 0 means 0.01, as in PyTorch; for none use Adam
}

// Slots are m and v.
func (AdamW) Slots() []string { return Adam{}.Slots() }

// Update is one step.
func (a AdamW) Update(step uint64, w, grad []float32, slots [][]float32) {
	d := a.defaults()
	s := d.step(step)
	s.Decay = float32(d.LR * d.WeightDecay)
	update.Adam(w, grad, slots[0], slots[1], s)
}

// Rate is LR.
func (a AdamW) Rate() float64 { return a.defaults().LR }

// WithRate sets LR.
func (a AdamW) WithRate(lr float64) Optimizer {
	a.LR = lr
	return a
}

// Check returns an error if a setting is of no use.
func (a AdamW) Check() error { return Adam(a).check("AdamW") }

func (a AdamW) defaults() Adam {
	a.WeightDecay = cmp.Or(a.WeightDecay, 0.01)
	return Adam(a).defaults()
}

// String is the rule with its settings.
func (a AdamW) String() string { return a.defaults().describe("adamw") }

// NAdam is Adam with Nesterov's look ahead (Dozat 2016), as PyTorch documents it:
//
//	μₜ = β₁·(1 - 0.96^(0.004·t)/2)
//	w = w - lr · (μₜ₊₁·m/(1-μ₁⋯μₜ₊₁) + (1-μₜ)·g/(1-μ₁⋯μₜ)) / (√(v/(1-β₂ᵗ)) + ε)
type NAdam struct {
	LR          float64 // learning rate; 0 means 0.001
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.999
	Epsilon     float64 // 0 means 1e-7
	WeightDecay float64 // adds WeightDecay·w to g; 0 means none
}

// Slots are m and v.
func (NAdam) Slots() []string { return Adam{}.Slots() }

// Update is one step.
func (n NAdam) Update(step uint64, w, grad []float32, slots [][]float32) {
	a := Adam(n).defaults()
	addDecay(grad, w, a.WeightDecay)
	s := a.step(step)
	now, next, product := momenta(a.Beta1, step)
	lr := a.LR * a.correction(step)
	s.LR, s.Look = float32(lr*next/(1-product*next)), float32(lr*(1-now)/(1-product))
	update.Adam(w, grad, slots[0], slots[1], s)
}

// momenta are NAdam's μₜ, μₜ₊₁ and μ₁⋯μₜ.
func momenta(beta float64, t uint64) (now, next, product float64) {
	mu := func(t uint64) float64 { return beta * (1 - math.Pow(0.96, 0.004*float64(t))/2) }
	product = 1
	power, ratio := 1.0, math.Pow(0.96, 0.004)
	for i := uint64(1); i <= t && product > 1e-18; i++ { // from there on 1-product is 1
		power *= ratio
		product *= beta * (1 - power/2)
	}
	return mu(t), mu(t + 1), product
}

// Rate is LR.
func (n NAdam) Rate() float64 { return Adam(n).defaults().LR }

// WithRate sets LR.
func (n NAdam) WithRate(lr float64) Optimizer {
	n.LR = lr
	return n
}

// Check returns an error if a setting is of no use.
func (n NAdam) Check() error { return Adam(n).check("NAdam") }

// String is the rule with its settings.
func (n NAdam) String() string { return Adam(n).defaults().describe("nadam") }
