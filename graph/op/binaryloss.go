package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// The kinds of [BinaryCrossEntropy] and [BinaryCrossEntropyOfSets].
const (
	KindBinaryCrossEntropy    Kind = "BinaryCrossEntropy"
	KindBinaryCrossEntropySum Kind = "BinaryCrossEntropySum"

	KindBinaryCrossEntropyOfSets    Kind = "BinaryCrossEntropyOfSets"
	KindBinaryCrossEntropyOfSetsSum Kind = "BinaryCrossEntropyOfSetsSum"
)

// BinaryCrossEntropy is the mean cross-entropy of the sigmoids of logits (N,classes) against targets
// of the same shape, which are 1 for the classes that a sample has and 0 for the others, with sample
// weights (N):
//
//	loss = Σ_n weights[n]·mean_k (-t[n,k]·log p[n,k] - (1-t[n,k])·log(1-p[n,k])) / Σ_n weights[n]
//
// with p = Sigmoid(logits). The result is a scalar. It is stable for logits of any size.
func BinaryCrossEntropy(logits, targets, weights *gorgonia.Node) (*gorgonia.Node, error) {
	return binaryCrossEntropy(KindBinaryCrossEntropy, logits, targets, weights, nil, false)
}

// BinaryCrossEntropySum is the numerator of [BinaryCrossEntropy].
func BinaryCrossEntropySum(logits, targets, weights *gorgonia.Node) (*gorgonia.Node, error) {
	return binaryCrossEntropy(KindBinaryCrossEntropySum, logits, targets, weights, nil, true)
}

// BinaryCrossEntropyOfSets is [BinaryCrossEntropy] with targets (N) that hold indices in sets, of
// which each is the classes that a sample has. An index that is none is an error of the run.
func BinaryCrossEntropyOfSets(logits, targets, weights *gorgonia.Node, sets [][]int) (*gorgonia.Node, error) {
	return ofSets(KindBinaryCrossEntropyOfSets, logits, targets, weights, sets, false)
}

// BinaryCrossEntropyOfSetsSum is the numerator of [BinaryCrossEntropyOfSets].
func BinaryCrossEntropyOfSetsSum(logits, targets, weights *gorgonia.Node, sets [][]int) (*gorgonia.Node, error) {
	return ofSets(KindBinaryCrossEntropyOfSetsSum, logits, targets, weights, sets, true)
}

func ofSets(kind Kind, logits, targets, weights *gorgonia.Node, sets [][]int, sum bool) (*gorgonia.Node, error) {
	if err := check(kind, logits, targets, weights); err != nil {
		return nil, err
	}
	s := logits.Shape()
	if len(s) != 2 || len(sets) == 0 {
		return nil, fmt.Errorf("%s: logits are %v, for %d sets, want (N,classes) and one set or more", kind, s, len(sets))
	}
	table := make([]float64, len(sets)*s[1])
	for i, set := range sets {
		for _, k := range set {
			if k < 0 || k >= s[1] {
				return nil, fmt.Errorf("%s: set %d has class %d, want 0 to %d", kind, i, k, s[1]-1)
			}
			table[i*s[1]+k] = 1
		}
	}
	return binaryCrossEntropy(kind, logits, targets, weights, table, sum)
}

func binaryCrossEntropy(kind Kind, logits, targets, weights *gorgonia.Node, table []float64, sum bool) (*gorgonia.Node, error) {
	if err := check(kind, logits, targets, weights); err != nil {
		return nil, err
	}
	s, want := logits.Shape(), "the same"
	of := s
	if table != nil && len(s) == 2 {
		of, want = s[:1], "(N)"
	}
	if len(s) != 2 || !slices.Equal(targets.Shape(), of) || !slices.Equal(weights.Shape(), s[:1]) {
		return nil, fmt.Errorf("%s: logits are %v, targets %v and weights %v, want (N,classes), %s and (N)", kind, s, targets.Shape(), weights.Shape(), want)
	}
	var single []float32
	for _, v := range table {
		single = append(single, float32(v))
	}
	return apply(spec{kind: kind, constant: []int{1, 2}},
		&kernel.BinaryCrossEntropy[float32]{N: s[0], Classes: s[1], Sum: sum, Table: single},
		&kernel.BinaryCrossEntropy[float64]{N: s[0], Classes: s[1], Sum: sum, Table: table}, logits, targets, weights)
}
