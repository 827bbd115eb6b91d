package attack

import (
	"context"
	"fmt"
)

// PGD is projected gradient ascent of the loss (Madry et al. 2018, "Towards Deep Learning
// Models Resistant to Adversarial Attacks"):
//
//	x ← project(x + StepSize·sign(∇ loss(x)))        L∞
//	x ← project(x + StepSize·∇ loss(x)/|∇ loss(x)|)  L2
//
// from a random picture of the ball, and again from others. It stops where the network is
// wrong.
type PGD struct {
	Norm     Norm
	Epsilon  float64
	Steps    int     // 0 means 40
	StepSize float64 // 0 means 2.5·Epsilon/Steps, as the authors have it for CIFAR-10
	Restarts int     // 0 means 1: the starts, the first one included
	Seed     uint64
	Loss     Loss // the zero value is CrossEntropy

	FromClean bool // the first start is the clean picture itself

	// Whole makes all steps of the first start, whether the network is wrong on the way
	// or not, and asks for no prediction: each picture costs the same, as a measurement of
	// speed wants it. Results have no Success.
	Whole bool
}

// Name is pgd.
func (PGD) Name() string { return "pgd" }

func (a PGD) defaults() PGD {
	if a.Loss.F == nil {
		a.Loss = CrossEntropy
	}
	if a.Steps == 0 {
		a.Steps = 40
	}
	if a.StepSize == 0 {
		a.StepSize = 2.5 * a.Epsilon / float64(a.Steps)
	}
	a.Restarts = max(1, a.Restarts)
	return a
}

// Settings are those of [PGD].
func (a PGD) Settings() []Setting {
	a = a.defaults()
	return []Setting{{"norm", a.Norm.String()}, {"epsilon", a.Epsilon}, {"loss", a.Loss.Name}, {"steps", a.Steps},
		{"step_size", a.StepSize}, {"restarts", a.Restarts}, {"seed", a.Seed}}
}

// Run attacks all pictures.
func (a PGD) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	return run(ctx, v, a, images, classes)
}

func (a PGD) job() (j job, err error) {
	if err := checkCounts(count{"steps", a.Steps}, count{"restarts", a.Restarts}); err != nil {
		return j, err
	}
	if !(a.StepSize >= 0 && a.StepSize <= maxEpsilon) {
		return j, fmt.Errorf("attack: step size %g, want above 0, or 0 for the default", a.StepSize)
	}
	a = a.defaults()
	return job{name: a.Name(), norm: a.Norm, epsilon: a.Epsilon, seed: a.Seed, search: a.search, whole: a.Whole}, nil
}

// search is PGD on one picture.
func (a PGD) search(t *trial) {
	b, x := newBall(a.Norm, a.Epsilon, t.clean), make([]float32, len(t.clean))
	for restart := range a.Restarts {
		copy(x, t.clean)
		if restart > 0 || !a.FromClean {
			b.random(x, t.random(restart))
		}
		if a.climb(t, b, x) {
			return
		}
	}
	t.keep(x)
}

// climb makes the steps of one start, and reports whether x fools the network in the end.
func (a PGD) climb(t *trial, b *ball, x []float32) bool {
	for range a.Steps {
		t.differentiate(x, a.Loss)
		if !a.Whole && t.crossed(x) {
			return true
		}
		if t.zero && !a.Whole {
			break // x stays where it is
		}
		b.ascend(x, t.gradient, a.StepSize)
	}
	return !a.Whole && t.fools(x)
}
