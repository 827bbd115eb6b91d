package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/train/data"
)

// reportLoss prints what int8 costs: a model's accuracy on a dataset's test part,
// before and after.
func reportLoss(ctx context.Context, n network, name string, stdout io.Writer) error {
	if err := n.classifies(); err != nil {
		return err
	}
	d, err := openFor(n.Model, name)
	if err != nil {
		return err
	}
	layer, err := n.build()
	if err != nil {
		return err
	}
	rounded, err := inInt8(n)
	if err != nil {
		return err
	}
	before, err := correct(ctx, layer, n.Model, d.Test)
	if err != nil {
		return err
	}
	after, err := correct(ctx, layer, rounded, d.Test)
	if err != nil {
		return err
	}
	images := d.Test.Len()
	share := 100 / float64(max(images, 1))
	_, err = fmt.Fprintf(stdout, "accuracy on the %d test images of %s: %.2f %% before, %.2f %% in int8, %+.2f\n",
		images, d.Name, float64(before)*share, float64(after)*share, float64(after-before)*share)
	return err
}

// openFor opens a dataset with images of the model's.
func openFor(m weights.Model, name string) (data.Dataset, error) {
	d, err := data.Open(name)
	if err == nil && d.Scaled {
		d, err = data.Options{Channels: m.Input[0], Height: m.Input[1], Width: m.Input[2]}.Open(name)
	}
	if err != nil {
		return d, err
	}
	if d.Shape != m.Input || len(d.Classes) != len(m.Classes) {
		return d, fmt.Errorf("export: %s has images of %s in %d classes, the model takes %s in %d: want another -data to measure on, or -data none",
			name, cli.Shape(d.Shape), len(d.Classes), cli.Shape(m.Input), len(m.Classes))
	}
	return d, nil
}

// inInt8 is the model as it comes back from an int8 file.
func inInt8(n network) (weights.Model, error) {
	f, err := n.file()
	if err != nil {
		return weights.Model{}, err
	}
	f.Int8 = true
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		return weights.Model{}, err
	}
	if f, err = weights.Decode(b.Bytes()); err != nil {
		return weights.Model{}, err
	}
	return f.Model()
}

// correct counts the samples that the model classifies correctly.
func correct(ctx context.Context, l graph.Layer, m weights.Model, samples data.Samples) (n int, err error) {
	p, err := infer.New(l, m)
	if err != nil {
		return 0, err
	}
	const batch = 128
	for lo := 0; lo < samples.Len(); lo += batch {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("export: stopped after %d of %d test images: %w", lo, samples.Len(), err)
		}
		images := make([][]float32, min(batch, samples.Len()-lo))
		labels := make([]int, len(images))
		for i := range images {
			images[i] = make([]float32, m.Input[0]*m.Input[1]*m.Input[2])
			if labels[i], err = samples.Read(lo+i, images[i]); err != nil {
				return 0, err
			}
		}
		predictions, err := p.Predict(images)
		if err != nil {
			return 0, err
		}
		for i, prediction := range predictions {
			if prediction.Class == labels[i] {
				n++
			}
		}
	}
	return n, nil
}
