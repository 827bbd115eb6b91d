// Package testset is how commands measure a model on a dataset's test part.
package testset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/cmd/internal/screen"
	"tapenet/graph/raster"
	"tapenet/infer"
	"tapenet/train/data"
)

// Open opens a dataset for a model that takes images of this shape and knows
// these classes; pictures, of at most maxPixels, come in the model's size, by its preprocessing. Where one of the two has but
// numbers for names, the others' order has to be right. Errors begin with the
// command's name; stderr is told what of the dataset is not read.
//
// A dataset whose images have several classes each is refused.
func Open(command, name string, input [3]int, classes []string, p raster.Preprocessing, maxPixels int, stderr io.Writer) (data.Dataset, error) {
	d, err := OpenAny(command, name, input, classes, p, maxPixels, stderr)
	if err == nil && d.Sets != nil {
		err = fmt.Errorf("%s: the images of dataset %q have several classes each, want one each", command, d.Name)
	}
	return d, err
}

// OpenAny is Open for datasets whose images have several classes each, too.
func OpenAny(command, name string, input [3]int, classes []string, p raster.Preprocessing, maxPixels int, stderr io.Writer) (data.Dataset, error) {
	d, err := Pictures(name, input, p, maxPixels)
	if err != nil {
		return d, err
	}
	cli.Notes(stderr, d.Notes)
	if d.Shape != input || len(d.Classes) != len(classes) {
		return d, fmt.Errorf("%s: the dataset has images of %s in %d classes, the model takes %s in %d",
			command, cli.Shape(d.Shape), len(d.Classes), cli.Shape(input), len(classes))
	}
	for i, c := range classes {
		if c != d.Classes[i] && !Numbered(classes) && !Numbered(d.Classes) {
			return d, fmt.Errorf("%s: class %d of the dataset is %q, the model's is %q, want the same classes in the same order", command, i, d.Classes[i], c)
		}
	}
	return d, nil
}

// Pictures opens a dataset; one of pictures has them in the model's size, by its
// preprocessing but for mean and deviation, which the model applies.
func Pictures(name string, input [3]int, p raster.Preprocessing, maxPixels int) (data.Dataset, error) {
	if !dataset.OfPictures(name) {
		return dataset.Open(data.Options{}, name)
	}
	p.Mean, p.Deviation = nil, nil
	if p.Fit == "" { // a model of before, whose pictures were stretched
		p.Fit = raster.Stretch
	}
	return dataset.Open(data.Options{Channels: input[0], Height: input[1], Width: input[2], Preprocessing: p, MaxPixels: maxPixels}, name)
}

// Numbered reports whether classes have numbers for names.
func Numbered(classes []string) bool {
	return !slices.ContainsFunc(classes, func(c string) bool { return strings.Trim(c, "0123456789") != "" })
}

// Batch is the number of images that are usually read and predicted together.
const Batch = 128

// Each calls do for every test image, in order, with its class and what predict,
// a Predict of package infer, makes of it, so many images at a time, and shows its progress
// on stderr. Errors begin with the command's name.
func Each(ctx context.Context, command string, d data.Dataset, batch int, predict func([][]float32) ([]infer.Prediction, error), do func(class int, p infer.Prediction), stderr io.Writer) error {
	size := d.Shape[0] * d.Shape[1] * d.Shape[2]
	stopped := func(after int) error {
		return fmt.Errorf("%s: stopped after %d of %d test images: %w", command, after, d.Test.Len(), ctx.Err())
	}
	shown := screen.NewProgress(stderr, true)
	defer shown.Clear()
	for lo := 0; lo < d.Test.Len(); lo += batch {
		images := make([][]float32, min(batch, d.Test.Len()-lo))
		labels := make([]int, len(images))
		for i := range images {
			if ctx.Err() != nil {
				return stopped(lo)
			}
			var err error
			images[i] = make([]float32, size)
			if labels[i], err = d.Test.Read(lo+i, images[i]); err != nil {
				return err
			}
		}
		predictions, err := cli.Until(ctx, func() ([]infer.Prediction, error) { return predict(images) })
		var bad infer.NotFiniteError
		if ctx.Err() != nil {
			return stopped(lo)
		}
		if errors.As(err, &bad) {
			return fmt.Errorf("%s: test image %d: %w", command, lo+bad.Image, infer.ErrNotFinite)
		}
		if err != nil {
			return err
		}
		for i, p := range predictions {
			do(labels[i], p)
		}
		shown.Show(lo+len(images), d.Test.Len(), screen.Named("test images"))
	}
	return nil
}
