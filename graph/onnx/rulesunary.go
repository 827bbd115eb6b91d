package onnx

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// unary is a function of one number without attributes, with its derivative.
type unary struct {
	f, df func(x float64) float64
	truth bool // the result is true or false
}

func flat(float64) float64 { return 0 }

// unaries are operators that are computed of constants too. Square has no operator.
var unaries = map[string]unary{
	"Acos":     {f: math.Acos, df: func(x float64) float64 { return -1 / math.Sqrt(1-x*x) }},
	"Acosh":    {f: math.Acosh, df: func(x float64) float64 { return 1 / math.Sqrt(x*x-1) }},
	"Asin":     {f: math.Asin, df: func(x float64) float64 { return 1 / math.Sqrt(1-x*x) }},
	"Asinh":    {f: math.Asinh, df: func(x float64) float64 { return 1 / math.Sqrt(x*x+1) }},
	"Atan":     {f: math.Atan, df: func(x float64) float64 { return 1 / (1 + x*x) }},
	"Atanh":    {f: math.Atanh, df: func(x float64) float64 { return 1 / (1 - x*x) }},
	"Ceil":     {f: math.Ceil, df: flat},
	"Cos":      {f: math.Cos, df: func(x float64) float64 { return -math.Sin(x) }},
	"Cosh":     {f: math.Cosh, df: math.Sinh},
	"Floor":    {f: math.Floor, df: flat},
	"IsNaN":    {f: func(x float64) float64 { return float64(truth(x != x)) }, df: flat, truth: true},
	"Log":      {f: math.Log, df: func(x float64) float64 { return 1 / x }},
	"Mish":     {f: mish, df: mishSlope},
	"Round":    {f: math.RoundToEven, df: flat},
	"Sign":     {f: sign, df: flat},
	"Sin":      {f: math.Sin, df: math.Cos},
	"Sinh":     {f: math.Sinh, df: math.Cosh},
	"Square":   {f: func(x float64) float64 { return x * x }, df: func(x float64) float64 { return 2 * x }},
	"Tan":      {f: math.Tan, df: func(x float64) float64 { return 1 + math.Tan(x)*math.Tan(x) }},
	"Neg":      {f: func(x float64) float64 { return -x }, df: func(float64) float64 { return -1 }},
	"Abs":      {f: math.Abs, df: sign},
	"Softplus": {f: softplus, df: logistic},
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// mish is x·tanh(softplus(x)) (Misra 2019).
func mish(x float64) float64 { return x * math.Tanh(softplus(x)) }

func mishSlope(x float64) float64 {
	t := math.Tanh(softplus(x))
	return t + x*(1-t*t)*logistic(x)
}

// unary adds one of them.
func (b *builder) unary(kind string, x *gorgonia.Node) *gorgonia.Node {
	u := unaries[kind]
	if kind == "Square" || kind == "Mish" || u.truth { // not of the opset that we write
		return b.mapped(own(kind), x, u.f, u.df)
	}
	return mapped(kind, u.f, u.df)(b, x)
}

// foldUnary computes one of them of a constant.
func foldUnary(b *builder) (c constant, ok bool) {
	c, ok = b.known(0)
	if !ok {
		return c, false
	}
	size, ok := b.room(c.shape)
	if !ok {
		return c, true
	}
	f := unaries[b.now.Op].f
	y := constant{shape: c.shape, elem: c.elem}
	if unaries[b.now.Op].truth {
		y.elem = typeBool
	}
	if c.ints != nil || y.elem == typeBool {
		y.ints = make([]int64, size)
		for i := range y.ints {
			y.ints[i] = wrapped(wholeOf(f(c.number(i))), y.elem)
		}
		return y, true
	}
	y.floats = make([]float32, size)
	for i := range y.floats {
		y.floats[i] = float32(f(c.number(i)))
	}
	return y, true
}

// importIsInf asks for infinities of either sign.
func importIsInf(b *builder, x *gorgonia.Node) *gorgonia.Node {
	negative, positive := b.attrInt("detect_negative", 1) != 0, b.attrInt("detect_positive", 1) != 0
	return b.mapped(own("IsInf", op.Attribute{Name: "negative", Value: float64(truth(negative))}, op.Attribute{Name: "positive", Value: float64(truth(positive))}), x, func(x float64) float64 {
		return float64(truth(negative && math.IsInf(x, -1) || positive && math.IsInf(x, 1)))
	}, flat)
}

// importShrink moves numbers beyond ±lambd towards 0, and sets the others to it.
func importShrink(b *builder, x *gorgonia.Node) *gorgonia.Node {
	lambda, bias := b.attrFloat("lambd", 0.5), b.attrFloat("bias", 0)
	operator := &op.Operator{Kind: "Shrink", Attributes: []op.Attribute{{Name: "lambd", Value: lambda}, {Name: "bias", Value: bias}}}
	return b.mapped(operator, x, func(x float64) float64 {
		switch {
		case x < -lambda:
			return x + bias
		case x > lambda:
			return x - bias
		}
		return 0
	}, func(x float64) float64 { return float64(truth(math.Abs(x) > lambda)) })
}

func importNot(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.mapped(own("Not"), x, func(x float64) float64 { return float64(truth(x == 0)) }, flat)
}

// arrangeCast makes numbers of another type. A graph has one precision, in which
// integers up to 2^24 are exact.
func arrangeCast(b *builder, x *value) *value {
	return b.cast(x, b.value(0).kind(), int64(b.attrInt("to", typeFloat)))
}

func arrangeCastLike(b *builder, x *value) *value {
	return b.cast(x, b.value(0).kind(), b.value(1).kind())
}

func (b *builder) cast(x *value, from, to int64) *value {
	e, ok := kinds[to]
	if !ok {
		b.fail("cast of values to type %d, want numbers", to)
		return nil
	}
	var f func(x float64) float64
	switch {
	case to == from || e.float && e.size >= 4 || from == typeBool:
		return x
	case e.float:
		f = func(x float64) float64 { return rounded(x, to) }
	case to == typeBool:
		f = func(x float64) float64 { return float64(truth(x != 0)) }
	default:
		f = func(x float64) float64 { return float64(wrapped(wholeOf(x), to)) }
	}
	if g := f; integral(from) {
		f = func(x float64) float64 {
			if x != x {
				return x // no integer that is known
			}
			return g(x)
		}
	}
	df := flat
	if e.float {
		df = func(float64) float64 { return 1 }
	}
	return b.each(x, func(x *gorgonia.Node) *gorgonia.Node {
		return b.mapped(castOperator(to, integral(from)), x, f, df)
	})
}

// kind is the type of a value's elements.
func (v *value) kind() int64 {
	switch {
	case v.node != nil && v.elem != 0:
		return v.elem
	case v.node == nil && v.constant.elem != 0:
		return v.constant.elem
	case v.node == nil && v.constant.ints != nil:
		return typeInt64
	}
	return typeFloat
}

// truths are the operators whose results are true or false.
var truths = map[string]bool{
	"And": true, "Equal": true, "Greater": true, "GreaterOrEqual": true, "IsInf": true, "IsNaN": true,
	"Less": true, "LessOrEqual": true, "Not": true, "Or": true, "Xor": true,
}

// resultKind is the type of what the node computes.
func (b *builder) resultKind() int64 {
	typed := b.value(0)
	switch kind := b.now.Op; {
	case truths[kind]:
		return typeBool
	case kind == "ArgMax" || kind == "ArgMin":
		return typeInt64
	case kind == "QuantizeLinear":
		if typed = b.value(2); typed == nil {
			return typeUint8
		}
	case kind == "DynamicQuantizeLinear":
		return typeUint8
	case kind == "DequantizeLinear":
		typed = b.value(1)
	case kind == "QLinearConv" || kind == "QLinearMatMul":
		typed = b.value(7)
	case kind == "ConvInteger" || kind == "MatMulInteger":
		return typeInt32
	case kind == "Cast":
		return int64(b.attrInt("to", typeFloat))
	case kind == "CastLike" || kind == "Where":
		typed = b.value(1)
	}
	if typed == nil {
		return typeFloat
	}
	return typed.kind()
}

// typed gives a result its type. Integers of 8 and 16 bits overflow as such. Of wider
// ones a graph computes numbers up to maxWhole, and NaN beyond. A fraction is cut off.
func (b *builder) typed(v *value, kind int64) *value {
	if v == nil || v.node == nil {
		return v
	}
	y := v
	if v.kind() != kind { // v may be an operand too
		other := *v
		other.elem = kind
		y = &other
	}
	if !integral(kind) || kind == typeBool || !overflows[b.now.Op] && !fractional[b.now.Op] {
		return y
	}
	z := b.each(y, func(x *gorgonia.Node) *gorgonia.Node {
		if kinds[kind].size > 2 && !fractional[b.now.Op] {
			return b.wholes(x, kind)
		}
		return b.mapped(castOperator(kind, true), x, wrapping(kind), func(float64) float64 { return 1 })
	})
	if z != nil {
		z.elem = kind
	}
	return z
}

// overflows are the operators whose results may be beyond their operands' type.
var overflows = map[string]bool{
	"Abs": true, "Add": true, "CumSum": true, "Div": true, "Einsum": true, "Gemm": true, "MatMul": true, "Mul": true, "Neg": true, "Pow": true,
	"ReduceProd": true, "ReduceSum": true, "ReduceSumSquare": true, "Sub": true, "Sum": true,
}

// fractional are the operators whose results of integers may be between two.
var fractional = map[string]bool{"ReduceL2": true, "ReduceLogSum": true, "ReduceLogSumExp": true, "ReduceMean": true, "Shrink": true}

// wrapping is a number as a type has it.
func wrapping(kind int64) func(x float64) float64 {
	return func(x float64) float64 {
		if x != x {
			return x
		}
		return float64(wrapped(wholeOf(x), kind))
	}
}
