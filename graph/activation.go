package graph

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Activation is a function of a node that keeps its shape. It serves as the
// Activation of a Conv2D or Dense, and as a layer by itself. Any function with
// this signature will do, such as Gorgonia's own.
type Activation func(x *gorgonia.Node) (*gorgonia.Node, error)

// Build applies the activation as a layer.
func (a Activation) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("activation").Unary(a, x)
}

// The activations without a parameter; package op has their formulas. SoftMax
// belongs inside a network only: the losses start from logits.
var (
	ReLU    Activation = op.ReLU
	ReLU6   Activation = op.ReLU6
	GELU    Activation = op.GELU
	SiLU    Activation = op.SiLU
	Sigmoid Activation = op.Sigmoid
	Tanh    Activation = op.Tanh
	SoftMax Activation = op.SoftMax
)

// Probabilities is SoftMax(x/temperature), where a temperature of 0 means 1 and 1
// adds nothing to SoftMax: what turns the logits of a network into probabilities,
// calibrated if the temperature was fitted (metric.FitTemperature). All that shows
// or writes a network's probabilities has them from here.
func Probabilities(temperature float64) Activation {
	return func(x *gorgonia.Node) (*gorgonia.Node, error) {
		if !(temperature >= 0) || math.IsInf(temperature, 0) {
			return nil, fmt.Errorf("temperature %v, want a number above 0, or 0 for none", temperature)
		}
		if temperature != 0 && temperature != 1 {
			var err error
			if x, err = op.Map(x, op.DivideFunction(temperature)); err != nil {
				return nil, err
			}
		}
		return op.SoftMax(x)
	}
}

// LeakyReLU is x for x > 0 and alpha·x elsewhere.
func LeakyReLU(alpha float64) Activation {
	return func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.LeakyReLU(x, alpha) }
}

// ELU is x for x > 0 and alpha·(exp(x)-1) elsewhere.
func ELU(alpha float64) Activation {
	return func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.ELU(x, alpha) }
}

// activate applies a layer's activation, if it has one, in the layer's scope.
func (s *Scope) activate(a Activation, x *gorgonia.Node) *gorgonia.Node {
	if a == nil {
		return x
	}
	return s.Unary(a, x)
}
