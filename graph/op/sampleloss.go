package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// KindSampleLoss is the kind of [SampleLoss].
const KindSampleLoss Kind = "SampleLoss"

// A Criterion is the loss of one sample. It sets gradient to its derivative for each
// logit, and changes nothing else. Nothing of the three is kept.
type Criterion func(logits []float64, target float64, gradient []float64) float64

// SampleLoss is a loss of your own, the sum of f over a batch of logits (N,classes)
// with targets (N), which mean what f makes of them:
//
//	loss = Σ_n f(logits[n], targets[n])
//
// f runs in float64, on one sample after the other. The result is a scalar. As it is no
// mean, the gradient of a sample does not depend on the batch that it is in.
func SampleLoss(logits, targets *gorgonia.Node, f Criterion) (*gorgonia.Node, error) {
	if err := check(KindSampleLoss, logits, targets); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("SampleLoss: the criterion is nil, want a function")
	}
	s := logits.Shape()
	if len(s) != 2 || !slices.Equal(targets.Shape(), s[:1]) {
		return nil, fmt.Errorf("SampleLoss: logits are %v and targets %v, want (N,classes) and (N)", s, targets.Shape())
	}
	return apply(spec{kind: KindSampleLoss, constant: []int{1}, dyOnly: true},
		&kernel.SampleLoss[float32]{N: s[0], Classes: s[1], F: f},
		&kernel.SampleLoss[float64]{N: s[0], Classes: s[1], F: f}, logits, targets)
}
