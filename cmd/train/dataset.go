package main

import (
	"context"

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
func (o options) open(ctx context.Context, steps []data.Augmentation, from origin) (d opened, err error) {
	// The test part of a folder without one is the same for each seed, and for cmd/infer.
	whole, err := from.dataset(o)
	if err != nil {
		return d, err
	}
	whole.Train, whole.Test = data.Limit(whole.Train, o.limit), data.Limit(whole.Test, o.limit)
	if whole, err = data.LabelNoise(whole, o.labelNoise, o.seed); err != nil {
		return d, err
	}
	d.held = whole
	if o.validation > 0 {
		if d.held, err = data.Split(whole, o.validation, o.seed, true); err != nil {
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
	if o.validation > 0 {
		if whole, err = prepare(whole); err != nil {
			return d, err
		}
		d.test = whole.Test
	}
	d.set, err = prepare(d.held)
	return d, err
}
