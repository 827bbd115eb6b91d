package train

import (
	"context"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/inspect"
	"tapenet/train/data"
)

// opened is a dataset to fit, and what it came from.
type opened struct {
	set  data.Dataset // its images prepared as the options say
	held data.Dataset // the same with its images as they are stored, for calibration
	test data.Samples // with -val the dataset's own test part, for the end; otherwise nil
}

// open returns the dataset to fit. With -val its test part is a share of the training
// set; what it holds out has the label noise of the rest: no clean label is seen before
// the end.
func (o options) open(ctx context.Context, steps []data.Augmentation, from origin, show *display) (d opened, err error) {
	// The test part of a folder without one is the same for each seed, and for cmd/infer.
	whole, err := from.dataset(o)
	if err != nil {
		return d, err
	}
	whole.Train, whole.Test = data.Limit(whole.Train, o.limit), data.Limit(whole.Test, o.limit)
	if whole, err = inspect.Pictures(ctx, whole, o.skipDamaged, show.told()); err != nil {
		return d, err
	}
	if whole.Sets != nil && (o.calibrates() || o.balance != "none" || o.teacherPath != "" || len(o.losses()) > 0) {
		return d, cli.Usagef("train: the images of dataset %q have several classes each, want no -calibrate, -unknown, -balance, -teacher, -smoothing, -gce and -focal", whole.Name)
	}
	if whole, err = data.LabelNoise(whole, o.labelNoise, o.seed); err != nil {
		return d, err
	}
	d.held = whole
	switch {
	case o.fold > 0:
		folds, err := data.Folds(whole, o.folds, o.seed, true)
		if err != nil {
			return d, err
		}
		d.held = folds[o.fold-1]
	case o.validation > 0:
		if d.held, err = data.Split(whole, o.validation, o.seed, true); err != nil {
			return d, err
		}
	case whole.Validation != nil:
		d.held.Test, d.held.HeldOut = whole.Validation, true
	}
	if o.balance == "sample" {
		if d.held, err = data.Balance(d.held, o.seed); err != nil {
			return d, err
		}
	}
	prepare := func(d data.Dataset) (data.Dataset, error) { return data.Augment(d, o.seed, steps...), nil }
	stats := from.stats()
	if o.normalise {
		if stats, err = data.NewStats(ctx, d.held.Train, d.held.Shape); err != nil {
			return d, err
		}
	}
	if stats.Mean != nil {
		prepare = func(d data.Dataset) (data.Dataset, error) {
			return data.Normalize(data.Augment(d, o.seed, steps...), stats)
		}
	}
	if d.held.HeldOut {
		if whole, err = prepare(whole); err != nil {
			return d, err
		}
		d.test = whole.Test
	}
	if d.set, err = prepare(d.held); err != nil {
		return d, err
	}
	if show.part = d.set.TestPart(); o.calibrates() && !d.set.HeldOut {
		return d, cli.Usagef("train: -calibrate and -unknown need images that training does not see, want -val too, as in -val 0.1")
	}
	return d, nil
}
