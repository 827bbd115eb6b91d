package op

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// ReLU is max(x,0) (Nair and Hinton 2010).
func ReLU(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check("ReLU", x); err != nil {
		return nil, err
	}
	return apply(spec{name: "ReLU", shape: x.Shape()}, kernel.NewReLU[float32](), kernel.NewReLU[float64](), x)
}

// LeakyReLU is x for x > 0 and alpha·x elsewhere (Maas et al. 2013).
func LeakyReLU(x *gorgonia.Node, alpha float64) (*gorgonia.Node, error) {
	return elementwise("LeakyReLU", x,
		func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * x
		},
		func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return alpha
		})
}

// ELU is x for x > 0 and alpha·(exp(x)-1) elsewhere (Clevert et al. 2015).
func ELU(x *gorgonia.Node, alpha float64) (*gorgonia.Node, error) {
	return elementwise("ELU", x,
		func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * math.Expm1(x)
		},
		func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return alpha * math.Exp(x)
		})
}

// GELU is x·Φ(x), Φ being the normal distribution function (Hendrycks and
// Gimpel 2016), in its exact form.
func GELU(x *gorgonia.Node) (*gorgonia.Node, error) {
	phi := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	return elementwise("GELU", x,
		func(x float64) float64 { return scaled(x, phi(x)) },
		func(x float64) float64 {
			return phi(x) + scaled(x, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
		})
}

// SiLU, also known as swish, is x·sigmoid(x) (Elfwing et al. 2017).
func SiLU(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise("SiLU", x,
		func(x float64) float64 { return scaled(x, sigmoid(x)) },
		func(x float64) float64 {
			s := sigmoid(x)
			return s + scaled(x, s*(1-s))
		})
}

// Sigmoid is 1/(1+exp(-x)).
func Sigmoid(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise("Sigmoid", x, sigmoid, func(x float64) float64 {
		s := sigmoid(x)
		return s * (1 - s)
	})
}

// Tanh is the hyperbolic tangent.
func Tanh(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise("Tanh", x, math.Tanh, func(x float64) float64 {
		t := math.Tanh(x)
		return 1 - t*t
	})
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// scaled is x·y, and 0 where y vanishes even if x is infinite.
func scaled(x, y float64) float64 {
	if y == 0 {
		return 0
	}
	return x * y
}

// elementwise applies f, whose derivative is df, to every element of x, in
// float64 whatever the precision of x.
func elementwise(name string, x *gorgonia.Node, f, df func(float64) float64) (*gorgonia.Node, error) {
	if err := check(name, x); err != nil {
		return nil, err
	}
	single := func(f func(float64) float64) func(float32) float32 {
		return func(x float32) float32 { return float32(f(float64(x))) }
	}
	return apply(spec{name: name, shape: x.Shape()},
		kernel.NewActivation(single(f), single(df)), kernel.NewActivation(f, df), x)
}
