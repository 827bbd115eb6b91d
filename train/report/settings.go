package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// ConfigFile is the name of a run's settings in its folder.
const ConfigFile = "config.toml"

// Repeats begins ConfigFile if that alone repeats the run.
const Repeats = "# The settings of this run: go run ./cmd/train -config, with this file, repeats it.\n"

// Setting is a setting of a run, as its page lists it.
type Setting struct {
	Name, Value string
	Default     bool // it is what a run has of which nothing is said
}

// Settings has the page list the settings of the run.
func (r *Report) Settings(s []Setting) { r.page.Settings = s }

// Changed are the settings that somebody has chosen.
func (p page) Changed() []Setting { return p.settings(false) }

// Defaults are the others.
func (p page) Defaults() []Setting { return p.settings(true) }

func (p page) settings(byDefault bool) []Setting {
	return slices.DeleteFunc(slices.Clone(p.Settings), func(s Setting) bool { return s.Default != byDefault })
}

// config is the settings of a run from Go: those that go run ./cmd/train has flags for, by
// their names, and the others in words.
type config struct {
	flags  map[string]any
	others []Setting
}

// newConfig takes the settings apart. c has an Optimizer.
func newConfig(c train.Config, d data.Dataset) config {
	of := config{flags: map[string]any{
		"model": c.Model, "epochs": c.Epochs, "batch": c.Batch, "seed": c.Seed, "lanes": c.Lanes,
		"smoothing": c.LabelSmoothing, "gce": c.GeneralizedCrossEntropy, "focal": c.Focal,
		"mixup": c.Mixup, "cutmix": c.CutMix, "clip": c.ClipNorm, "accumulate": max(c.Accumulate, 1),
		"average": c.Average, "patience": c.Patience, "keep": c.KeepCheckpoints, "schedule": "constant",
	}}
	of.optimizer(c.Optimizer)
	if c.Schedule != nil {
		of.schedule(c.Schedule)
	}
	if c.Defence == nil {
		of.flags["adversarial"], of.flags["teacher"] = "none", ""
	}
	if d.Changes == "" { // else a recipe may choose, if no flag does
		of.flags["augment"], of.flags["normalise"] = "none", false
	}
	of.add("dataset", fmt.Sprintf("%s, %s training and %s %s images of %v", d.Name, graph.Thousands(d.Train.Len()), graph.Thousands(d.Test.Len()), d.TestPart(), d.Shape))
	if d.Changes != "" {
		of.add("changes of the images", strings.TrimRight(d.Changes, "; "))
	}
	if c.Model == "" {
		of.add("model", "a network of the program's own")
	}
	for _, field := range []struct {
		name  string
		value any
	}{
		{"ClipValue", c.ClipValue}, {"ClassWeights", c.ClassWeights}, {"Rates", c.Rates}, {"Defence", c.Defence},
	} {
		if v := reflect.ValueOf(field.value); v.IsValid() && !v.IsZero() {
			of.add(field.name, fmt.Sprint(field.value))
		}
	}
	for name, given := range map[string]bool{
		"SampleWeights": c.SampleWeights != nil, "From": c.From != nil, "Backbone": c.Backbone != nil, "Replan": c.Replan != nil,
	} {
		if given {
			of.add(name, "the program's")
		}
	}
	slices.SortStableFunc(of.others, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return of
}

func (c *config) add(name, value string) {
	c.others = append(c.others, Setting{Name: name, Value: strings.Join(strings.Fields(value), " ")})
}

// optimizer has flags for those that the command can make.
func (c *config) optimizer(o train.Optimizer) {
	text := fmt.Sprint(o)
	name, _, _ := strings.Cut(text, " ")
	rated, ok := o.(train.Rated)
	if !ok {
		c.add("Optimizer", text)
		return
	}
	decay := 0.0
	if _, after, ok := strings.Cut(text, " decay "); ok {
		fmt.Sscan(after, &decay) // stays 0 if that is something else, and the next test fails
	}
	if made, err := train.NewOptimizer(name, rated.Rate(), decay); err != nil || fmt.Sprint(made) != text {
		c.add("Optimizer", text)
		return
	}
	c.flags["optimizer"], c.flags["lr"], c.flags["decay"] = name, rated.Rate(), decay
}

// schedule has a flag for those that the command can read.
func (c *config) schedule(s train.Schedule) {
	text := fmt.Sprint(s)
	if read, err := train.ParseSchedule(text); err != nil || fmt.Sprint(read) != text {
		delete(c.flags, "schedule")
		c.add("Schedule", text)
		return
	}
	c.flags["schedule"] = text
}

// listed are the settings for the page.
func (c config) listed() []Setting {
	all := slices.Clone(c.others)
	for name, v := range c.flags {
		none := reflect.ValueOf(v).IsZero() || v == "constant" || v == "none" || name == "accumulate" && v == 1
		all = append(all, Setting{name, fmt.Sprint(v), none})
	}
	slices.SortFunc(all, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// fromGo begins the settings of a run from Go.
const fromGo = "# The settings of a run from Go, by the names of the flags of go run ./cmd/train: that takes this\n" +
	"# file as its -config, and has to be told by other flags what only a comment says.\n"

// save writes the settings into a file.
func (c config) save(path string) error {
	var b bytes.Buffer
	b.WriteString(fromGo)
	for _, s := range c.others {
		fmt.Fprintf(&b, "# %s: %s\n", s.Name, s.Value)
	}
	flags := maps.Clone(c.flags)
	if seed := c.flags["seed"].(uint64); seed > math.MaxInt64 { // which TOML has not
		flags["seed"] = fmt.Sprint(seed)
	}
	if err := toml.NewEncoder(&b).Encode(flags); err != nil {
		return fmt.Errorf("report: settings: %w", err)
	}
	return weights.WriteFile(path, func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
}
