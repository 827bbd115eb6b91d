package attack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Ensemble runs attacks one after the other, each on the pictures that still stand, and
// warns where the result may be better than the network is.
type Ensemble struct {
	Norm    Norm
	Epsilon float64
	Seed    uint64

	// Attacks are the attacks, in their order. nil means the standard version of
	// AutoAttack (Croce and Hein 2020): APGD on cross-entropy, APGD with 9 targets,
	// FAB with 9 targets, Square with 5000 queries, of the fields above; each from
	// one start. Otherwise they have their own Norm, Epsilon and Seed.
	Attacks []Attack
}

// Standard is the attacks of the standard ensemble.
func Standard(norm Norm, epsilon float64, seed uint64) []Attack {
	return []Attack{
		APGD{Norm: norm, Epsilon: epsilon, Seed: seed},
		APGD{Norm: norm, Epsilon: epsilon, Seed: seed, Targets: 9},
		FAB{Norm: norm, Epsilon: epsilon, Seed: seed},
		Square{Norm: norm, Epsilon: epsilon, Seed: seed},
	}
}

// Name is ensemble.
func (Ensemble) Name() string { return "ensemble" }

func (e Ensemble) attacks() []Attack {
	if e.Attacks == nil {
		return Standard(e.Norm, e.Epsilon, e.Seed)
	}
	return e.Attacks
}

// Settings are those of the attacks, their names in front, as in apgd-ce.steps.
func (e Ensemble) Settings() []Setting {
	var all []Setting
	for _, a := range e.attacks() {
		for _, s := range a.Settings() {
			all = append(all, Setting{a.Name() + "." + s.Name, s.Value})
		}
	}
	return all
}

// Run attacks all pictures. A result counts the queries of all attacks; without Success
// its Adversarial is the clean picture.
func (e Ensemble) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	var jobs []job
	for _, a := range e.attacks() {
		m, ok := a.(maker)
		if !ok {
			return nil, fmt.Errorf("attack: the ensemble has %s, want attacks of this package", a.Name())
		}
		j, err := prepare(v, m, images, classes)
		if err != nil {
			return nil, err
		}
		if j.whole {
			return nil, fmt.Errorf("attack: the ensemble has %s with Whole, want an attack that says what it found", j.name)
		}
		jobs = append(jobs, j)
	}
	if len(jobs) == 0 {
		return nil, errors.New("attack: the ensemble has no attacks, want one or more, or nil for the standard ones")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r := rounds{victim: v, list: newList(images, classes), results: make([]Result, len(images))}
	for i, x := range images {
		r.results[i] = Result{Adversarial: x, Class: -1}
	}
	if err := r.suspect(); err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if err := r.run(ctx, j); err != nil {
			return nil, err
		}
	}
	return &Outcome{Images: r.results, Warnings: append(r.warnings, r.ofAttacks()...)}, nil
}

// blindPart is the part of all pictures that Square may find by luck: it has fewer reasons
// to stop than the attacks before it. The authors' program has the number.
const blindPart = 0.002

// rounds are an ensemble's run.
type rounds struct {
	victim   *Victim
	list     list // of the pictures that stand
	results  []Result
	warnings []string

	gradients bool     // an attack with gradients has run
	blind     []string // attacks without gradients that found what those with them had not
}

// run lets an attack try what stands.
func (r *rounds) run(ctx context.Context, j job) error {
	found, err := r.victim.attack(ctx, j, r.list)
	if err != nil {
		return err
	}
	before, asked, broken := r.list, 0, 0
	r.list = list{total: before.total}
	for i, f := range found {
		all := &r.results[before.indices[i]]
		all.Queries += f.Queries
		all.Gradients += f.Gradients
		all.ZeroGradients += f.ZeroGradients
		all.Class = f.Class
		asked += f.Gradients
		if f.Success {
			all.Adversarial, all.Success, all.By = f.Adversarial, true, f.By
			if f.By != Clean {
				broken++
			}
			continue
		}
		r.list.add(before, i)
	}
	switch {
	case asked == 0 && float64(broken) > blindPart*float64(before.total) && r.gradients:
		r.blind = append(r.blind, fmt.Sprintf("%s, which sees no gradient, found %d pictures that the attacks with gradients before it had not", j.name, broken))
	case asked > 0:
		r.gradients = true
	}
	return nil
}

// add appends a picture of another list.
func (l *list) add(from list, i int) {
	l.images = append(l.images, from.images[i])
	l.classes = append(l.classes, from.classes[i])
	l.indices = append(l.indices, from.indices[i])
}

// ofAttacks are the warnings that the attacks' results are reason for.
func (r *rounds) ofAttacks() (warnings []string) {
	zero := 0
	for _, result := range r.results {
		if result.ZeroGradients > 0 {
			zero++
		}
	}
	if zero > 0 {
		warnings = append(warnings, fmt.Sprintf("the gradient was zero for %d of %d pictures: attacks with gradients may have gone nowhere", zero, len(r.results)))
	}
	for _, b := range r.blind {
		warnings = append(warnings, b+": its gradients may be masked")
	}
	return warnings
}

// suspect looks at the clean pictures' logits: whether they are probabilities, and whether
// they are the same twice.
func (r *rounds) suspect() error {
	first, err := r.victim.predict(r.list.images)
	if err != nil {
		return err
	}
	second, err := r.victim.predict(r.list.images)
	if err != nil {
		return err
	}
	if n := len(first); n > 0 {
		other := 0
		for i := range first {
			if !slices.Equal(first[i].logits, second[i].logits) {
				other++
			}
		}
		if other > 0 {
			r.warnings = append(r.warnings, fmt.Sprintf("the network is randomised: %d of %d pictures had other logits the second time, and attacks are to average over them", other, n))
		}
		if !slices.ContainsFunc(first, func(t *trial) bool { return !probabilities(t.logits) }) {
			r.warnings = append(r.warnings, "the network's output looks like probabilities: want logits, the output before SoftMax, for losses of logits")
		}
	}
	return nil
}

// probabilities reports whether logits are none, but add up to 1.
func probabilities(z []float64) bool {
	var sum float64
	for _, v := range z {
		if v < 0 || v > 1 {
			return false
		}
		sum += v
	}
	return math.Abs(sum-1) < 1e-3
}
