package data

import (
	"context"
	"fmt"
	"image"
	"io"
	"text/tabwriter"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/screen"
	"tapenet/cmd/internal/sheet"
	"tapenet/graph/metric"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// findSuspects lists the training images whose labels look wrong, by confident learning. clean is
// the dataset without label noise.
func (o options) findSuspects(ctx context.Context, d data.Dataset, labels []int, clean data.Dataset, stdout, stderr io.Writer) error {
	p, err := o.outOfFold(ctx, d, stderr)
	if err != nil {
		return err
	}
	found, err := metric.FindLabelErrors(labels, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%d of %d training labels look wrong; %.2f %% are by estimate\n", len(found.Suspects), len(labels), 100*found.Share)
	if o.labelNoise > 0 {
		if err := o.score(found.Suspects, labels, clean, stdout); err != nil {
			return err
		}
	}
	if err := table(d, found.Suspects, stdout); err != nil {
		return err
	}
	if o.picture == "" || len(found.Suspects) == 0 {
		return nil
	}
	return o.drawSuspects(d, found.Suspects)
}

// outOfFold returns the class probabilities of every training image, from a network that was
// trained on the folds that the image is not in.
func (o options) outOfFold(ctx context.Context, d data.Dataset, stderr io.Writer) ([][]float64, error) {
	spec, err := modelzoo.Lookup(o.model)
	if err != nil {
		return nil, err
	}
	folds, err := data.Folds(d, o.folds, o.seed, true)
	if err != nil {
		return nil, err
	}
	p := make([][]float64, d.Train.Len())
	for k, fold := range folds {
		c := train.Config{Epochs: o.epochs, Batch: 64, Seed: o.seed, Optimizer: train.Adam{LR: 0.005}, Schedule: train.OneCycle{}}
		shown := screen.NewProgress(stderr, false)
		c.Callbacks = []train.Callback{train.BatchFunc(func(p train.Progress) {
			shown.Show((p.Epoch-1)*p.Of+p.Images, p.Epochs*p.Of, screen.Named(fmt.Sprintf("fold %d of %d, images", k+1, o.folds)))
		})}
		res, err := train.Fit(ctx, spec.New(len(d.Classes)), fold, c)
		shown.Clear()
		if err != nil {
			return nil, err
		}
		at := data.Indices(fold.Test)
		err = train.EvaluateEach(ctx, res.Network, fold.Test, func(_ int, logits []float32) {
			p[at[0]] = metric.SoftMax(logits, 1) // float64, as the smallest probabilities rank the suspects
			at = at[1:]
		})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(stderr, "fold %d of %d: %.2f %% of the labels are as predicted\n", k+1, o.folds, 100*res.History[o.epochs-1].ValAccuracy)
	}
	return p, nil
}

// score says how many of the labels that were replaced are among the suspects.
func (o options) score(suspects []metric.Suspect, labels []int, clean data.Dataset, stdout io.Writer) error {
	truth, err := data.Labels(clean.Train, clean.Shape)
	if err != nil {
		return err
	}
	replaced, hit, right := 0, 0, 0
	for i, l := range labels {
		if l != truth[i] {
			replaced++
		}
	}
	for _, s := range suspects {
		if s.Given != truth[s.Sample] {
			hit++
			if s.Likely == truth[s.Sample] {
				right++
			}
		}
	}
	_, err = fmt.Fprintf(stdout, "of %d labels that were replaced %d are among them, %d with the class that they had: precision %.4f, recall %.4f\n",
		replaced, hit, right, float64(hit)/float64(max(len(suspects), 1)), float64(hit)/float64(max(replaced, 1)))
	return err
}

// table prints the suspects, the worst first.
func table(d data.Dataset, suspects []metric.Suspect, stdout io.Writer) error {
	if len(suspects) == 0 {
		return nil
	}
	fmt.Fprintln(stdout)
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "image\tlabel\tprobability\tlikely\tprobability")
	for _, s := range suspects {
		fmt.Fprintf(w, "%s\t%s\t%.4f\t%s\t%.4f\n", cli.Plain(data.Name(d.Train, s.Sample)), cli.Plain(d.Classes[s.Given]), s.SelfConfidence, cli.Plain(d.Classes[s.Likely]), s.Probability)
	}
	return w.Flush()
}

// drawSuspects draws the suspects, the worst first, as many as a sheet has.
func (o options) drawSuspects(d data.Dataset, suspects []metric.Suspect) error {
	var cells []sheet.Cell
	for _, s := range suspects[:min(len(suspects), sheet.Max)] {
		img, err := read(d.Train, s.Sample, d.Shape)
		if err != nil {
			return err
		}
		lines := []string{data.Name(d.Train, s.Sample), d.Classes[s.Given] + ", rather " + d.Classes[s.Likely]}
		cells = append(cells, sheet.Cell{Pictures: []image.Image{img}, Lines: lines})
	}
	return sheet.Save(o.picture, cells, sheet.Size(d.Shape[1], d.Shape[2], largest-margin, largest), 8)
}
