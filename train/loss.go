package train

import (
	"fmt"

	"tapenet/graph"
	"tapenet/train/data"
)

// Loss is what Fit minimises on a dataset, as a mean over a batch: of images of several
// classes graph.BinaryCrossEntropy.
func (c Config) Loss(d data.Dataset) graph.Loss { return c.loss(d, false) }

// loss is Loss, in training as the sum over a batch if so.
func (c Config) loss(d data.Dataset, sum bool) graph.Loss {
	if d.Sets != nil {
		return graph.BinaryCrossEntropy{Sets: d.Sets, Sum: sum}
	}
	if q := c.GeneralizedCrossEntropy; q > 0 {
		return graph.GeneralizedCrossEntropy{Exponent: q, Sum: sum}
	}
	if c.Focal > 0 {
		return graph.Focal{Gamma: c.Focal, Sum: sum}
	}
	return graph.CrossEntropy{Smoothing: c.LabelSmoothing, Sum: sum}
}

// checkLossSettings returns an error unless the settings of the loss are some, and go
// together and with the dataset.
func (c Config) checkLossSettings(d data.Dataset) error {
	q := c.GeneralizedCrossEntropy
	switch {
	case d.Sets != nil && (q > 0 || c.LabelSmoothing > 0 || c.Focal > 0 || c.ClassWeights != nil || c.Defence != nil):
		return fmt.Errorf("the images of dataset %q have several classes each, want no LabelSmoothing, GeneralizedCrossEntropy, Focal, ClassWeights or Defence", d.Name)
	case !(q >= 0 && q <= 1):
		return fmt.Errorf("GeneralizedCrossEntropy %g, want an exponent above 0 and at most 1, or 0 for the cross-entropy", q)
	case q > 0 && c.LabelSmoothing > 0:
		return fmt.Errorf("GeneralizedCrossEntropy %g with LabelSmoothing %g, want one of the two", q, c.LabelSmoothing)
	case q > 0 && c.Defence != nil:
		return fmt.Errorf("GeneralizedCrossEntropy %g with a Defence, want one of the two", q)
	case !(c.Focal >= 0 && c.Focal <= 100):
		return fmt.Errorf("the γ of Focal is %g, want one above 0 and at most 100, or 0 for the cross-entropy", c.Focal)
	case c.Focal > 0 && (c.LabelSmoothing > 0 || q > 0 || c.Defence != nil):
		return fmt.Errorf("a Focal of %g with LabelSmoothing, GeneralizedCrossEntropy or a Defence, want it alone", c.Focal)
	}
	return nil
}
