package op

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// KindReLU6 is the kind of [ReLU6].
const KindReLU6 Kind = "ReLU6"

// ReLU6 is min(max(x,0),6) (Krizhevsky 2010, "Convolutional Deep Belief
// Networks on CIFAR-10").
func ReLU6(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindReLU6, x); err != nil {
		return nil, err
	}
	return apply(spec{kind: KindReLU6, shape: x.Shape()}, kernel.NewReLU6[float32](), kernel.NewReLU6[float64](), x)
}
