package export

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"tapenet/cmd/internal/testset"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/train/data"
)

// testPart opens the dataset to measure a model on, of which it is an error not to
// fit.
func testPart(n opened, name string, maxPixels int, stderr io.Writer) (d data.Dataset, err error) {
	err = n.classifies()
	if err == nil {
		_, err = n.Network()
	}
	if err == nil {
		d, err = testset.Open("export", name, n.Input, n.Classes, n.Preprocessing, maxPixels, stderr)
	}
	if err != nil {
		return d, fmt.Errorf("%w; -data names the dataset to measure on, none for not at all", err)
	}
	return d, nil
}

// reportLoss prints what int8 costs: a model's accuracy on a dataset's test part,
// before and after.
func reportLoss(ctx context.Context, n opened, d data.Dataset, stdout, stderr io.Writer) error {
	layer, err := n.Network()
	if err != nil {
		return err
	}
	rounded, err := inInt8(n)
	if err != nil {
		return err
	}
	before, err := correct(ctx, layer, n.Model.Model, d, stderr)
	if err != nil {
		return err
	}
	after, err := correct(ctx, layer, rounded, d, stderr)
	if err != nil {
		return err
	}
	images := d.Test.Len()
	share := 100 / float64(max(images, 1))
	_, err = fmt.Fprintf(stdout, "accuracy on the %d test images of %s: %.2f %% before, %.2f %% in int8, %+.2f\n",
		images, d.Name, float64(before)*share, float64(after)*share, float64(after-before)*share)
	return err
}

// inInt8 is the model as it comes back from an int8 file.
func inInt8(n opened) (weights.Model, error) {
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

// correct counts the test images that the model classifies correctly.
func correct(ctx context.Context, l graph.Layer, m weights.Model, d data.Dataset, stderr io.Writer) (n int, err error) {
	p, err := infer.New(l, m)
	if err != nil {
		return 0, err
	}
	err = testset.Each(ctx, "export", d, testset.Batch, p.Predict, func(class int, prediction infer.Prediction) {
		if prediction.Class == class {
			n++
		}
	}, stderr)
	return n, err
}
