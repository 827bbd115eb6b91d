package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"tapenet/cmd/internal/cli"
	"tapenet/train"
	"tapenet/train/data"
)

// evaluate prints what the model makes of a dataset's test part.
func evaluate(ctx context.Context, net network, name string, top int, asJSON bool, stdout io.Writer) error {
	d, err := data.Open(name)
	if err == nil && d.Scaled { // pictures: in the model's size
		d, err = data.Options{Channels: net.input[0], Height: net.input[1], Width: net.input[2]}.Open(name)
	}
	if err != nil {
		return err
	}
	if d.Shape != net.input || len(d.Classes) != len(net.classes) {
		return fmt.Errorf("infer: the dataset has images of %s in %d classes, the model takes %s in %d",
			cli.Shape(d.Shape), len(d.Classes), cli.Shape(net.input), len(net.classes))
	}
	c, err := count(ctx, net, d.Test, top)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(stdout).Encode(c.evaluation(net.classes))
	}
	_, err = fmt.Fprintf(stdout, "top-%d accuracy %.4f\n%s", c.top, c.topAccuracy(), c.confusion.Table(net.classes))
	return err
}

// evaluation is what -json prints.
type evaluation struct {
	Accuracy    float64         `json:"accuracy"`
	Top         int             `json:"top"`
	TopAccuracy float64         `json:"top_accuracy"` // share of the images whose class is among the Top most probable ones
	Classes     []string        `json:"classes"`
	Precision   []float64       `json:"precision"`
	Recall      []float64       `json:"recall"`
	F1          []float64       `json:"f1"`
	Confusion   train.Confusion `json:"confusion"`
}

// counts are of predictions.
type counts struct {
	confusion  train.Confusion
	top, inTop int // images whose class is among the top most probable ones
}

func (c counts) topAccuracy() float64 { return float64(c.inTop) / float64(max(c.confusion.Total(), 1)) }

func (c counts) evaluation(classes []string) evaluation {
	e := evaluation{Accuracy: c.confusion.Accuracy(), Top: c.top, TopAccuracy: c.topAccuracy(), Classes: classes, Confusion: c.confusion}
	for k := range classes {
		e.Precision = append(e.Precision, c.confusion.Precision(k))
		e.Recall = append(e.Recall, c.confusion.Recall(k))
		e.F1 = append(e.F1, c.confusion.F1(k))
	}
	return e
}

// count counts what the model makes of the samples.
func count(ctx context.Context, net network, samples data.Samples, top int) (counts, error) {
	const batch = 128
	c := counts{confusion: train.NewConfusion(len(net.classes)), top: min(top, len(net.classes))}
	for lo := 0; lo < samples.Len(); lo += batch {
		if err := ctx.Err(); err != nil {
			return c, fmt.Errorf("infer: stopped after %d of %d images: %w", lo, samples.Len(), err)
		}
		n := min(batch, samples.Len()-lo)
		images, labels := make([][]float32, n), make([]int, n)
		for i := range n {
			images[i] = make([]float32, net.input[0]*net.input[1]*net.input[2])
			var err error
			if labels[i], err = samples.Read(lo+i, images[i]); err != nil {
				return c, err
			}
		}
		predictions, err := net.Predict(images)
		if err != nil {
			return c, err
		}
		for i, prediction := range predictions {
			c.confusion.Add(labels[i], prediction.Class)
			if slices.Contains(ranking(prediction.Probabilities)[:c.top], labels[i]) {
				c.inTop++
			}
		}
	}
	return c, nil
}
