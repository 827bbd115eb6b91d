package robust

import (
	"flag"
	"io"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/graph/attack"
	"tapenet/infer/robust"
)

// options are the command's flags.
type options struct {
	models             []string
	data, unknown, out string
	limit              int
	seed               uint64
	what               []string
	epsilon            float64
	norm               attack.Norm
	sigma              float64
	samples            int
	maxPixels          int
	epsilonSet         bool // -eps was given: 0 is no distance then
}

func parse(args []string, stdout io.Writer) (o options, err error) {
	f := cli.Flags("robust", "-model DIR[,DIR…] [-data NAME|DIR] [flags]",
		"Measures what networks bear: corruptions, turns and shifts, attacks, unknown inputs.\n\n"+usage(), stdout)
	models := f.String("model", "", "folder of a run, as in runs/cnn, or a model file; several, with commas between, are set side by side")
	f.StringVar(&o.data, "data", "", "measure on the test part of "+dataset.Usage+" (default what the run was trained on)")
	f.Names("data", dataset.Names...)
	what := f.String("what", "", "measure only these, with commas between, as in grid,corruptions/fog (default all)")
	f.Names("what", whats()...)
	f.StringVar(&o.out, "out", "", "folder of robust.json and robust.html (default the run's; that above the first one's for several)")
	f.IntVar(&o.limit, "limit", 0, "use the first so many images; -1 is all (default 200, 10000 for calibration and unknown inputs)")
	f.StringVar(&o.unknown, "unknown", "", "images that belong to none of the classes: as -data, or none (default fashion-mnist for mnist, and the other way round)")
	f.Names("unknown", append([]string{"none"}, dataset.Names...)...)

	f.Group("How it is measured")
	f.Float64Var(&o.epsilon, "eps", 0, "how far attacks may go, of pixels in 0..1 (default 0.3 for linf, 2 for l2)")
	norm := f.String("norm", attack.Linf.String(), "what is far: linf, the largest difference of a pixel; l2, the root of the summed squares")
	f.OneOf("norm", attack.Linf.String(), attack.L2.String())
	f.Float64Var(&o.sigma, "sigma", 0, "deviation of the noise of randomized smoothing (default 0.25)")
	f.IntVar(&o.samples, "samples", 0, "noisy images for each image that it certifies; published figures have 100000 (default 1000)")
	f.Uint64Var(&o.seed, "seed", 1, "of all that is random")
	cli.MaxPixels(f, &o.maxPixels)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := f.NoArguments(); err != nil {
		return o, err
	}
	o.models, o.what = list(*models), list(*what)
	f.Visit(func(f *flag.Flag) { o.epsilonSet = o.epsilonSet || f.Name == "eps" })
	if o.norm, err = attack.ParseNorm(*norm); err != nil {
		return o, err
	}
	return o, o.check()
}

// usage lists what can be measured.
func usage() string {
	var b strings.Builder
	b.WriteString("What there is to measure:\n")
	for _, g := range robust.Groups([3]int{1, 28, 28}) {
		b.WriteString("  " + g.Name + strings.Repeat(" ", max(1, 14-len(g.Name))) + g.Doc + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// whats are the values of -what, without those that stand behind a slash.
func whats() (names []string) {
	for _, g := range robust.Groups([3]int{1, 28, 28}) {
		names = append(names, g.Name)
	}
	return names
}

// list splits a flag's value at its commas.
func list(text string) (all []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func (o options) check() error {
	switch {
	case len(o.models) == 0:
		return cli.Usagef("robust: no model, want -model DIR, as in -model runs/cnn")
	case o.limit < -1:
		return cli.Usagef("robust: -limit %d, want a number from 1, 0 for the default or -1 for all", o.limit)
	case o.norm == attack.Linf && !(o.epsilon >= 0 && o.epsilon <= 1):
		return cli.Usagef("robust: -eps %v, want 0 to 1, as pixels are 0..1", o.epsilon)
	case !(o.epsilon >= 0 && o.epsilon <= 1e6): // the most that attacks take
		return cli.Usagef("robust: -eps %v, want a number from 0 to 1e6", o.epsilon)
	case o.sigma < 0 || o.sigma-o.sigma != 0:
		return cli.Usagef("robust: -sigma %v, want a number above 0, or 0 for the default", o.sigma)
	case o.samples < 0:
		return cli.Usagef("robust: -samples %d, want a number from 1, or 0 for the default", o.samples)
	}
	seen := map[string]bool{}
	for _, m := range o.models {
		if seen[m] {
			return cli.Usagef("robust: -model has %s twice, want each once", m)
		}
		seen[m] = true
	}
	return nil
}

// config is what the flags say, without the images.
func (o options) config() robust.Config {
	c := robust.Config{What: o.what, Limit: o.limit, Seed: o.seed, Epsilon: o.epsilon, Norm: o.norm}
	c.Smoothing.Sigma, c.Smoothing.Samples = o.sigma, o.samples
	if o.epsilonSet && o.epsilon == 0 {
		c.Epsilon = -1 // no distance, as 0 is the default
	}
	return c
}
