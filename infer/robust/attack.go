package robust

import (
	"cmp"
	"fmt"
	"slices"

	"tapenet/graph/attack"
)

// Attacks are what a network bears of somebody who means harm: pictures that were made
// from the images, as far from them as Epsilon at most and inside 0..1, to be
// classified wrongly.
type Attacks struct {
	Norm    string     `json:"norm"` // "linf" or "l2"
	Epsilon float64    `json:"epsilon"`
	Attacks []Attacked `json:"attacks"`
	Curve   *Curve     `json:"curve,omitempty"` // accuracy under pgd over the distance

	// Worst counts the images that are right after all of the attacks. It is what
	// an adversary leaves who tries them all.
	Worst Score `json:"worst"`

	borne []bool // images that are right so far
}

// Attacked is what one attack leaves.
type Attacked struct {
	Name     string           `json:"name"`
	Settings []attack.Setting `json:"settings"`

	Accuracy float64 `json:"accuracy"` // by a plain prediction of each picture that was made
	// Saved is the accuracy when the pictures are rounded to 8 bits, as a file has them.
	// It may be the larger one: attacks stop just behind the border.
	Saved float64 `json:"saved"`
	// Found are the pictures that the attack takes for a success, and Confirmed those of
	// them that lie inside the ball and inside 0..1 and are wrong in a plain prediction.
	Found     int `json:"found"`
	Confirmed int `json:"confirmed"`

	Queries   float64   `json:"queries"`            // pictures that the network looked at, for each image
	Gradients float64   `json:"gradients"`          // the ones of them with a gradient
	FoundBy   []FoundBy `json:"found_by,omitempty"` // for an attack of several
	Warnings  []string  `json:"warnings,omitempty"` // why the network may be weaker than it looks
}

// FoundBy is how many pictures a part of an attack has found.
type FoundBy struct {
	Name  string `json:"name"`
	Found int    `json:"found"`
}

// attacker is an attack that can be measured.
type attacker struct {
	name  string
	make  func(c Config) attack.Attack
	cost  int  // predictions for an image, about
	asked bool // measured only if Config.What names it
}

// attackers are the attacks.
func attackers() []attacker {
	return []attacker{
		{name: "fgsm", cost: 6, make: func(c Config) attack.Attack { return attack.FGSM{Norm: c.Norm, Epsilon: c.epsilon} }},
		{name: "pgd", cost: 100, make: func(c Config) attack.Attack {
			return attack.PGD{Norm: c.Norm, Epsilon: c.epsilon, Steps: 40, Seed: c.Seed}
		}},
		{name: "ensemble", cost: 400, make: func(c Config) attack.Attack {
			return attack.Ensemble{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed}
		}},
		{name: "pgd-restarts", cost: 4000, asked: true, make: func(c Config) attack.Attack {
			return attack.PGD{Norm: c.Norm, Epsilon: c.epsilon, Steps: 100, Restarts: 20, Seed: c.Seed}
		}},
		{name: "apgd-ce", cost: 200, asked: true, make: func(c Config) attack.Attack {
			return attack.APGD{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed}
		}},
		{name: "apgd-dlr", cost: 200, asked: true, make: func(c Config) attack.Attack {
			return attack.APGD{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed, Loss: attack.DLR}
		}},
		{name: "apgd-t", cost: 1000, asked: true, make: func(c Config) attack.Attack {
			return attack.APGD{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed, Targets: 9}
		}},
		{name: "fab-t", cost: 1000, asked: true, make: func(c Config) attack.Attack {
			return attack.FAB{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed}
		}},
		{name: "square", cost: 2000, asked: true, make: func(c Config) attack.Attack {
			return attack.Square{Norm: c.Norm, Epsilon: c.epsilon, Seed: c.Seed}
		}},
	}
}

// curveSteps are how many distances the curve has, 0 left out.
const curveSteps = 6

func attackItems([3]int) []item {
	var items []item
	for _, a := range attackers() {
		items = append(items, item{
			group: "attacks", name: a.name, asked: a.asked,
			cost: func(m *meter) int { return a.cost * len(m.images) },
			run:  func(m *meter) error { return m.attack(a) },
		})
	}
	return append(items, item{
		group: "attacks", name: "curve",
		cost: func(m *meter) int { return 60 * curveSteps * len(m.images) },
		run:  (*meter).attackCurve,
	})
}

// attack measures one attack.
func (m *meter) attack(a attacker) error {
	made, err := m.attacked(a.make(m.config))
	if err != nil {
		return err
	}
	made.Name = a.name
	all := m.attacks()
	for i := range all.borne {
		all.borne[i] = all.borne[i] && made.right[i]
	}
	all.Worst = newScore(count(all.borne), len(all.borne))
	all.Attacks = append(all.Attacks, made.Attacked)
	m.showAttack(a.name, made)
	return nil
}

// attacks is the report's part, made when it is first needed.
func (m *meter) attacks() *Attacks {
	if m.report.Attacks == nil {
		a := &Attacks{Norm: m.config.Norm.String(), Epsilon: m.config.epsilon, borne: make([]bool, len(m.images))}
		for i, c := range m.clean {
			a.borne[i] = c.class == m.classes[i]
		}
		a.Worst = m.report.Clean
		m.report.Attacks = a
	}
	return m.report.Attacks
}

func count(all []bool) (n int) {
	for _, v := range all {
		if v {
			n++
		}
	}
	return n
}

// outcome is what an attack has made.
type outcome struct {
	Attacked
	pictures [][]float32 // by image, rounded to 8 bits
	answers  []answer    // what the network says of them
	right    []bool      // whether the network is right about both pictures of an image, the attack's own and the rounded one
}

// attacked runs an attack on all images and checks its pictures by plain predictions.
func (m *meter) attacked(a attack.Attack) (outcome, error) {
	v, err := m.victim()
	if err != nil {
		return outcome{}, err
	}
	o, err := a.Run(m.ctx, v, m.images, m.classes)
	if stopped := m.stopped(); err != nil && stopped != nil {
		return outcome{}, stopped
	}
	if err != nil {
		return outcome{}, fmt.Errorf("robust: %s: %w", m.what, err)
	}
	to := outcome{Attacked: Attacked{Name: a.Name(), Settings: a.Settings(), Warnings: o.Warnings}}
	own, err := m.predict(o.Adversarial())
	if err != nil {
		return outcome{}, err
	}
	to.judge(m, o, answers(own))
	for i, x := range o.Adversarial() {
		if file, ok := attack.Bytes(x, m.images[i], m.config.Norm, m.config.epsilon); ok {
			x = file // else the image itself has other values
		}
		to.pictures = append(to.pictures, x)
	}
	saved, err := m.predict(to.pictures)
	if err != nil {
		return outcome{}, err
	}
	to.answers = answers(saved)
	for i, a := range to.answers {
		to.right[i] = to.right[i] && a.class == m.classes[i]
	}
	to.Saved = newScore(m.right(to.answers), len(to.answers)).Accuracy
	return to, nil
}

// judge compares what an attack claims with plain predictions of its pictures.
func (to *outcome) judge(m *meter, o *attack.Outcome, own []answer) {
	by := map[string]int{}
	for i, r := range o.Images {
		to.Queries += float64(r.Queries)
		to.Gradients += float64(r.Gradients)
		if r.Success {
			to.Found++
			by[r.By]++
		}
		wrong := own[i].class != m.classes[i]
		inside := m.config.Norm.Inside(r.Adversarial, m.images[i], m.config.epsilon)
		if r.Success && wrong && inside {
			to.Confirmed++
		}
		to.right = append(to.right, !(wrong && inside))
	}
	n := float64(len(o.Images))
	to.Queries, to.Gradients = to.Queries/n, to.Gradients/n
	to.Accuracy = newScore(count(to.right), len(to.right)).Accuracy
	if len(by) > 1 {
		for name, n := range by {
			to.FoundBy = append(to.FoundBy, FoundBy{name, n})
		}
		slices.SortFunc(to.FoundBy, func(a, b FoundBy) int { return cmp.Compare(a.Name, b.Name) })
	}
}

// few images are attacked in a batch of so many.
const few = 8

// oneClass is why such a network is neither attacked nor proven.
const oneClass = "a network of one class is never wrong"

// victim is the network for attacks.
func (m *meter) victim() (*attack.Victim, error) {
	if len(m.p.Classes) < 2 {
		return nil, skipped{oneClass}
	}
	if m.attackee == nil {
		n := m.p.Network()
		o := attack.Options{MaxMemory: available()}
		if len(m.images) <= few { // a whole batch would be computed for them
			o.Batch = few
		}
		v, err := o.New(n.Layer, n.Weights, n.Input, n.Normalisation)
		if err != nil {
			return nil, fmt.Errorf("robust: %w", err)
		}
		m.attackee = v
	}
	before, cost := m.done, m.end-m.done
	m.attackee.Progress = func(_ string, done, total int) {
		m.advance(max(0, before+cost*done/max(total, 1)-m.done))
	}
	return m.attackee, nil
}

// showAttack keeps pictures of an attack for its sheet: those that it turns, first.
func (m *meter) showAttack(name string, a outcome) {
	s := Sheet{Group: "attacks", Name: name}
	for _, turned := range []bool{true, false} {
		for i := range a.pictures {
			was := m.clean[i].class == m.classes[i]
			if len(s.Rows) < 3 && was && (a.answers[i].class != m.classes[i]) == turned {
				s.Rows = append(s.Rows, []Picture{
					m.picture(i, "as it is", m.images[i], m.clean[i]),
					m.picture(i, fmt.Sprintf("ε %g", m.config.epsilon), a.pictures[i], a.answers[i]),
					difference(m, i, a.pictures[i]),
				})
			}
		}
	}
	m.report.Sheets = append(m.report.Sheets, s)
}

// difference is a picture of what was added to an image: grey is nothing.
func difference(m *meter, i int, x []float32) Picture {
	y := make([]float32, len(x))
	most := float32(1e-9)
	for k, v := range x {
		most = max(most, v-m.images[i][k], m.images[i][k]-v)
	}
	for k, v := range x {
		y[k] = 0.5 + (v-m.images[i][k])/(2*most)
	}
	return Picture{Label: "difference", Image: i, Class: m.classes[i], Predicted: NoPrediction, Pix: y}
}

// NoPrediction is the class of a picture that no network was asked about.
const NoPrediction = -1

// attackCurve measures pgd at several distances up to the config's.
func (m *meter) attackCurve() error {
	if m.config.epsilon == 0 {
		return skipped{"attacks within a distance of 0 have no curve"}
	}
	c := Curve{Name: "pgd", Unit: "ε", At: []float64{0}, Accuracy: []float64{m.report.Clean.Accuracy}, Mean: m.report.Clean.Accuracy}
	k := m.kind("attacks", "pgd")
	k.sheet = "pgd by distance"
	whole := m.config.epsilon
	defer func() { m.config.epsilon = whole }()
	for step := 1; step <= curveSteps; step++ {
		m.config.epsilon = whole * float64(step) / curveSteps
		made, err := m.attacked(attack.PGD{Norm: m.config.Norm, Epsilon: m.config.epsilon, Steps: 20, Seed: m.config.Seed})
		if err != nil {
			return err
		}
		c.At, c.Accuracy = append(c.At, m.config.epsilon), append(c.Accuracy, made.Accuracy)
		c.Mean += made.Accuracy
		k.tried(m, float64(step)/curveSteps, fmt.Sprintf("ε %.3g", m.config.epsilon), made.answers, func(i int) []float32 { return made.pictures[i] })
	}
	c.Mean /= float64(len(c.At))
	m.attacks().Curve = &c
	return nil
}
