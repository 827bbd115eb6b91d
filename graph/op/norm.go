package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
)

// The kinds of [BatchNorm] and [Dropout].
const (
	KindBatchNorm Kind = "BatchNorm"
	KindDropout   Kind = "Dropout"
)

// Norm holds the parameters of a batch normalisation.
type Norm struct {
	Epsilon  float64 // added to the variance
	Momentum float64 // share of the old running statistics that stays at each training step
	Training bool    // normalise with the batch's statistics and move the running ones
}

// BatchNorm normalises each channel (Ioffe and Szegedy 2015):
//
//	y = gamma·(x-mean)/√(variance+Epsilon) + beta
//
// x is (N,C,H,W) or (N,C); gamma, beta and the running mean and variance are
// (C). In training mean and variance are the batch's own, and every forward
// run changes the tensors bound to the running ones. They have no gradient.
func BatchNorm(x, gamma, beta, mean, variance *gorgonia.Node, o Norm) (*gorgonia.Node, error) {
	if err := check(KindBatchNorm, x, gamma, beta, mean, variance); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) != 4 && len(s) != 2 {
		return nil, fmt.Errorf("BatchNorm: input is %v, want (N,C,H,W) or (N,C)", s)
	}
	if o.Epsilon <= 0 || o.Momentum < 0 || o.Momentum > 1 {
		return nil, fmt.Errorf("BatchNorm: epsilon %g and momentum %g, want above 0 and within 0 to 1", o.Epsilon, o.Momentum)
	}
	c := s[1]
	for _, p := range []*gorgonia.Node{gamma, beta, mean, variance} {
		if !slices.Equal(p.Shape(), tensor.Shape{c}) {
			return nil, fmt.Errorf("BatchNorm: parameter %s is %v, want (%d) for input %v", p.Name(), p.Shape(), c, s)
		}
	}
	detail := "inference"
	if o.Training {
		detail = "training"
	}
	return apply(spec{kind: KindBatchNorm, detail: detail, shape: s, constant: []int{3, 4}, params: o},
		newNorm[float32](s, o, false), newNorm[float64](s, o, false), x, gamma, beta, mean, variance)
}

// Norm returns the parameters of a [BatchNorm].
func (d Description) Norm() Norm {
	o, _ := d.paramsOf(KindBatchNorm).(Norm)
	return o
}

// newNorm is the kernel for inputs of a shape.
func newNorm[T cpu.Float](s tensor.Shape, o Norm, relu bool) *kernel.BatchNorm[T] {
	pixels := tensor.Shape(s[2:]).TotalSize()
	return &kernel.BatchNorm[T]{N: s[0], C: s[1], Pixels: pixels, Epsilon: o.Epsilon, Momentum: o.Momentum, Training: o.Training, ReLU: relu}
}

// Random is a stream of random numbers for an op that draws some at every
// step. Equal seeds and steps give equal numbers.
type Random struct {
	Seed uint64
	Step *uint64 // read at every forward run; whoever trains advances it
}

// Dropout zeroes each element with probability rate and scales the others by
// 1/(1-rate) (Srivastava et al. 2014).
func Dropout(x *gorgonia.Node, rate float64, r Random) (*gorgonia.Node, error) {
	if err := check(KindDropout, x); err != nil {
		return nil, err
	}
	if !(rate >= 0 && rate < 1) {
		return nil, fmt.Errorf("Dropout: rate %g, want 0 or more and less than 1", rate)
	}
	if r.Step == nil {
		return nil, errors.New("Dropout: Random.Step is nil, want a counter of the training steps")
	}
	return apply(spec{kind: KindDropout, detail: fmt.Sprintf("rate %g", rate), shape: x.Shape(), params: rate, dyOnly: true},
		&kernel.Dropout[float32]{Rate: rate, Seed: r.Seed, Step: r.Step},
		&kernel.Dropout[float64]{Rate: rate, Seed: r.Seed, Step: r.Step}, x)
}

// Rate returns the rate of a [Dropout].
func (d Description) Rate() float64 {
	rate, _ := d.paramsOf(KindDropout).(float64)
	return rate
}
