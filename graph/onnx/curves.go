package onnx

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// curveRule says which attributes an operator has, with their defaults, and
// which functions it is.
type curveRule struct {
	kind       string
	attributes []op.Attribute
	functions  func(a []float64) (f, df func(float64) float64)
}

func (r curveRule) build(b *builder, x *gorgonia.Node) *gorgonia.Node {
	operator := &op.Operator{Kind: r.kind}
	var values []float64
	for _, a := range r.attributes {
		v := b.attrFloat(a.Name, a.Value)
		values = append(values, v)
		operator.Attributes = append(operator.Attributes, op.Attribute{Name: a.Name, Value: v})
	}
	f, df := r.functions(values)
	return b.do(op.Map(x, op.Function{Name: r.kind, F: f, DF: df, Operator: operator}))
}

// simple is the operator of a function of package op without settings.
func simple(f func(x *gorgonia.Node) (*gorgonia.Node, error)) builtCurve {
	return func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.do(f(x)) }
}

// direct is the operator of a function of package op with settings.
func direct(f func(b *builder, x *gorgonia.Node) (*gorgonia.Node, error)) builtCurve {
	return func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		return b.do(f(b, x))
	}
}

// builtCurve adds either kind.
type builtCurve func(*builder, *gorgonia.Node) *gorgonia.Node

// curves are the operators of one operand that work element by element.
var curves = map[string]builtCurve{
	"Sigmoid": simple(op.Sigmoid),
	"Tanh":    simple(op.Tanh),
	"LeakyRelu": direct(func(b *builder, x *gorgonia.Node) (*gorgonia.Node, error) {
		return op.LeakyReLU(x, b.attrFloat("alpha", 0.01))
	}),
	"Elu": direct(func(b *builder, x *gorgonia.Node) (*gorgonia.Node, error) {
		return op.ELU(x, b.attrFloat("alpha", 1))
	}),
	"Reciprocal": ofOp(op.ReciprocalFunction()),
	"Exp":        ofOp(op.ExpFunction()),
	"Sqrt":       ofOp(op.SqrtFunction()),
	"Erf":        ofOp(op.ErfFunction()),
	"Softsign": mapped("Softsign", func(x float64) float64 { return x / (1 + math.Abs(x)) },
		func(x float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) }),
	"HardSwish": simple(op.HardSwish),
	"HardSigmoid": direct(func(b *builder, x *gorgonia.Node) (*gorgonia.Node, error) {
		return op.HardSigmoid(x, op.Line{Slope: b.attrFloat("alpha", 0.2), Offset: b.attrFloat("beta", 0.5)})
	}),
	"Selu": curveRule{"Selu", []op.Attribute{{Name: "alpha", Value: 1.67326319217681884765625}, {Name: "gamma", Value: 1.05070102214813232421875}}, selu}.build,
	"Celu": curveRule{"Celu", []op.Attribute{{Name: "alpha", Value: 1}}, func(a []float64) (f, df func(float64) float64) {
		return func(x float64) float64 { return max(x, 0) + min(0, a[0]*math.Expm1(x/a[0])) },
			func(x float64) float64 { return math.Exp(min(x, 0) / a[0]) }
	}}.build,
	"ThresholdedRelu": curveRule{"ThresholdedRelu", []op.Attribute{{Name: "alpha", Value: 1}}, func(a []float64) (f, df func(float64) float64) {
		return func(x float64) float64 { return thresholded(x, a[0]) }, func(x float64) float64 { return above(x, a[0]) }
	}}.build,
}

// mapped is an operator without attributes.
func mapped(kind string, f, df func(float64) float64) builtCurve {
	return curveRule{kind, nil, func([]float64) (_, _ func(float64) float64) { return f, df }}.build
}

// ofOp is an operator without attributes that is a function of package op.
func ofOp(f op.Function) builtCurve {
	return simple(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Map(x, f) })
}

func selu(a []float64) (f, df func(float64) float64) {
	alpha, gamma := a[0], a[1]
	f = func(x float64) float64 {
		if x > 0 {
			return gamma * x
		}
		return gamma * alpha * math.Expm1(x)
	}
	df = func(x float64) float64 {
		if x > 0 {
			return gamma
		}
		return gamma * alpha * math.Exp(x)
	}
	return f, df
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	case x != x:
		return x
	}
	return 0
}

// thresholded is x for x > limit, else 0.
func thresholded(x, limit float64) float64 {
	if x > limit {
		return x
	}
	return 0
}

// above is 1 for x > limit, else 0.
func above(x, limit float64) float64 {
	if x > limit {
		return 1
	}
	return 0
}

func importReLU(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.do(op.ReLU(x))
}

// importClip limits numbers. A bound that is not there is float32's last number: an
// infinity becomes that.
func importClip(b *builder, x *gorgonia.Node) *gorgonia.Node {
	lo, hi := b.attrFloat("min", -math.MaxFloat32), b.attrFloat("max", math.MaxFloat32)
	for i, bound := range []*float64{&lo, &hi} {
		if c, ok := b.known(i + 1); ok && c.size() == 1 {
			*bound = c.number(0)
		} else if v, ok := b.floats(i + 1); ok {
			*bound = float64(v[0])
		} else if b.has(i + 1) {
			return b.fail("a bound that is computed, want a constant")
		}
	}
	if lo == 0 && hi == 6 {
		return b.do(op.ReLU6(x))
	}
	return b.do(op.Map(x, op.LimitFunction(lo, hi)))
}

// importPow is the power with a constant exponent.
func importPow(b *builder, x *gorgonia.Node) *gorgonia.Node {
	v, ok := b.floats(1)
	if i, integer := b.ints(1); integer && len(i) == 1 {
		v, ok = []float32{float32(i[0])}, true
	}
	if !ok || len(v) != 1 {
		return b.fail("an exponent that is not one constant")
	}
	return b.do(op.Map(x, op.PowFunction(float64(v[0]))))
}

func importGELU(b *builder, x *gorgonia.Node) *gorgonia.Node {
	if a := b.attrText("approximate"); a != "" && a != "none" {
		return b.fail("approximate %.64q, want none", a)
	}
	return b.do(op.GELU(x))
}

// arrangePReLU is max(x,0) + slope·min(x,0).
func arrangePReLU(b *builder, x *value) *value {
	positive := b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return b.do(op.ReLU(x)) })
	slope := b.value(1)
	if slope != nil && product(slope.shape()) > 1 {
		slope = b.alignedAt(1, x)
	}
	negative := b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return b.do(op.Map(x, op.LimitFunction(math.Inf(-1), 0))) })
	if positive == nil || negative == nil || slope == nil {
		return nil
	}
	return b.sum(positive, b.product(negative, slope))
}
