package attack

import (
	"context"
	"slices"
)

// APGD is Auto-PGD (Croce and Hein 2020, "Reliable evaluation of adversarial robustness
// with an ensemble of diverse parameter-free attacks", algorithm 1): gradient ascent with
// momentum that chooses its step size by itself. It begins with 2·Epsilon; at checkpoints it
// halves the step and goes back to the best picture so far, where too few steps made the
// loss larger, or where neither the step size nor the best loss has changed since the
// last checkpoint.
//
//	z       = project(x[k] + η·direction(∇ loss(x[k])))
//	x[k+1]  = project(x[k] + ¾·(z - x[k]) + ¼·(x[k] - x[k-1]))
//
// It stops where the network is wrong.
type APGD struct {
	Norm     Norm
	Epsilon  float64
	Steps    int // 0 means 100
	Restarts int // 0 means 1: the starts, the first one included
	Seed     uint64
	Loss     Loss // the zero value is CrossEntropy; not with Targets

	// Targets is the number of other classes that the attack aims at, one after the
	// other, those with the largest logits first: by [DLRTo], from Restarts starts each. 0
	// means none: it makes Loss larger, whichever class comes of it.
	Targets int

	FromClean bool // the first start, for each target, is the clean picture itself
}

// Name is apgd-t with Targets, else apgd-ce, apgd-dlr or whatever the loss is called.
func (a APGD) Name() string {
	if a.Targets > 0 {
		return "apgd-t"
	}
	return "apgd-" + a.defaults().Loss.Name
}

func (a APGD) defaults() APGD {
	if a.Loss.F == nil {
		a.Loss = CrossEntropy
	}
	if a.Steps == 0 {
		a.Steps = 100
	}
	a.Restarts = max(1, a.Restarts)
	return a
}

// Settings are those of [APGD].
func (a APGD) Settings() []Setting {
	a = a.defaults()
	s := []Setting{{"norm", a.Norm.String()}, {"epsilon", a.Epsilon}, {"loss", a.Loss.Name}, {"steps", a.Steps},
		{"restarts", a.Restarts}, {"targets", a.Targets}, {"seed", a.Seed}, {"momentum", momentum}, {"rho", risingPart}, {"step_size", 2 * a.Epsilon}}
	if a.Targets > 0 {
		s[2].Value = "dlr-t"
	}
	return s
}

// Run attacks all pictures.
func (a APGD) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	return run(ctx, v, a, images, classes)
}

func (a APGD) job() (job, error) {
	err := checkCounts(count{"steps", a.Steps}, count{"restarts", a.Restarts}, count{"targets", a.Targets})
	return job{name: a.Name(), norm: a.Norm, epsilon: a.Epsilon, seed: a.Seed, search: a.defaults().search}, err
}

// search is APGD on one picture.
func (a APGD) search(t *trial) {
	losses := []Loss{a.Loss}
	if a.Targets > 0 {
		losses = nil
		for _, target := range targets(t.logits, t.class, a.Targets) {
			losses = append(losses, DLRTo(target))
		}
	}
	c := newClimb(a, t)
	for i, l := range losses {
		for restart := range a.Restarts {
			if copy(c.x, t.clean); restart > 0 || !a.FromClean {
				c.ball.border(c.x, t.random(i*a.Restarts+restart))
			}
			if c.run(l) {
				return
			}
		}
	}
	t.keep(c.best)
}

// The constants of the paper's section 3.
const (
	momentum   = 0.75 // α, the weight of the new direction
	risingPart = 0.75 // ρ, the part of the steps since the last checkpoint that are to make the loss larger
)

// checkpoints are the steps after which the step size may be halved, ⌈p[j]·steps⌉ with
//
//	p[0] = 0, p[1] = 0.22, p[j+1] = p[j] + max(p[j] - p[j-1] - 0.03, 0.06)
//
// while p[j] is 1 or less. It counts in hundredths, which are exact.
func checkpoints(steps int) (w []int) {
	for p, gap := 22, 22; p <= 100; p += gap {
		w = append(w, (p*steps+99)/100)
		gap = max(gap-3, 6)
	}
	return w
}

// climb is one start of APGD: its pictures, x[k] and x[k-1], and the best one with its
// gradient, all of one memory for all starts.
type climb struct {
	trial              *trial
	ball               *ball
	steps              int
	checkpoints        []int
	x, last, z         []float32
	gradient           []float32 // at x
	best, bestG        []float32 // the picture of the largest loss, and the gradient there
	loss, most, step   float64   // at x, at best, and η
	rising             int       // steps since the last checkpoint that made the loss larger
	stepThen, mostThen float64   // at the last checkpoint
}

func newClimb(a APGD, t *trial) *climb {
	n := len(t.clean)
	c := &climb{trial: t, ball: newBall(a.Norm, a.Epsilon, t.clean), steps: a.Steps, checkpoints: checkpoints(a.Steps)}
	for _, x := range []*[]float32{&c.x, &c.last, &c.z, &c.gradient, &c.best, &c.bestG} {
		*x = make([]float32, n)
	}
	return c
}

// run climbs from x, and reports whether it came to a picture that fools the network.
func (c *climb) run(l Loss) bool {
	c.step, c.rising = 2*c.ball.epsilon, 0
	c.loss = c.trial.differentiate(c.x, l)
	copy(c.gradient, c.trial.gradient)
	c.improve()
	c.stepThen, c.mostThen = c.step, c.most
	if c.trial.crossed(c.x) {
		return true
	}
	checked, next := 0, 0
	for k := range c.steps {
		if c.stuck(k == 0) {
			return false
		}
		c.move(k == 0)
		before := c.loss
		c.loss = c.trial.differentiate(c.x, l)
		copy(c.gradient, c.trial.gradient)
		if c.trial.crossed(c.x) {
			return true
		}
		if c.loss > before {
			c.rising++
		}
		if c.loss > c.most {
			c.improve()
		}
		if next < len(c.checkpoints) && k+1 == c.checkpoints[next] {
			c.check(k + 1 - checked)
			checked = k + 1
			for next < len(c.checkpoints) && c.checkpoints[next] <= checked {
				next++
			}
		}
	}
	return false
}

// improve makes x the best picture.
func (c *climb) improve() {
	c.most = c.loss
	copy(c.best, c.x)
	copy(c.bestG, c.gradient)
}

// stuck reports whether x would stay where it is from now on.
func (c *climb) stuck(first bool) bool {
	return isZero(c.gradient) && (first || slices.Equal(c.x, c.last))
}

// move makes a step: the first one without momentum.
func (c *climb) move(first bool) {
	copy(c.z, c.x)
	c.ball.ascend(c.z, c.gradient, c.step)
	if first {
		c.last, c.x, c.z = c.x, c.z, c.last
		return
	}
	for i, x := range c.x {
		c.z[i] = x + float32(momentum*(c.z[i]-x)) + float32((1-momentum)*(x-c.last[i]))
	}
	c.ball.project(c.z)
	c.last, c.x, c.z = c.x, c.z, c.last
}

// check is a checkpoint: see [APGD].
func (c *climb) check(steps int) {
	halve := float64(c.rising) < risingPart*float64(steps) || c.step == c.stepThen && c.most == c.mostThen
	c.rising, c.stepThen, c.mostThen = 0, c.step, c.most
	if halve {
		c.step /= 2
		c.loss = c.most
		copy(c.x, c.best)
		copy(c.gradient, c.bestG)
	}
}
