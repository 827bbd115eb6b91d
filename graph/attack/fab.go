package attack

import (
	"context"
	"math"
)

// FAB is the fast adaptive boundary attack with targets (Croce and Hein 2020, "Minimally
// distorted adversarial examples with a fast adaptive boundary attack"; the version with
// targets is FAB-T of the ensemble). It looks for the closest picture on the boundary to
// each target: where the logits, taken for linear, are equal to the class's there is a
// plane. A step goes to it from the picture x[k] and, with weight α, from the clean one:
//
//	x[k+1] = clip((1-α)·(x[k] + η·d(x[k])) + α·(clean + η·d(clean)))
//	α      = min(|d(x[k])| / (|d(x[k])| + |d(clean)|), 0.1)
//
// From a picture beyond the boundary it goes back towards the clean one, by β. Epsilon
// decides which picture is close enough; the steps do not depend on it.
type FAB struct {
	Norm     Norm
	Epsilon  float64
	Steps    int // 0 means 100
	Restarts int // 0 means 1: the starts for each target; the first is the clean picture
	Targets  int // 0 means 9: the other classes to aim at, those with the largest logits first
	Seed     uint64

	// Closest goes through all targets and steps, and returns the closest picture that it
	// found within Epsilon. Otherwise the first one will do.
	Closest bool
}

// The constants of the authors' program.
const (
	beyond      = 1.05 // η, how far to go beyond the plane
	back        = 0.9  // β, how much of the way is left after a step back
	mostToClean = 0.1  // the largest α
)

// Name is fab-t.
func (FAB) Name() string { return "fab-t" }

func (a FAB) defaults() FAB {
	if a.Steps == 0 {
		a.Steps = 100
	}
	if a.Targets == 0 {
		a.Targets = 9
	}
	a.Restarts = max(1, a.Restarts)
	return a
}

// Settings are those of [FAB].
func (a FAB) Settings() []Setting {
	a = a.defaults()
	return []Setting{{"norm", a.Norm.String()}, {"epsilon", a.Epsilon}, {"steps", a.Steps}, {"restarts", a.Restarts},
		{"targets", a.Targets}, {"seed", a.Seed}, {"closest", a.Closest}, {"eta", beyond}, {"beta", back}, {"alpha", mostToClean}}
}

// Run attacks all pictures.
func (a FAB) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	return run(ctx, v, a, images, classes)
}

func (a FAB) job() (job, error) {
	err := checkCounts(count{"steps", a.Steps}, count{"restarts", a.Restarts}, count{"targets", a.Targets})
	return job{name: a.Name(), norm: a.Norm, epsilon: a.Epsilon, seed: a.Seed, search: a.defaults().search}, err
}

// search is FAB on one picture.
func (a FAB) search(t *trial) {
	n := len(t.clean)
	b := boundary{FAB: a, trial: t, limit: a.Epsilon, x: make([]float32, n), dx: make([]float32, n), dClean: make([]float32, n)}
	for i, target := range targets(t.logits, t.class, a.Targets) {
		for restart := range a.Restarts {
			b.begin(restart, i*a.Restarts+restart)
			if b.run(difference(target)) {
				return
			}
		}
	}
	if b.found.Success {
		t.result.Adversarial, t.result.Success, t.result.Class = b.found.Adversarial, true, b.found.Class
		return
	}
	t.keep(t.clean)
}

// boundary is one start of FAB.
type boundary struct {
	FAB
	trial      *trial
	limit      float64 // of the distance: Epsilon, or the closest so far
	found      Result  // the closest so far, if there is one
	x          []float32
	dx, dClean []float32
}

// begin sets x to the clean picture, or to one half of Epsilon away from it.
func (b *boundary) begin(restart, stream int) {
	copy(b.x, b.trial.clean)
	if restart > 0 {
		newBall(b.Norm, b.Epsilon/2, b.trial.clean).border(b.x, b.trial.random(stream))
	}
}

// run makes the steps of one start towards a target, and reports whether it came to a
// picture within Epsilon that fools the network.
func (b *boundary) run(l Loss) bool {
	t := b.trial
	f := t.differentiate(b.x, l)
	for range b.Steps {
		if t.zero {
			return false // there is no plane to go to
		}
		b.step(f)
		f = t.differentiate(b.x, l)
		if argMax(t.logits) == t.class {
			continue
		}
		if b.Norm.Inside(b.x, t.clean, b.limit) && t.fools(b.x) {
			if !b.Closest {
				return true
			}
			b.found, b.limit = t.result, b.Norm.Distance(b.x, t.clean)
		}
		for i, c := range t.clean {
			b.x[i] = c + float32(back*(b.x[i]-c))
		}
		f = t.differentiate(b.x, l)
	}
	return false
}

// step moves x, where the loss is f and its gradient the trial's.
func (b *boundary) step(f float64) {
	w, clean := b.trial.gradient, b.trial.clean
	// The plane is f + w·(y-x) = 0.
	var toClean float64
	for i, v := range w {
		toClean += float64(float64(v) * (float64(b.x[i]) - float64(clean[i])))
	}
	b.Norm.onto(b.dx, b.x, w, -f)
	b.Norm.onto(b.dClean, clean, w, toClean-f)
	own, cleans := max(b.Norm.length(b.dx), 1e-8), max(b.Norm.length(b.dClean), 1e-8)
	alpha := min(own/(own+cleans), mostToClean)
	for i, x := range b.x {
		from := float64(x) + float64(beyond*float64(b.dx[i]))
		fromClean := float64(clean[i]) + float64(beyond*float64(b.dClean[i]))
		b.x[i] = float32(math.Min(math.Max(float64((1-alpha)*from)+float64(alpha*fromClean), 0), 1))
	}
}
