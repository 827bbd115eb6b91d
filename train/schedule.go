package train

import (
	"cmp"
	"fmt"
	"math"
)

// Schedule changes the optimizer's learning rate from step to step. It is plain
// data, and what it says follows from where the run is: there is nothing to
// save, and a run that goes on has the same rates. A run goes on with an equal
// schedule only, as with an equal Optimizer; one with a method Check() error is
// asked that first.
type Schedule interface {
	// Factor is what the learning rate is multiplied by at a step.
	Factor(at Moment) float64
}

// Rated is an Optimizer whose learning rate a Schedule can change, as all those
// of this package are.
type Rated interface {
	Optimizer
	Rate() float64                 // the learning rate
	WithRate(lr float64) Optimizer // the same rule with another one, above 0
}

// Moment is where a run is, before a step.
type Moment struct {
	Step          int     // steps before this one, in all epochs
	StepsPerEpoch int     // an accumulation of batches is one step
	Epochs        int     // of the whole run; more of them, when it goes on, stretch what depends on it
	History       []Epoch // of the epochs before this one
}

// Steps is the number of steps of the whole run.
func (m Moment) Steps() int { return m.Epochs * m.StepsPerEpoch }

// StepDecay multiplies the rate by Decay after every so many epochs.
type StepDecay struct {
	Every int     // epochs; 0 means 10
	Decay float64 // 0 means 0.1
}

// Factor is Decay^(epochs/Every), rounded down.
func (s StepDecay) Factor(at Moment) float64 {
	s = s.defaults()
	return math.Pow(s.Decay, float64(len(at.History)/s.Every))
}

// Check returns an error if a setting is of no use.
func (s StepDecay) Check() error {
	if s.Every < 0 {
		return fmt.Errorf("StepDecay: Every %d, want a positive number of epochs, or 0 for the default", s.Every)
	}
	return share("StepDecay: Decay", s.Decay)
}

func (s StepDecay) defaults() StepDecay { return StepDecay{cmp.Or(s.Every, 10), cmp.Or(s.Decay, 0.1)} }

// String is the schedule as ParseSchedule reads it.
func (s StepDecay) String() string {
	s = s.defaults()
	return fmt.Sprintf("step:%d:%g", s.Every, s.Decay)
}

// Exponential multiplies the rate by Decay after every epoch.
type Exponential struct {
	Decay float64 // 0 means 0.9
}

// Factor is Decay^epochs.
func (e Exponential) Factor(at Moment) float64 {
	return math.Pow(cmp.Or(e.Decay, 0.9), float64(len(at.History)))
}

// Check returns an error if a setting is of no use.
func (e Exponential) Check() error { return share("Exponential: Decay", e.Decay) }

// String is the schedule as ParseSchedule reads it.
func (e Exponential) String() string { return fmt.Sprintf("exponential:%g", cmp.Or(e.Decay, 0.9)) }

// Cosine lowers the rate to 0 along half a period of a cosine, over the whole
// run (Loshchilov and Hutter 2016, without restarts), after it has risen in
// equal steps (Goyal et al. 2017).
type Cosine struct {
	Warmup float64 // epochs of rising; 0 means none
}

// Factor is the cosine's.
func (c Cosine) Factor(at Moment) float64 {
	rise := c.Warmup * float64(at.StepsPerEpoch)
	step := float64(at.Step)
	if step < rise {
		return min(1, (step+1)/rise)
	}
	return between(1, 0, (step-rise)/(float64(at.Steps())-rise))
}

// Check returns an error if a setting is of no use.
func (c Cosine) Check() error { return positive("Cosine: Warmup", c.Warmup) }

// String is the schedule as ParseSchedule reads it.
func (c Cosine) String() string { return fmt.Sprintf("cosine:%g", c.Warmup) }

// Cooldown keeps the rate as it is, after it has risen in equal steps, and lowers it to 0
// in equal steps over the last part of the run (Hägele et al. 2024, "Scaling Laws and
// Compute-Optimal Training Beyond Fixed Training Durations"). What it does before that part
// does not depend on how long the run is, which Config.Replan may therefore still change.
type Cooldown struct {
	Warmup float64 // epochs of rising; 0 means none
	Share  float64 // of the run, that is the last part; 0 means 0.25
}

// Factor is the smaller one of the two slopes, and at most 1.
func (c Cooldown) Factor(at Moment) float64 {
	rise, step, steps := c.Warmup*float64(at.StepsPerEpoch), float64(at.Step), float64(at.Steps())
	factor := min(1, (steps-step)/(cmp.Or(c.Share, 0.25)*steps))
	if step < rise {
		factor = min(factor, (step+1)/rise)
	}
	return factor
}

// Check returns an error if a setting is of no use.
func (c Cooldown) Check() error {
	return cmp.Or(positive("Cooldown: Warmup", c.Warmup), share("Cooldown: Share", c.Share))
}

// String is the schedule as ParseSchedule reads it.
func (c Cooldown) String() string {
	return fmt.Sprintf("cooldown:%g:%g", c.Warmup, cmp.Or(c.Share, 0.25))
}

// OneCycle raises the rate from a 25th to all of it in the first 30 % of the run
// and lowers it to a 250,000th, along cosines (Smith and Topin 2017, with the
// defaults of PyTorch). The optimizer's rate is the highest.
type OneCycle struct{}

// Factor is the cycle's.
func (OneCycle) Factor(at Moment) float64 {
	const first, last = 1.0 / 25, 1.0 / 25 / 1e4
	if at.Steps() == 1 {
		return 1 // else the only step would be the last one, which changes nothing
	}
	top, step := 0.3*float64(at.Steps())-1, float64(at.Step)
	if step < top {
		return between(first, 1, step/top)
	}
	return between(1, last, (step-top)/(float64(at.Steps())-1-top))
}

// String is the schedule as ParseSchedule reads it.
func (OneCycle) String() string { return "onecycle" }

// between goes from a to b along half a period of a cosine, for x from 0 to 1.
func between(a, b, x float64) float64 {
	return b + (a-b)*(1+math.Cos(math.Pi*min(x, 1)))/2
}

// ReduceOnPlateau multiplies the rate by Decay when ValLoss has not fallen by a
// 10,000th for more than Patience epochs, as PyTorch's ReduceLROnPlateau does.
type ReduceOnPlateau struct {
	Patience int     // epochs; 0 means 2
	Decay    float64 // 0 means 0.1
}

// Factor goes through the history.
func (r ReduceOnPlateau) Factor(at Moment) float64 {
	r = r.defaults()
	factor, best, bad := 1.0, math.Inf(1), 0
	for _, e := range at.History {
		if bad++; e.ValLoss < best*(1-1e-4) {
			best, bad = e.ValLoss, 0
		}
		if bad > r.Patience {
			factor, bad = factor*r.Decay, 0
		}
	}
	return factor
}

// Check returns an error if a setting is of no use.
func (r ReduceOnPlateau) Check() error {
	if r.Patience < 0 {
		return fmt.Errorf("ReduceOnPlateau: Patience %d, want a positive number of epochs, or 0 for the default", r.Patience)
	}
	return share("ReduceOnPlateau: Decay", r.Decay)
}

func (r ReduceOnPlateau) defaults() ReduceOnPlateau {
	return ReduceOnPlateau{cmp.Or(r.Patience, 2), cmp.Or(r.Decay, 0.1)}
}

// String is the schedule as ParseSchedule reads it.
func (r ReduceOnPlateau) String() string {
	r = r.defaults()
	return fmt.Sprintf("plateau:%d:%g", r.Patience, r.Decay)
}
