package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/tensorboard"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	spec, config, steps, err := o.fit()
	if err != nil {
		return err
	}
	set, test, err := o.open(ctx, steps)
	if err != nil {
		return err
	}
	show := newDisplay(o, stdout, stderr)
	pages, err := openPages(show, set)
	if err != nil {
		return err
	}
	config.OnEarlier = func() error { return moveEarlier(o.out, show) }
	config.Callbacks = []train.Callback{&starter{config: config, set: set, show: show}, pages, &tensorboard.Log{Dir: o.out}}
	res, err := train.Fit(ctx, spec.New(len(set.Classes)), set, config)
	if err == nil {
		err = pages.ended(res)
	}
	if err == nil && test != nil {
		err = pages.test(ctx, test)
	}
	show.end(res, err)
	return pages.end(ctx, err)
}

// starter shows a run that begins, and writes its settings.
type starter struct {
	train.Ignore
	config train.Config
	set    data.Dataset
	show   *display
}

// Start is the train.Callback's.
func (s *starter) Start(net *graph.Network, p train.Progress) error {
	need, err := s.config.Need(net, s.set)
	if err != nil {
		return err
	}
	if err := s.show.start(net, s.set, need, p); err != nil {
		return err
	}
	return s.show.saveSettings(p, s.show)
}

// moveEarlier moves a run that is in the folder already out of the way, to the
// first free name among dir.1, dir.2, …: nothing is lost.
func moveEarlier(dir string, show *display) error {
	if _, err := os.Stat(filepath.Join(dir, train.CheckpointFile)); err != nil {
		return nil
	}
	dir = filepath.Clean(dir)
	to := free(dir+".", "")
	if err := os.Rename(dir, to); err != nil {
		return fmt.Errorf("%s holds a run already, and it cannot be moved (%w): give -resume or another -out", dir, err)
	}
	show.printf("moved the earlier run to %s\n", to)
	return nil
}

// free returns the first path that is not there, with 1, 2, … between two texts.
func free(before, after string) string {
	for n := 1; ; n++ {
		path := before + strconv.Itoa(n) + after
		if _, err := os.Lstat(path); err != nil {
			return path
		}
	}
}
