package train

import (
	"fmt"
	"strings"
)

// optimizers are the rules by the names that a command line has for them, each
// with its learning rate, 0 for the default, and its weight decay.
var optimizers = []struct {
	name string
	make func(lr, decay float64) Optimizer
}{
	{"sgd", func(lr, decay float64) Optimizer { return SGD{LR: lr, Momentum: 0.9, WeightDecay: decay} }},
	{"rmsprop", func(lr, decay float64) Optimizer { return RMSProp{LR: lr, WeightDecay: decay} }},
	{"adagrad", func(lr, decay float64) Optimizer { return Adagrad{LR: lr, WeightDecay: decay} }},
	{"adam", func(lr, decay float64) Optimizer { return Adam{LR: lr, WeightDecay: decay} }},
	{"adamw", func(lr, decay float64) Optimizer { return AdamW{LR: lr, WeightDecay: decay} }},
	{"nadam", func(lr, decay float64) Optimizer { return NAdam{LR: lr, WeightDecay: decay} }},
	{"lion", func(lr, decay float64) Optimizer { return Lion{LR: lr, WeightDecay: decay} }},
}

// OptimizerNames are the names that NewOptimizer takes.
func OptimizerNames() []string {
	var names []string
	for _, o := range optimizers {
		names = append(names, o.name)
	}
	return names
}

// NewOptimizer returns the optimizer of that name with a learning rate and a
// weight decay; 0 means its default. sgd has momentum 0.9.
func NewOptimizer(name string, lr, decay float64) (Optimizer, error) {
	for _, o := range optimizers {
		if o.name == name {
			return o.make(lr, decay), nil
		}
	}
	return nil, fmt.Errorf("train: no optimizer %q, want one of %s", name, strings.Join(OptimizerNames(), ", "))
}
