package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// The kinds of [BinaryCrossEntropy].
const (
	KindBinaryCrossEntropy    Kind = "BinaryCrossEntropy"
	KindBinaryCrossEntropySum Kind = "BinaryCrossEntropySum"
)

// BinaryCrossEntropy is the mean cross-entropy of the sigmoids of logits (N,classes) against targets
// of the same shape, which are 1 for the classes that a sample has and 0 for the others, with sample
// weights (N):
//
//	loss = Σ_n weights[n]·mean_k (-t[n,k]·log p[n,k] - (1-t[n,k])·log(1-p[n,k])) / Σ_n weights[n]
//
// with p = Sigmoid(logits). The result is a scalar. It is stable for logits of any size.
func BinaryCrossEntropy(logits, targets, weights *gorgonia.Node) (*gorgonia.Node, error) {
	return binaryCrossEntropy(KindBinaryCrossEntropy, logits, targets, weights, false)
}

// BinaryCrossEntropySum is the numerator of [BinaryCrossEntropy].
func BinaryCrossEntropySum(logits, targets, weights *gorgonia.Node) (*gorgonia.Node, error) {
	return binaryCrossEntropy(KindBinaryCrossEntropySum, logits, targets, weights, true)
}

func binaryCrossEntropy(kind Kind, logits, targets, weights *gorgonia.Node, sum bool) (*gorgonia.Node, error) {
	if err := check(kind, logits, targets, weights); err != nil {
		return nil, err
	}
	s := logits.Shape()
	if len(s) != 2 || !slices.Equal(targets.Shape(), s) || !slices.Equal(weights.Shape(), s[:1]) {
		return nil, fmt.Errorf("%s: logits are %v, targets %v and weights %v, want (N,classes), the same and (N)", kind, s, targets.Shape(), weights.Shape())
	}
	return apply(spec{kind: kind, constant: []int{1, 2}},
		&kernel.BinaryCrossEntropy[float32]{N: s[0], Classes: s[1], Sum: sum},
		&kernel.BinaryCrossEntropy[float64]{N: s[0], Classes: s[1], Sum: sum}, logits, targets, weights)
}
