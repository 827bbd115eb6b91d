// Package train is the command that trains a network of the zoo and leaves a folder
// with the model, a checkpoint, its history and its curves. Without flags it trains the
// CNN on MNIST, which needs no download beyond Go modules.
package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/modelzoo/open"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/tensorboard"
)

// fit does what the options say: one run, one for each fold, the search for a rate, or
// nothing but the settings.
func fit(ctx context.Context, t team, o options, stdout, stderr io.Writer) error {
	if o.showSettings {
		return o.printSettings(stdout)
	}
	if o.folds > 0 && o.fold == 0 {
		return fitFolds(ctx, t, o, stdout, stderr)
	}
	_, err := fitOne(ctx, t, o, stdout, stderr)
	return err
}

// fitOne trains, and leaves the run's folder.
func fitOne(ctx context.Context, t team, o options, stdout, stderr io.Writer) (*train.Result, error) {
	began, show := time.Now(), newDisplay(o, t, stdout, stderr)
	var p *plan
	if o.time > 0 {
		var err error
		if o, p, err = o.within(ctx, began, show); err != nil {
			return nil, err
		}
		show.options = o
	}
	r, err := prepare(ctx, show)
	if err = t.agree(err); err != nil {
		return nil, err
	}
	if o.findRate {
		return nil, findRate(ctx, show, r)
	}
	if p != nil {
		p.follow(&r.config, show)
	}
	res, err := train.Fit(ctx, r.layer, r.set, r.config)
	if p != nil && res != nil {
		err = errors.Join(err, p.record(show))
	}
	if err == nil && o.fold == 0 {
		err = t.leave() // what follows is the first one's alone
	}
	if !t.first() {
		return res, err
	}
	if err == nil && res.Paused {
		show.report = false // it is of a run that has ended
		show.end(res, nil)
		return res, r.pages.end(ctx, nil)
	}
	if err == nil {
		err = r.pages.ended(res)
	}
	if err == nil && r.test != nil {
		err = r.pages.test(ctx, r.test)
	}
	if err == nil && r.set.Sets != nil {
		err = finishSeveral(ctx, show, r)
	}
	if err == nil && o.calibrates() {
		err = calibrate(ctx, show, r)
	}
	show.end(res, err)
	return res, r.pages.end(ctx, err)
}

// prepared is what train.Fit is called with, and what follows it.
type prepared struct {
	layer graph.Layer
	opened
	config train.Config
	file   []byte // of the network, if the zoo does not have it
	pages  *pages // of the first process
}

// prepare opens the dataset, and in the first process the dashboard.
func prepare(ctx context.Context, show *display) (r prepared, err error) {
	o, t := show.options, show.team
	from, config, steps, err := o.fit()
	if err != nil {
		return r, err
	}
	r.config = config
	r.config.Group = t.group()
	if r.opened, err = o.open(ctx, steps, from, show); err != nil {
		return r, err
	}
	r.file = from.file
	if o.balance == "weights" {
		if r.config.ClassWeights, err = data.ClassWeights(r.held); err != nil {
			return r, err
		}
	}
	if o.teacherPath != "" {
		if r.config.Defence, err = o.teacher(r.set); err != nil {
			return r, err
		}
	}
	if r.layer, err = from.network(r.set); err != nil {
		return r, err
	}
	if from.fineTunes() {
		if err := r.fineTune(ctx, show, from); err != nil {
			return r, err
		}
	}
	if !t.first() {
		return r, nil
	}
	if from.from != nil {
		for _, note := range from.from.Notes {
			show.printf("note: %s\n", cli.Plain(note))
		}
	}
	if r.pages, err = openPages(show, r.set, r.config.Loss(r.set)); err != nil {
		return r, err
	}
	r.config.OnEarlier = func() error { return moveEarlier(o.out, show) }
	r.config.Callbacks = []train.Callback{&starter{config: r.config, set: r.set, show: show, file: r.file}, r.pages, &tensorboard.Log{Dir: o.out}}
	return r, nil
}

// starter shows a run that begins, and writes its settings.
type starter struct {
	train.Ignore
	config train.Config
	set    data.Dataset
	show   *display
	file   []byte // of the network, if the zoo does not have it
}

// Start is the train.Callback's.
func (s *starter) Start(net *graph.Network, p train.Progress) error {
	s.config.Lanes = p.Lanes
	needs := ""
	if s.config.Backbone == nil { // else a head's need, next to nothing
		need, err := s.config.Need(net, s.set)
		if err != nil {
			return err
		}
		needs = need.String()
	}
	if err := s.show.start(net, s.set, needs, p); err != nil {
		return err
	}
	if s.file != nil {
		whole := func(w io.Writer) error { _, err := w.Write(s.file); return err }
		if err := weights.WriteFile(filepath.Join(s.show.out, open.NetworkFile), whole); err != nil {
			return err
		}
	}
	s.show.settings["lanes"] = p.Lanes // the default too, as another number makes other weights
	return s.show.saveSettings(p, s.show)
}

// moveEarlier moves a run that is in the folder already out of the way, to the
// first free name among dir.1, dir.2, …: nothing is lost.
func moveEarlier(dir string, show *display) error {
	if !train.HasRun(dir) {
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
