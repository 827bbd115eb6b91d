// Package search is the command that looks for good settings of the command train: it
// draws trials from a space of settings, trains them, all of them whole or by
// successive halving, and ranks them by their accuracy on images held out of the
// training set.
package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"tapenet/cmd/internal/cli"
	"tapenet/train/data"
)

// options are the flags, and behind them those of train.
type options struct {
	file, out      string // of the space, and for the runs
	count, halving int
	seed           uint64
	flags          []string // of train, for all trials
}

// mostTrials bounds -trials: the settings of each are checked before the first one.
const mostTrials = 1000

// own are flags of train that search sets itself.
var own = []string{"out", "resume", "until", "settings", "json", "report", "find-lr", "dashboard", "folds", "time", "help", "h"}

func parse(args []string, stdout io.Writer) (o options, err error) {
	f := cli.Flags("search", "-space FILE.toml [flags] [-- flags of train]",
		"Looks for good settings: trains with some drawn from a space, and ranks them by accuracy on images held out of the training set.", stdout)
	f.StringVar(&o.file, "space", "", `TOML file: settings of train, each a list of values or a range, as in lr = {min = 1e-4, max = 1e-2, scale = "log"}`)
	f.IntVar(&o.count, "trials", 20, "settings to try")
	f.IntVar(&o.halving, "halving", 0, "successive halving: begin with few epochs, and go on with one trial in so many, as in 3 (default all epochs for all trials)")
	f.StringVar(&o.out, "out", "runs/search", "folder for the runs, the table and the plot; the same command goes on in it")
	f.Uint64Var(&o.seed, "seed", 1, "of the settings that are drawn; train's own -seed goes behind --")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.flags = f.Args()
	switch {
	case o.file == "":
		return o, cli.Usagef("search: no -space, want a TOML file of settings; search -help says more")
	case o.count < 1 || o.count > mostTrials:
		return o, cli.Usagef("search: -trials %d, want 1 to %d", o.count, mostTrials)
	case o.halving < 0 || o.halving == 1:
		return o, cli.Usagef("search: -halving %d, want 2 or more, or 0 for all epochs", o.halving)
	}
	for _, arg := range o.flags {
		if name := given(arg); slices.Contains(own, name) {
			return o, cli.Usagef("search: -%s behind --, want other flags of train: search sets this one itself", name)
		}
	}
	return o, nil
}

// given is the flag of train that an argument is, "" if it is none.
func given(arg string) string {
	name, dash := strings.CutPrefix(arg, "-")
	if !dash {
		return ""
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "=")
	return name
}

// Command is the command.
var Command = cli.Command{Name: "search", Doc: "look for good settings by many trainings", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	if _, err := decodeSpace(o.file); err != nil { // before train is asked
		return err
	}
	return o.search(ctx, process, stdout)
}

// search is a search that has its trials.
type search struct {
	options
	run    trainer
	stdout io.Writer
	space  []dimension
	trials []*trial
	rungs  []rung
	epochs string // the name of the setting that -halving divides
}

// search trains, prints the table and leaves the files.
func (o options) search(ctx context.Context, t trainer, stdout io.Writer) error {
	s := search{options: o, run: t, stdout: stdout}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.climb(ctx); err != nil {
		return err
	}
	slices.SortFunc(s.trials, before)
	return s.report()
}

// prepare draws the trials, and checks all that can be checked before the first one.
func (s *search) prepare(ctx context.Context) error {
	base, err := s.settings(ctx, s.flags)
	if err != nil {
		return err
	}
	if s.space, err = readSpace(s.file, base); err != nil {
		return err
	}
	s.epochs = "epochs"
	if base["unfreeze"] != "" { // the head is trained before, in memory
		s.epochs = "unfreeze-epochs"
	}
	if s.flags, err = s.common(base); err != nil {
		return err
	}
	if err := s.draw(ctx); err != nil {
		return err
	}
	epochs := s.trials[0].epochs
	s.rungs = rungs(len(s.trials), s.halving, epochs)
	s.introduce(epochs)
	return nil
}

// common are the flags of train for all trials: those that were given, what holds images
// out, and the epochs, of which the recipes of several networks have several.
func (s *search) common(base settings) ([]string, error) {
	searched := func(name string) bool {
		return slices.ContainsFunc(s.space, func(d dimension) bool { return d.name == name })
	}
	for _, arg := range s.flags {
		if name := given(arg); searched(name) {
			return nil, cli.Usagef("search: -%s behind -- and %[1]s in %s, want one of the two", name, s.file)
		}
	}
	held, err := holdOut(base)
	switch flags := slices.Concat(s.flags, held); {
	case err != nil:
		return nil, err
	case !searched(s.epochs):
		return append(flags, fmt.Sprintf("-%s=%v", s.epochs, base[s.epochs])), nil
	case s.halving > 0:
		return nil, fmt.Errorf("search: %s: %s with -halving, which divides them, want it behind --, as in -- -%[2]s 27", s.file, s.epochs)
	default:
		return flags, nil
	}
}

// heldOut is the share of the training set that trials are judged on where nothing else
// is said.
const heldOut = 0.1

// holdOut is the flag that holds images out, if neither the flags of train nor the dataset
// do.
func holdOut(base settings) ([]string, error) {
	if share, _ := base["val"].(float64); share > 0 {
		return nil, nil
	}
	if name := fmt.Sprint(base["data"]); data.OfPictures(name) {
		set, err := data.Options{Memory: -1}.Open(name) // reads no pictures
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		if set.Validation != nil {
			return nil, nil
		}
	}
	return []string{fmt.Sprintf("-val=%g", heldOut)}, nil
}

// settings are those of a run with some flags.
func (s *search) settings(ctx context.Context, flags []string) (settings, error) {
	var out bytes.Buffer
	args := append(slices.Clone(flags), "-settings")
	if err := s.run(ctx, &out, args...); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("search: stopped before the first trial: %w", err)
		}
		return nil, err
	}
	all := settings{}
	if _, err := toml.NewDecoder(&out).Decode(&all); err != nil {
		return nil, fmt.Errorf("search: the settings that train prints: %w", err)
	}
	return all, nil
}

// draw draws the trials, and asks train about the settings of each.
func (s *search) draw(ctx context.Context) error {
	drawn := drawTrials(s.space, s.count, s.seed)
	for i, values := range drawn {
		t := &trial{number: i + 1, values: values, dir: filepath.Join(s.out, fmt.Sprintf("%02d", i+1))}
		all, err := s.settings(ctx, append(slices.Clone(s.flags), t.arguments()...))
		switch usage := (cli.UsageError{}); {
		case errors.As(err, &usage):
			return cli.Usagef("search: a trial with %s: %v", strings.Join(t.arguments(), " "), err)
		case err != nil:
			return err
		}
		t.all = all
		epochs, _ := all[s.epochs].(int64)
		if t.epochs = int(epochs); t.epochs < 1 {
			return fmt.Errorf("search: %s is %v, want 1 or more", s.epochs, all[s.epochs])
		}
		if err := t.check(); err != nil {
			return err
		}
		s.trials = append(s.trials, t)
	}
	return nil
}

// introduce says what will be done.
func (s *search) introduce(epochs int) {
	if n := len(s.trials); n < s.count {
		fmt.Fprintf(s.stdout, "the space has %d different trials, not %d\n", n, s.count)
	}
	var names []string
	for _, d := range s.space {
		if d.varies() {
			names = append(names, d.name)
		}
	}
	var steps []string
	for _, r := range s.rungs {
		steps = append(steps, r.String())
	}
	fmt.Fprintf(s.stdout, "trials of %s: %s", strings.Join(names, ", "), strings.Join(steps, ", "))
	if s.halving > 0 {
		fmt.Fprintf(s.stdout, "; %d epochs in place of %d", cost(s.rungs), len(s.trials)*epochs)
	}
	fmt.Fprintf(s.stdout, "\njudged by the accuracy on images held out of the training set; the test part decides nothing\n")
}

// climb trains the trials, rung by rung. Where one diverges, the next best of the rung
// below takes its place.
func (s *search) climb(ctx context.Context) error {
	candidates := slices.Clone(s.trials)
	for i, r := range s.rungs {
		var sound []*trial
		for _, t := range candidates {
			if len(sound) == r.trials {
				break
			}
			t.rung, t.until = i, r.epochs
			if t.until == 0 {
				t.until = t.epochs
			}
			if err := s.train(ctx, t); err != nil {
				return err
			}
			fmt.Fprintln(s.stdout, t)
			if !t.diverged {
				sound = append(sound, t)
			}
		}
		if sound == nil {
			return fmt.Errorf("search: all %d trials diverged, want lower learning rates in %s, and another -out", len(candidates), s.file)
		}
		slices.SortFunc(sound, before)
		candidates = sound
	}
	return nil
}

// train trains a trial up to its rung's epoch, from where its run is.
func (s *search) train(ctx context.Context, t *trial) error {
	if err := t.read(); err != nil || t.trained(t.until) {
		return err
	}
	args := append(slices.Clone(s.flags), t.arguments()...)
	args = append(args, "-out="+t.dir, "-json", "-report=false")
	if t.until < t.epochs {
		args = append(args, fmt.Sprintf("-until=%d", t.until))
	}
	if t.begun() {
		args = append(args, "-resume")
	}
	bar := newBar(s.stdout, t)
	err := s.run(ctx, bar, args...)
	bar.Clear()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("search: stopped in trial %02d; the same command goes on: %w", t.number, ctx.Err())
	case err != nil && strings.HasPrefix(err.Error(), diverged):
		if err := t.diverge(err); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("search: trial %02d: %w", t.number, err)
	}
	if err := t.read(); err != nil {
		return err
	}
	if len(t.history) == 0 && !t.diverged {
		return fmt.Errorf("search: %s has no epoch after its training, want one at least", t.dir)
	}
	return nil
}
