package train

import (
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/attack"
	"tapenet/train"
)

type namedDefence struct {
	name string
	make func(o options) train.Defence
}

// defences are what -adversarial may be, with what the flags beside it make of it.
var defences = []namedDefence{
	{"none", func(options) train.Defence { return nil }},
	{"ibp", func(o options) train.Defence {
		return train.IBP{Epsilon: o.eps, Warmup: o.warmup, Ramp: o.ramp, Share: o.share}
	}},
	{"fgsm", adversarial("fgsm")},
	{"pgd", adversarial("pgd")},
	{"trades", adversarial("trades")},
}

// defenceFlags are the flags that belong to -adversarial, with the defences that read
// each.
var defenceFlags = []struct {
	name    string
	readers []string
}{
	{"eps", []string{"ibp", "fgsm", "pgd", "trades"}},
	{"ramp", []string{"ibp", "fgsm", "pgd", "trades"}},
	{"warmup", []string{"ibp"}},
	{"share", []string{"ibp"}},
	{"norm", []string{"fgsm", "pgd", "trades"}},
	{"attack-steps", []string{"fgsm", "pgd", "trades"}},
	{"attack-step", []string{"fgsm", "pgd", "trades"}},
	{"watch", []string{"fgsm", "pgd", "trades"}},
	{"collapse", []string{"fgsm", "pgd", "trades"}},
	{"beta", []string{"trades"}},
}

// checkDefence refuses a flag of the command line that the chosen defence does not read,
// unless its value is the default.
func (o options) checkDefence(f *cli.FlagSet, given settings) error {
	for _, d := range defenceFlags {
		v := f.Lookup(d.name)
		if given[d.name] == nil || v.Value.String() == v.DefValue || slices.Contains(d.readers, o.adversarial) {
			continue
		}
		return cli.Usagef("train: -%s %v with -adversarial %s, which does not read it, want -adversarial %s", d.name, v.Value, o.adversarial, strings.Join(d.readers, " or "))
	}
	return nil
}

// dropUnread deletes what a recipe says for its own defence alone, if the chosen one is
// another.
func (o options) dropUnread(recipe settings) {
	for _, d := range defenceFlags {
		if !slices.Contains(d.readers, o.adversarial) {
			delete(recipe, d.name)
		}
	}
	if o.adversarial != recipe["adversarial"] {
		delete(recipe, "attack-steps") // a number of steps of another attack
		delete(recipe, "attack-step")
	}
}

// attackOptions are the flags of training on attacked images.
type attackOptions struct {
	norm                 string
	steps, watch         int
	size, beta, collapse float64
}

func (a *attackOptions) flags(f *cli.FlagSet) {
	f.StringVar(&a.norm, "norm", "linf", "with fgsm, pgd and trades, how -eps is measured: linf or l2")
	f.OneOf("norm", attack.Linf.String(), attack.L2.String())
	f.IntVar(&a.steps, "attack-steps", 0, "steps of an attack in training (default 1 with fgsm, 10 with pgd and trades)")
	f.Float64Var(&a.size, "attack-step", 0, "size of such a step (default 1.25 times -eps with fgsm, else 2.5 times -eps over the steps)")
	f.Float64Var(&a.beta, "beta", 0, "with trades, weight of the difference that an attack makes, 1/lambda (default 6)")
	f.IntVar(&a.watch, "watch", 0, "measure so many training images, with -val validation images, under PGD after each epoch (default none, with fgsm 256)")
	f.Float64Var(&a.collapse, "collapse", 0, "with -watch, end when that accuracy is so much below the best epoch's, with whose weights (default 0.2 with fgsm, else never)")
}

// watched reports whether the epochs are measured under attack.
func (o options) watched() bool {
	d, err := o.defence()
	a, ok := d.(train.Adversarial)
	return err == nil && ok && a.Watch > 0
}

// adversarial makes train.Adversarial by one method.
func adversarial(method string) func(options) train.Defence {
	return func(o options) train.Defence {
		a := o.attack
		norm, _ := attack.ParseNorm(a.norm) // checked before
		if method == "fgsm" && a.watch == 0 {
			a.watch = 256
		}
		return train.Adversarial{
			Method: method, Epsilon: o.eps, Norm: norm, Steps: a.steps, StepSize: a.size, Ramp: o.ramp, Beta: a.beta,
			Watch: a.watch, Collapse: a.collapse,
		}
	}
}

func defenceNames() (names []string) {
	for _, d := range defences {
		names = append(names, d.name)
	}
	return names
}

// defence is that of -adversarial, nil for none.
func (o options) defence() (train.Defence, error) {
	i := slices.IndexFunc(defences, func(d namedDefence) bool { return d.name == o.adversarial })
	d := defences[i].make(o)
	if c, ok := d.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return nil, cli.Usagef("train: %v", err)
		}
	}
	if d != nil && (o.gce > 0 || o.focal > 0) {
		return nil, cli.Usagef("train: %s with -adversarial %s, want one of the two", strings.Join(o.losses(), " "), o.adversarial)
	}
	return d, nil
}
