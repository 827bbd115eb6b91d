package train

import (
	"context"
	"path/filepath"
	"slices"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/metric"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// judged is what the network says of images that may be of several classes.
type judged struct {
	probabilities [][]float32
	sets          []int // of each image
	all           [][]int
}

// has reports whether image i is of a class.
func (j judged) has(i, class int) bool { return slices.Contains(j.all[j.sets[i]], class) }

// finishSeveral chooses the thresholds of a model whose images may be of several classes, on
// what -val or a folder val holds out, puts them into its file, and says how good the network
// is on the test part.
func finishSeveral(ctx context.Context, show *display, r prepared) error {
	judge := func(s data.Samples) (j judged, err error) {
		j.all = r.set.Sets
		err = train.EvaluateEach(ctx, r.pages.net, s, func(set int, logits []float32) {
			j.probabilities, j.sets = append(j.probabilities, metric.Sigmoid(logits)), append(j.sets, set)
		})
		return j, err
	}
	held, err := judge(r.set.Test)
	if err != nil {
		return err
	}
	thresholds, test := make([]float64, len(r.set.Classes)), held
	for k := range thresholds {
		thresholds[k] = 0.5
		if r.set.HeldOut {
			thresholds[k] = metric.F1Threshold(metric.Against(held.probabilities, held.has, k))
		}
	}
	if !r.set.HeldOut {
		show.printf("an image has the classes with probabilities from 0.5; -val 0.1 would choose a threshold for each\n")
	} else {
		path := filepath.Join(show.out, train.ModelFile)
		m, err := weights.LoadModel(path)
		if err != nil {
			return err
		}
		m.Thresholds = thresholds
		if err := m.Save(path); err != nil {
			return err
		}
		show.printf("an image has the classes with probabilities from %.3g, chosen on the %d validation images\n", thresholds, len(held.sets))
		if r.test != nil {
			if test, err = judge(r.test); err != nil {
				return err
			}
		}
	}
	s, err := metric.NewSeveral(test.probabilities, test.has, thresholds)
	if err != nil {
		return err
	}
	show.table(s.Table(cli.Plains(r.set.Classes)))
	return nil
}
