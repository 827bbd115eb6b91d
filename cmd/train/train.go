package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// options are the flags.
type options struct {
	model, data, optimizer, out string
	schedule                    string
	epochs, batch, limit        int
	accumulate, patience, keep  int
	lr, decay, clip             float64
	smoothing, average          float64
	seed                        uint64
	resume, json, report        bool
	dashboard                   string // address, "true" for any, "" for none
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := cli.Flags("train", "[flags]", "trains a network and leaves its model in a folder", stderr)
	f.StringVar(&o.model, "model", "cnn", "network; go run ./cmd/zoo lists them")
	f.StringVar(&o.data, "data", "mnist", "mnist, or a folder with four IDX files as MNIST has them")
	f.IntVar(&o.epochs, "epochs", 10, "passes over the training set")
	f.IntVar(&o.batch, "batch", 32, "samples per step")
	f.StringVar(&o.optimizer, "optimizer", "adam", strings.Join(train.OptimizerNames(), ", ")+"; sgd has momentum 0.9")
	f.Float64Var(&o.lr, "lr", 0, "learning rate (default 0.0001 for lion, 0.01 for sgd and adagrad, 0.001 for the others)")
	f.StringVar(&o.schedule, "schedule", "constant", "of the learning rate: "+train.ScheduleUsage()+"; the numbers may be left out")
	f.Float64Var(&o.decay, "decay", 0, "weight decay (default 0.01 for adamw, none for the others)")
	f.Float64Var(&o.smoothing, "smoothing", 0, "label smoothing, as in 0.1 (default none)")
	f.Float64Var(&o.clip, "clip", 0, "limit of the gradients' norm (default none)")
	f.IntVar(&o.accumulate, "accumulate", 1, "batches whose gradients make a step")
	f.Float64Var(&o.average, "average", 0, "decay of a moving average of the weights, as in 0.999 (default none)")
	f.Uint64Var(&o.seed, "seed", 1, "of initial weights, shuffling and dropout")
	f.IntVar(&o.patience, "patience", 0, "end when the test loss has not fallen for so many epochs, with the best epoch's weights (default never)")
	f.IntVar(&o.keep, "keep", 0, "keep the checkpoints of the last so many epochs")
	f.StringVar(&o.out, "out", "", "folder for the run (default runs/<model>)")
	f.IntVar(&o.limit, "limit", 0, "use only the first so many training and test samples (default all)")
	f.BoolVar(&o.resume, "resume", false, "go on from the folder's checkpoint")
	f.BoolVar(&o.report, "report", true, "write a report of the run at its end, an HTML file in its folder")
	f.BoolFunc("dashboard", "serve that page while training, at any free port or at -dashboard=HOST:PORT", o.setDashboard)
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each epoch")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	if err := cli.NoArguments(f); err != nil {
		return o, err
	}
	if o.out == "" {
		o.out = filepath.Join("runs", o.model)
	}
	return o, o.check()
}

// setDashboard is the flag: "true" is what it is without a value.
func (o *options) setDashboard(address string) error {
	if o.dashboard = address; address == "false" {
		o.dashboard = ""
	}
	return nil
}

func (o options) check() error {
	switch {
	case o.epochs < 1:
		return cli.Usagef("train: -epochs %d, want 1 or more", o.epochs)
	case o.batch < 1:
		return cli.Usagef("train: -batch %d, want 1 or more", o.batch)
	case o.limit < 0:
		return cli.Usagef("train: -limit %d, want a number of samples, or 0 for all", o.limit)
	case o.accumulate < 1:
		return cli.Usagef("train: -accumulate %d, want 1 or more", o.accumulate)
	case o.patience < 0 || o.keep < 0:
		return cli.Usagef("train: -patience %d and -keep %d, want numbers of epochs, or 0", o.patience, o.keep)
	}
	for _, f := range []struct {
		name  string
		value float64
		share bool
	}{
		{"lr", o.lr, false}, {"decay", o.decay, false}, {"clip", o.clip, false},
		{"smoothing", o.smoothing, true}, {"average", o.average, true},
	} {
		switch {
		case f.share && !(f.value >= 0 && f.value < 1):
			return cli.Usagef("train: -%s %g, want at least 0 and below 1", f.name, f.value)
		case !(f.value >= 0) || math.IsInf(f.value, 0):
			return cli.Usagef("train: -%s %g, want a positive number, or 0 for the default", f.name, f.value)
		}
	}
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	spec, err := modelzoo.Lookup(o.model)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	optimizer, err := train.NewOptimizer(o.optimizer, o.lr, o.decay)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	schedule, err := train.ParseSchedule(o.schedule)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	dataset, err := data.Open(o.data)
	if err != nil {
		return err
	}
	dataset.Train, dataset.Test = data.Limit(dataset.Train, o.limit), data.Limit(dataset.Test, o.limit)
	show := newDisplay(o, stdout, stderr)
	pages, err := openPages(show, dataset)
	if err != nil {
		return err
	}
	start := func(net *graph.Network, p train.Progress) error {
		if err := show.start(net, dataset, p); err != nil {
			return err
		}
		if !o.resume {
			if err := keepEarlier(o.out, show); err != nil {
				return err
			}
		}
		return pages.start(net, p)
	}
	res, err := train.Fit(ctx, spec.New(len(dataset.Classes)), dataset, train.Config{
		Epochs: o.epochs, Batch: o.batch, Optimizer: optimizer, Schedule: schedule, Seed: o.seed,
		LabelSmoothing: o.smoothing, ClipNorm: o.clip, Accumulate: o.accumulate, Average: o.average,
		Patience: o.patience, Keep: o.keep, Dir: o.out, Model: spec.Name, Resume: o.resume,
		OnStart: start, OnBatch: pages.batch, OnEpoch: pages.epoch,
	})
	show.end(res, err)
	return pages.end(ctx, err)
}

// keepEarlier moves a run that is in the folder already out of the way, to the
// first free name among dir.1, dir.2, …: nothing is lost.
func keepEarlier(dir string, show *display) error {
	if _, err := os.Stat(filepath.Join(dir, train.CheckpointFile)); err != nil {
		return nil
	}
	dir = filepath.Clean(dir)
	for n := 1; ; n++ {
		to := dir + "." + strconv.Itoa(n)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := os.Rename(dir, to); err != nil {
			return fmt.Errorf("%s holds a run already, and it cannot be moved (%w): give -resume or another -out", dir, err)
		}
		show.printf("moved the earlier run to %s\n", to)
		return nil
	}
}
