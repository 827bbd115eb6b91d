package op

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/vector"
)

// The kinds of the activations.
const (
	KindReLU      Kind = "ReLU"
	KindLeakyReLU Kind = "LeakyReLU"
	KindELU       Kind = "ELU"
	KindGELU      Kind = "GELU"
	KindSiLU      Kind = "SiLU"
	KindSigmoid   Kind = "Sigmoid"
	KindTanh      Kind = "Tanh"
)

// ReLU is max(x,0) (Nair and Hinton 2010).
func ReLU(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindReLU, x); err != nil {
		return nil, err
	}
	return apply(spec{kind: KindReLU, shape: x.Shape()}, kernel.NewReLU[float32](), kernel.NewReLU[float64](), x)
}

// LeakyReLU is x for x > 0 and alpha·x elsewhere (Maas et al. 2013).
func LeakyReLU(x *gorgonia.Node, alpha float64) (*gorgonia.Node, error) {
	return elementwise(KindLeakyReLU, x, vector.LeakyReLU(alpha), alpha)
}

// ELU is x for x > 0 and alpha·(exp(x)-1) elsewhere (Clevert et al. 2015).
func ELU(x *gorgonia.Node, alpha float64) (*gorgonia.Node, error) {
	return elementwise(KindELU, x, vector.ELU(alpha), alpha)
}

// Alpha returns the alpha of a [LeakyReLU] or an [ELU].
func (d Description) Alpha() float64 {
	alpha, _ := d.paramsOf(KindLeakyReLU, KindELU).(float64)
	return alpha
}

// GELU is x·Φ(x), Φ being the normal distribution function (Hendrycks and
// Gimpel 2016), in its exact form.
func GELU(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise(KindGELU, x, vector.GELU, nil)
}

// SiLU, also known as swish, is x·sigmoid(x) (Elfwing et al. 2017).
func SiLU(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise(KindSiLU, x, vector.SiLU, nil)
}

// Sigmoid is 1/(1+exp(-x)).
func Sigmoid(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise(KindSigmoid, x, vector.Sigmoid, nil)
}

// Tanh is the hyperbolic tangent.
func Tanh(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise(KindTanh, x, vector.Tanh, nil)
}

// elementwise applies a curve, of the given parameters, to every element of x.
func elementwise(kind Kind, x *gorgonia.Node, c vector.Curve, params any) (*gorgonia.Node, error) {
	if err := check(kind, x); err != nil {
		return nil, err
	}
	return apply(spec{kind: kind, shape: x.Shape(), params: params},
		kernel.NewActivation[float32](c), kernel.NewActivation[float64](c), x)
}
