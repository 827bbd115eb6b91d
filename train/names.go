package train

import (
	"errors"
	"fmt"
	"math"
	"strconv"
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

// schedules are the schedules by name, with what may follow a name: EPOCHS is a
// whole number.
var schedules = []struct {
	name    string
	numbers []string
	make    func(n []float64) Schedule
}{
	{"constant", nil, func([]float64) Schedule { return nil }},
	{"step", []string{"EPOCHS", "FACTOR"}, func(n []float64) Schedule { return StepDecay{Every: int(n[0]), Decay: n[1]} }},
	{"exponential", []string{"FACTOR"}, func(n []float64) Schedule { return Exponential{Decay: n[0]} }},
	{"cosine", []string{"WARMUP"}, func(n []float64) Schedule { return Cosine{Warmup: n[0]} }},
	{"cooldown", []string{"WARMUP", "SHARE"}, func(n []float64) Schedule { return Cooldown{Warmup: n[0], Share: n[1]} }},
	{"onecycle", nil, func([]float64) Schedule { return OneCycle{} }},
	{"plateau", []string{"EPOCHS", "FACTOR"}, func(n []float64) Schedule { return ReduceOnPlateau{Patience: int(n[0]), Decay: n[1]} }},
}

// ScheduleUsage shows what ParseSchedule reads.
func ScheduleUsage() string {
	var all []string
	for _, s := range schedules {
		all = append(all, strings.Join(append([]string{s.name}, s.numbers...), ":"))
	}
	return strings.Join(all, ", ")
}

// ParseSchedule reads a schedule: its name, and after colons its numbers, of
// which the last may be left out for their defaults, as in "step:3:0.5", "step"
// or "cosine:1". That of "constant" is nil.
func ParseSchedule(text string) (Schedule, error) {
	given := strings.Split(text, ":")
	for _, s := range schedules {
		if s.name != given[0] {
			continue
		}
		numbers, err := parseNumbers(given[1:], s.numbers)
		if err != nil {
			return nil, fmt.Errorf("train: schedule %q: %w, want %s", text, err, strings.Join(append(given[:1], s.numbers...), ":"))
		}
		schedule := s.make(numbers)
		return schedule, check(schedule)
	}
	return nil, fmt.Errorf("train: no schedule %q, want one of %s", text, ScheduleUsage())
}

// parseNumbers reads numbers for some names; those that are missing are 0.
func parseNumbers(given, names []string) ([]float64, error) {
	if len(given) > len(names) {
		return nil, errors.New("too many numbers")
	}
	numbers := make([]float64, len(names))
	for i, field := range given {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", field)
		}
		switch {
		case v == 0 && names[i] != "WARMUP":
			return nil, fmt.Errorf("%q is no use, want more, or nothing for the default", field)
		case names[i] != "EPOCHS":
		case v != math.Trunc(v): // NaN too
			return nil, fmt.Errorf("%q is no whole number", field)
		case math.Abs(v) > math.MaxInt32:
			return nil, fmt.Errorf("%q is out of range, 1 to %d", field, math.MaxInt32)
		}
		numbers[i] = v
	}
	return numbers, nil
}
