package main

import (
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
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
}

func defenceNames() string {
	var names []string
	for _, d := range defences {
		names = append(names, d.name)
	}
	return strings.Join(names, ", ")
}

// defence is that of -adversarial, nil for none.
func (o options) defence() (train.Defence, error) {
	i := slices.IndexFunc(defences, func(d namedDefence) bool { return d.name == o.adversarial })
	if i < 0 {
		return nil, cli.Usagef("train: -adversarial %q, want one of %s", o.adversarial, defenceNames())
	}
	return defences[i].make(o), nil
}
