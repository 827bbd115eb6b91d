package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/chart"
)

// The rates that -find-lr tries (Smith 2017, "Cyclical Learning Rates for Training Neural
// Networks", 3.3): a step with each, from the lowest up.
const (
	rateSteps  = 100
	lowestRate = 1e-6
	topRate    = 10.0
	lossRises  = 4.0 // times the least one, at which the search ends
)

// sweep is the schedule of the search, for an optimizer whose rate is 1.
type sweep struct{}

// Factor implements [train.Schedule].
func (sweep) Factor(at train.Moment) float64 { return sweepRate(at.Step) }

func sweepRate(step int) float64 {
	return lowestRate * math.Pow(topRate/lowestRate, float64(min(step, rateSteps-1))/(rateSteps-1))
}

// findRate trains with rising rates, in memory, prints a rate to take, and draws the loss
// over the rates into a file.
func findRate(ctx context.Context, show *display, r prepared) error {
	rated, ok := r.config.Optimizer.(train.Rated)
	if !ok {
		return cli.Usagef("train: -find-lr with -optimizer %s, which has no rate", show.optimizer)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var losses []float64 // smoothed, by step
	seen, sum, mean := 0, 0.0, 0.0
	watch := train.BatchFunc(func(p train.Progress) {
		if p.Images < seen { // another epoch
			seen, sum = 0, 0
		}
		batch := p.Loss*float64(p.Images) - sum
		n := p.Images - seen
		seen, sum = p.Images, p.Loss*float64(p.Images)
		const keep = 0.9
		mean = keep*mean + (1-keep)*batch/float64(max(n, 1))
		losses = append(losses, mean/(1-math.Pow(keep, float64(len(losses)+1))))
		least := losses[0]
		for _, l := range losses {
			least = min(least, l)
		}
		if last := losses[len(losses)-1]; len(losses) >= rateSteps || last > lossRises*least {
			stop()
		}
	})
	c := r.config
	c.Optimizer, c.Schedule, c.Callbacks, c.Dir, c.OnEarlier, c.KeepCheckpoints, c.Patience = rated.WithRate(1), sweep{}, []train.Callback{watch}, "", nil, 0, 0
	c.Accumulate, c.Epochs, c.Until = 1, rateSteps, 0
	if _, err := train.Fit(ctx, r.layer, r.set, c); err != nil && ctx.Err() == nil && len(losses) < 10 {
		return err // else it has diverged, as it was to
	}
	if err := context.Cause(ctx); len(losses) < 10 && errors.Is(err, context.Canceled) {
		return fmt.Errorf("train: stopped after %d rates: %w", len(losses), err)
	}
	file := filepath.Clean(show.out) + "-lr.svg"
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := weights.WriteFile(file, func(w io.Writer) error { return drawRates(w, losses) }); err != nil {
		return err
	}
	best := suggested(losses)
	show.printf("%d steps with learning rates from %.1g to %.1g; a tenth of the one with the least loss is -lr %.1g; the curve is in %s\n",
		len(losses), lowestRate, sweepRate(len(losses)-1), best, file)
	return nil
}

// suggested is a tenth of the rate with the least loss.
func suggested(losses []float64) float64 {
	least := 0
	for i, l := range losses {
		if l < losses[least] {
			least = i
		}
	}
	return sweepRate(least) / 10
}

// drawRates draws the losses over the rates.
func drawRates(w io.Writer, losses []float64) error {
	line := chart.Line{Y: losses, Style: chart.Style{Mark: chart.NoMark}}
	for i := range losses {
		line.X = append(line.X, sweepRate(i))
	}
	return chart.Write(w, chart.Row{Charts: []chart.Chart{{
		X: chart.Axis{Name: "learning rate", Log: true}, Y: chart.Axis{Name: "training loss"}, Lines: []chart.Line{line},
	}}})
}
