package train

import (
	"cmp"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/update"
)

// Optimizer is a rule that changes a parameter, given its gradient. It is plain
// data; what it remembers from step to step lies in slots, tensors like the
// parameter, which Fit keeps and saves. A run goes on with an equal rule only:
// of equal String, or without that method of equal type and fields. If it has a
// method Check() error, Fit asks that first.
type Optimizer interface {
	// Slots names the tensors that the rule keeps for each parameter. They
	// start as zeros.
	Slots() []string
	// Update changes w in place. step counts from 1; slots[i] belongs to
	// Slots()[i]. The elements are independent of each other.
	Update(step uint64, w, grad []float32, slots [][]float32)
}

// Adam adapts each weight's step to the size of its gradients (Kingma and Ba
// 2014, algorithm 1). With gradient g at step t:
//
//	m = β₁·m + (1-β₁)·g
//	v = β₂·v + (1-β₂)·g²
//	w = w - lr · m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + ε)
type Adam struct {
	LR      float64 // learning rate; 0 means 0.001
	Beta1   float64 // 0 means 0.9
	Beta2   float64 // 0 means 0.999
	Epsilon float64 // 0 means 1e-7, as in Keras
}

// Slots are m and v.
func (Adam) Slots() []string { return []string{"m", "v"} }

// Update is one step.
func (a Adam) Update(step uint64, w, grad []float32, slots [][]float32) {
	a = a.defaults()
	// The two corrections are folded into the step and into ε.
	correction := math.Sqrt(1 - math.Pow(a.Beta2, float64(step)))
	update.Adam(w, grad, slots[0], slots[1], update.AdamStep{
		LR:      float32(a.LR * correction / (1 - math.Pow(a.Beta1, float64(step)))),
		Epsilon: float32(a.Epsilon * correction),
		Beta1:   float32(a.Beta1), Beta2: float32(a.Beta2),
		Rest1: float32(1 - a.Beta1), Rest2: float32(1 - a.Beta2),
	})
}

// Check returns an error if a setting is of no use.
func (a Adam) Check() error {
	return cmp.Or(positive("Adam: LR", a.LR), share("Adam: Beta1", a.Beta1), share("Adam: Beta2", a.Beta2), positive("Adam: Epsilon", a.Epsilon))
}

func (a Adam) defaults() Adam {
	return Adam{cmp.Or(a.LR, 0.001), cmp.Or(a.Beta1, 0.9), cmp.Or(a.Beta2, 0.999), cmp.Or(a.Epsilon, 1e-7)}
}

// String is the rule with its settings.
func (a Adam) String() string {
	a = a.defaults()
	return fmt.Sprintf("adam lr %g beta1 %g beta2 %g epsilon %g", a.LR, a.Beta1, a.Beta2, a.Epsilon)
}

// SGD goes down the gradient, with momentum as PyTorch has it:
//
//	u = Momentum·u + g
//	w = w - lr·u
type SGD struct {
	LR       float64 // learning rate; 0 means 0.01
	Momentum float64 // 0 means none
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
	lr := float32(cmp.Or(s.LR, 0.01))
	if s.Momentum == 0 {
		update.SGD(w, grad, lr)
		return
	}
	update.Momentum(w, grad, slots[0], lr, float32(s.Momentum))
}

// Check returns an error if a setting is of no use.
func (s SGD) Check() error {
	return cmp.Or(positive("SGD: LR", s.LR), share("SGD: Momentum", s.Momentum))
}

// String is the rule with its settings.
func (s SGD) String() string {
	return fmt.Sprintf("sgd lr %g momentum %g", cmp.Or(s.LR, 0.01), s.Momentum)
}

func positive(name string, v float64) error {
	if !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%s %g, want a positive number, or 0 for the default", name, v)
	}
	return nil
}

func share(name string, v float64) error {
	if !(v >= 0 && v < 1) {
		return fmt.Errorf("%s %g, want at least 0 and below 1", name, v)
	}
	return nil
}

// describe names a rule and its settings.
func describe(o Optimizer) string {
	if s, ok := o.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T%+v", o, o)
}

// updater applies an optimizer to all parameters of a network.
type updater struct {
	rule  Optimizer
	slots map[string][]*tensor.Dense // by parameter
	flat  map[string][][]float32     // their elements
}

func newUpdater(rule Optimizer, params []graph.Param) (*updater, error) {
	u := &updater{rule: rule, slots: map[string][]*tensor.Dense{}, flat: map[string][][]float32{}}
	for _, p := range params {
		if p.Value.Dims() == 0 { // its gradient is no tensor
			return nil, fmt.Errorf("train: parameter %s is a scalar, want a tensor, if only of shape (1)", p.Name)
		}
		for range rule.Slots() {
			t := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(p.Value.Shape()...))
			u.slots[p.Name] = append(u.slots[p.Name], t)
			u.flat[p.Name] = append(u.flat[p.Name], t.Float32s())
		}
	}
	return u, nil
}

// step changes all parameters, given the gradients of the model's last run.
func (u *updater) step(step uint64, params []graph.Param) {
	for _, p := range params {
		u.rule.Update(step, p.Value.Float32s(), p.Grad().Float32s(), u.flat[p.Name])
	}
}

// state names the slots for the checkpoint, as in "m/conv2d/weight".
func (u *updater) state() map[string]*tensor.Dense {
	state := map[string]*tensor.Dense{}
	for param, slots := range u.slots {
		for i, slot := range u.rule.Slots() {
			state[slot+"/"+param] = slots[i]
		}
	}
	return state
}
