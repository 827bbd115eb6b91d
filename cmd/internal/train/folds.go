package train

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
)

// fitFolds trains once for each fold, on all the others, and says how far the folds are
// apart. Each has a run of its own below the run's folder.
func fitFolds(ctx context.Context, t team, o options, stdout, stderr io.Writer) error {
	accuracies := make([]float64, o.folds)
	for k := range accuracies {
		one := o
		one.fold, one.out = k+1, filepath.Join(o.out, fmt.Sprintf("fold-%d", k+1))
		one.settings = one.settings.with("fold", k+1)
		res, err := fitOne(ctx, t, one, stdout, stderr)
		if err != nil {
			return err
		}
		if len(res.History) == 0 {
			return fmt.Errorf("train: fold %d has no epoch", k+1)
		}
		last := res.History[len(res.History)-1]
		if o.patience > 0 { // the model is that of the best one
			last = res.Best
		}
		accuracies[k] = last.ValAccuracy
	}
	mean, deviation := spread(accuracies)
	show := newDisplay(o, t, stdout, stderr)
	show.printf("%d folds: validation accuracy %.4f on average, standard deviation %.4f (%.4f)\n", o.folds, mean, deviation, accuracies)
	return nil
}

// spread is the mean of some numbers, and their standard deviation as a sample's.
func spread(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, math.Sqrt(deviation)
}
