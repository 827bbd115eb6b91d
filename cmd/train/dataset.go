package main

import (
	"context"

	"tapenet/train/data"
)

// open returns the dataset to fit, its images prepared as the options say. With
// -val its test part is a share of the training set, and the dataset's own one
// is test, for the end; otherwise test is nil. What -val holds out has the label
// noise of the rest: no clean label is seen before the end.
func (o options) open(ctx context.Context, steps []data.Augmentation) (set data.Dataset, test data.Samples, err error) {
	// The test part of a folder without one is the same for each seed, and for cmd/infer.
	whole, err := data.Options{Height: o.height, Width: o.width, Channels: o.channels}.Open(o.data)
	if err != nil {
		return set, nil, err
	}
	whole.Train, whole.Test = data.Limit(whole.Train, o.limit), data.Limit(whole.Test, o.limit)
	if whole, err = data.LabelNoise(whole, o.labelNoise, o.seed); err != nil {
		return set, nil, err
	}
	set = whole
	if o.validation > 0 {
		if set, err = data.Split(whole, o.validation, o.seed, true); err != nil {
			return set, nil, err
		}
	}
	prepare := func(d data.Dataset) (data.Dataset, error) { return data.Augment(d, o.seed, steps...), nil }
	if o.normalise {
		stats, err := data.NewStats(ctx, set.Train, set.Shape)
		if err != nil {
			return set, nil, err
		}
		prepare = func(d data.Dataset) (data.Dataset, error) {
			return data.Normalize(data.Augment(d, o.seed, steps...), stats)
		}
	}
	if o.validation > 0 {
		if whole, err = prepare(whole); err != nil {
			return set, nil, err
		}
		test = whole.Test
	}
	set, err = prepare(set)
	return set, test, err
}
