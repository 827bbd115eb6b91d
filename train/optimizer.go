package train

import (
	"fmt"
	"math"

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
	// Slots()[i]. The elements are independent of each other. grad may be
	// overwritten.
	Update(step uint64, w, grad []float32, slots [][]float32)
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

// describe names a rule or a schedule and its settings.
func describe(o any) string {
	if s, ok := o.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T%+v", o, o)
}

// addDecay adds the gradient of rate/2·Σw², as PyTorch's weight_decay does: L2
// regularisation.
func addDecay(grad, w []float32, rate float64) {
	if rate != 0 {
		update.SGD(grad, w, float32(-rate)) // grad += rate·w
	}
}

// with adds a setting to a rule's String, unless it is 0.
func with(rule, name string, v float64) string {
	if v == 0 {
		return rule
	}
	return fmt.Sprintf("%s %s %g", rule, name, v)
}
