package onnx

import (
	"math"
	"strings"

	"tapenet/graph/op"
)

// ownPrefix begins the names of operators that ONNX does not have, or not at the
// version of the files that are written, or not of floats. ownOperators writes them in
// pieces.
const ownPrefix = ownDomain + "."

// own is an operator of ownOperators.
func own(kind string, attributes ...op.Attribute) *op.Operator {
	return &op.Operator{Kind: ownPrefix + kind, Attributes: attributes}
}

// castOperator makes numbers of another type. With keep NaN stays NaN, as in an
// integer that is not known.
func castOperator(to int64, keep bool) *op.Operator {
	return own("Cast", op.Attribute{Name: "to", Value: float64(to)}, op.Attribute{Name: "keep", Value: float64(truth(keep))})
}

// ownOperator writes an operator of its operands, given its attributes.
type ownOperator func(e *exporter, in []string, attribute map[string]float64) string

// ownOperators is filled by init, as its functions call the exporter, which looks here.
var ownOperators map[string]ownOperator

func init() {
	ownOperators = map[string]ownOperator{
		"Cast": func(e *exporter, in []string, a map[string]float64) string {
			y := e.cast(in[0], int64(a["to"]))
			if a["keep"] == 0 {
				return y
			}
			return e.emit("Where", []string{e.emit("IsNaN", in), in[0], y})
		},
		"IsInf": func(e *exporter, in []string, a map[string]float64) string {
			return e.asFloat(e.emit("IsInf", in, attributeInt("detect_negative", int(a["negative"])), attributeInt("detect_positive", int(a["positive"]))))
		},
		"IsNaN": func(e *exporter, in []string, _ map[string]float64) string { return e.asFloat(e.emit("IsNaN", in)) },
		"LRN": func(e *exporter, in []string, a map[string]float64) string {
			scaled := e.emit("Mul", []string{in[0], e.scalar(a["alpha"])})
			return e.emit("Pow", []string{e.emit("Add", []string{scaled, e.scalar(a["bias"])}), e.scalar(-a["beta"])})
		},
		"Magnitude": func(e *exporter, in []string, a map[string]float64) string {
			return e.emit("Pow", []string{e.emit("Abs", in), e.scalar(a["p"])})
		},
		"Mish": func(e *exporter, in []string, _ map[string]float64) string {
			return e.emit("Mul", []string{in[0], e.emit("Tanh", []string{e.emit("Softplus", in)})})
		},
		"Mod": exportMod,
		"Not": func(e *exporter, in []string, _ map[string]float64) string {
			return e.asFloat(e.emit("Not", []string{e.asTruth(in[0])}))
		},
		"Quotient": func(e *exporter, in []string, _ map[string]float64) string {
			q := e.emit("Div", in)
			return e.emit("Mul", []string{e.emit("Sign", []string{q}), e.emit("Floor", []string{e.emit("Abs", []string{q})})})
		},
		"Remainder": func(e *exporter, in []string, _ map[string]float64) string { return e.remainder(in) },
		"Square": func(e *exporter, in []string, _ map[string]float64) string {
			return e.emit("Mul", []string{in[0], in[0]})
		},
		"Place": func(e *exporter, in []string, a map[string]float64) string {
			size := e.scalar(a["size"])
			below := e.emit("Less", []string{in[0], e.scalar(0)})
			place := e.emit("Where", []string{below, e.emit("Add", []string{in[0], size}), in[0]})
			there := e.emit("And", []string{e.emit("GreaterOrEqual", []string{place, e.scalar(0)}), e.emit("Less", []string{place, size})})
			return e.emit("Where", []string{there, e.asFloat(e.emit("Equal", []string{place, in[1]})), e.scalar(math.NaN())})
		},
		"Quantize": func(e *exporter, in []string, a map[string]float64) string {
			return e.quantize(in[0], e.scalar(a["scale"]), e.scalar(a["zero"]), a["low"], a["high"])
		},
		"QuantizeEach": func(e *exporter, in []string, a map[string]float64) string {
			return e.quantize(in[0], in[1], in[2], a["low"], a["high"])
		},
		"QuantizeScale": func(e *exporter, in []string, _ map[string]float64) string {
			least, most := e.emit("Min", []string{in[0], e.scalar(0)}), e.emit("Max", []string{in[1], e.scalar(0)})
			return e.emit("Div", []string{e.emit("Sub", []string{most, least}), e.scalar(255)})
		},
		"QuantizeZero": func(e *exporter, in []string, _ map[string]float64) string {
			least := e.emit("Min", []string{in[0], e.scalar(0)})
			return e.quantize(e.emit("Neg", []string{least}), in[1], e.scalar(0), 0, 255)
		},
		"Where": exportWhere,
		"Whole": exportWhole,
	}
	for _, kind := range []string{"And", "Or", "Xor"} {
		ownOperators[kind] = func(e *exporter, in []string, _ map[string]float64) string {
			return e.asFloat(e.emit(kind, []string{e.asTruth(in[0]), e.asTruth(in[1])}))
		}
	}
	for _, kind := range []string{"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"} {
		ownOperators[kind] = func(e *exporter, in []string, a map[string]float64) string {
			y := e.asFloat(e.emit(kind, in))
			if a["whole"] == 0 {
				return y
			}
			nothing := e.emit("Mul", []string{e.emit("Add", in), e.scalar(0)}) // NaN if one is
			return e.emit("Add", []string{y, nothing})
		}
	}
}

// operator writes an operator with its constants.
func (e *exporter) operator(o *op.Operator, inputs ...string) string {
	for _, v := range o.Constants {
		name := ""
		if v == v { // no NaN
			name = e.scalar(v)
		}
		inputs = append(inputs, name)
	}
	if kind, ok := strings.CutPrefix(o.Kind, ownPrefix); ok {
		f, values := ownOperators[kind], map[string]float64{}
		if f == nil {
			return e.fail("the operator %s has no translation", o.Kind)
		}
		for _, a := range o.Attributes {
			values[a.Name] = a.Value
		}
		return f(e, inputs, values)
	}
	var attributes []attributeProto
	for _, a := range o.Attributes {
		attributes = append(attributes, attributeFloat(a.Name, a.Value))
	}
	return e.emit(o.Kind, inputs, attributes...)
}

// asFloat makes 0 and 1 of truth, or floats of integers.
func (e *exporter) asFloat(x string) string {
	return e.emit("Cast", []string{x}, attributeInt("to", typeFloat))
}

// asTruth is true for every number but 0.
func (e *exporter) asTruth(x string) string {
	return e.emit("Cast", []string{x}, attributeInt("to", typeBool))
}

// cast writes a cast to a type and back to float32. To a narrow integer it goes by a
// wide one, whose lowest bits it is.
func (e *exporter) cast(x string, to int64) string {
	if integral(to) && to != typeBool && to != typeInt64 {
		x = e.emit("Cast", []string{x}, attributeInt("to", typeInt64))
	}
	return e.asFloat(e.emit("Cast", []string{x}, attributeInt("to", int(to))))
}

// remainder has the sign of the first operand.
func (e *exporter) remainder(in []string) string {
	return e.emit("Mod", in, attributeInt("fmod", 1))
}

// exportMod writes the remainder with the sign of the second operand, y: one of the
// other sign is y too low, and 0 or a remainder of y's sign stays as it is.
func exportMod(e *exporter, in []string, _ map[string]float64) string {
	m := e.remainder(in)
	return e.remainder([]string{e.emit("Add", []string{m, in[1]}), in[1]})
}

// exportWhere chooses by a number, of which NaN is no choice.
func exportWhere(e *exporter, in []string, _ map[string]float64) string {
	y := e.emit("Where", []string{e.asTruth(in[0]), in[1], in[2]})
	return e.emit("Where", []string{e.emit("IsNaN", in[:1]), in[0], y})
}

// quantize writes what a grid does.
func (e *exporter) quantize(x, scale, zero string, low, high float64) string {
	y := e.emit("Add", []string{e.emit("Round", []string{e.emit("Div", []string{x, scale})}), zero})
	return e.emit("Clip", []string{y, e.scalar(low), e.scalar(high)})
}

// exportWhole is what wholeIn does.
func exportWhole(e *exporter, in []string, a map[string]float64) string {
	if to := int64(a["to"]); to != typeBool {
		low, high := limits(to)
		y := e.emit("Round", in)
		held := e.emit("And", []string{e.emit("GreaterOrEqual", []string{y, e.scalar(low)}), e.emit("LessOrEqual", []string{y, e.scalar(high)})})
		return e.emit("Where", []string{held, y, e.scalar(math.NaN())})
	}
	return ownOperators["Cast"](e, in, map[string]float64{"to": typeBool, "keep": 1})
}
