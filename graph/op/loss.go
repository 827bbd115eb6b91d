package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of [SoftMax] and of the losses.
const (
	KindSoftMax         Kind = "SoftMax"
	KindCrossEntropy    Kind = "CrossEntropy"
	KindCrossEntropySum Kind = "CrossEntropySum"
	KindMSE             Kind = "MSE"

	KindGeneralizedCrossEntropy    Kind = "GeneralizedCrossEntropy"
	KindGeneralizedCrossEntropySum Kind = "GeneralizedCrossEntropySum"

	KindFocal    Kind = "Focal"
	KindFocalSum Kind = "FocalSum"
)

// SoftMax turns scores into probabilities along the last axis:
// y[k] = exp(x[k]) / Σ_j exp(x[j]). It is stable for scores of any size.
func SoftMax(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindSoftMax, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) == 0 {
		return nil, fmt.Errorf("SoftMax: input is a scalar, want (…,classes)")
	}
	classes := s[len(s)-1]
	return apply(spec{kind: KindSoftMax, shape: s, dyOnly: true},
		&kernel.SoftMax[float32]{Classes: classes}, &kernel.SoftMax[float64]{Classes: classes}, x)
}

// CrossEntropy is the mean cross-entropy of logits (N,classes) against labels
// (N), which hold class indices as floats, with sample weights (N):
//
//	loss = Σ_n weights[n]·(-Σ_k t[n,k]·log SoftMax(logits)[n,k]) / Σ_n weights[n]
//
// where the target t is 1 for the label's class and 0 elsewhere, or with
// smoothing s (Szegedy et al. 2015) 1-s+s/classes and s/classes. The result is
// a scalar. It is stable for logits of any size. A label that is no class is
// an error of the run.
func CrossEntropy(logits, labels, weights *gorgonia.Node, smoothing float64) (*gorgonia.Node, error) {
	return crossEntropy(KindCrossEntropy, logits, labels, weights, entropySettings{smoothing: smoothing})
}

// CrossEntropySum is the numerator of [CrossEntropy], the weighted sum: what the parts
// of a batch add up to, before it is divided by the weights of all.
func CrossEntropySum(logits, labels, weights *gorgonia.Node, smoothing float64) (*gorgonia.Node, error) {
	return crossEntropy(KindCrossEntropySum, logits, labels, weights, entropySettings{smoothing: smoothing, sum: true})
}

// GeneralizedCrossEntropy is the mean of the loss of Zhang and Sabuncu 2018 for labels some of which
// are wrong, with the operands of [CrossEntropy] and the exponent q, above 0 and at most 1:
//
//	loss = Σ_n weights[n]·(1 - p[n]^q)/q / Σ_n weights[n],   p[n] = SoftMax(logits)[n,label]
//
// Its gradient is that of the cross-entropy times p^q. For q to 0 it is the cross-entropy, which
// learns every label in the end; for q = 1 half the absolute error, whose gradient vanishes for
// labels that the network does not believe. It is stable for logits of any size.
func GeneralizedCrossEntropy(logits, labels, weights *gorgonia.Node, exponent float64) (*gorgonia.Node, error) {
	return generalized(KindGeneralizedCrossEntropy, logits, labels, weights, exponent, false)
}

// GeneralizedCrossEntropySum is the numerator of [GeneralizedCrossEntropy].
func GeneralizedCrossEntropySum(logits, labels, weights *gorgonia.Node, exponent float64) (*gorgonia.Node, error) {
	return generalized(KindGeneralizedCrossEntropySum, logits, labels, weights, exponent, true)
}

func generalized(kind Kind, logits, labels, weights *gorgonia.Node, exponent float64, sum bool) (*gorgonia.Node, error) {
	if !(exponent > 0 && exponent <= 1) {
		return nil, fmt.Errorf("%s: exponent %g, want more than 0 and at most 1", kind, exponent)
	}
	return crossEntropy(kind, logits, labels, weights, entropySettings{exponent: exponent, sum: sum})
}

// Focal is the mean of the focal loss (Lin et al. 2017, "Focal Loss for Dense Object Detection",
// equation 4), with the operands of [CrossEntropy] and γ above 0:
//
//	loss = Σ_n weights[n]·(1-p[n])^γ·(-log p[n]) / Σ_n weights[n],   p[n] = SoftMax(logits)[n,label]
//
// What the network is sure of already counts for little, so that the many images of a frequent class
// leave those of a rare one something to say. It is stable for logits of any size.
func Focal(logits, labels, weights *gorgonia.Node, gamma float64) (*gorgonia.Node, error) {
	return focal(KindFocal, logits, labels, weights, gamma, false)
}

// FocalSum is the numerator of [Focal].
func FocalSum(logits, labels, weights *gorgonia.Node, gamma float64) (*gorgonia.Node, error) {
	return focal(KindFocalSum, logits, labels, weights, gamma, true)
}

func focal(kind Kind, logits, labels, weights *gorgonia.Node, gamma float64, sum bool) (*gorgonia.Node, error) {
	if !(gamma > 0 && gamma <= 100) {
		return nil, fmt.Errorf("%s: γ %g, want more than 0 and at most 100", kind, gamma)
	}
	return crossEntropy(kind, logits, labels, weights, entropySettings{gamma: gamma, sum: sum})
}

// entropySettings are those of kernel.CrossEntropy.
type entropySettings struct {
	smoothing, exponent, gamma float64
	sum                        bool
}

func crossEntropy(kind Kind, logits, labels, weights *gorgonia.Node, e entropySettings) (*gorgonia.Node, error) {
	if err := check(kind, logits, labels, weights); err != nil {
		return nil, err
	}
	s := logits.Shape()
	if len(s) != 2 {
		return nil, fmt.Errorf("%s: logits are %v, want (N,classes)", kind, s)
	}
	if want := (tensor.Shape{s[0]}); !slices.Equal(labels.Shape(), want) || !slices.Equal(weights.Shape(), want) {
		return nil, fmt.Errorf("%s: labels are %v and weights %v, want %v for logits %v", kind, labels.Shape(), weights.Shape(), want, s)
	}
	if !(e.smoothing >= 0 && e.smoothing < 1) {
		return nil, fmt.Errorf("%s: smoothing %g, want 0 or more and less than 1", kind, e.smoothing)
	}
	return apply(spec{kind: kind, constant: []int{1, 2}},
		&kernel.CrossEntropy[float32]{N: s[0], Classes: s[1], Smoothing: e.smoothing, Exponent: e.exponent, Gamma: e.gamma, Sum: e.sum},
		&kernel.CrossEntropy[float64]{N: s[0], Classes: s[1], Smoothing: e.smoothing, Exponent: e.exponent, Gamma: e.gamma, Sum: e.sum}, logits, labels, weights)
}

// MSE is the mean squared error of x (N,…) against a target of the same shape,
// with sample weights (N):
//
//	loss = Σ_n weights[n]·mean_i (x[n,i]-target[n,i])² / Σ_n weights[n]
//
// The result is a scalar.
func MSE(x, target, weights *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindMSE, x, target, weights); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) < 2 || !slices.Equal(target.Shape(), s) {
		return nil, fmt.Errorf("MSE: operands are %v and %v, want (N,…) and the same", s, target.Shape())
	}
	if !slices.Equal(weights.Shape(), s[:1]) {
		return nil, fmt.Errorf("MSE: weights are %v, want (%d)", weights.Shape(), s[0])
	}
	n, size := s[0], s.TotalSize()/s[0]
	return apply(spec{kind: KindMSE, constant: []int{1, 2}},
		&kernel.MSE[float32]{N: n, Size: size}, &kernel.MSE[float64]{N: n, Size: size}, x, target, weights)
}
