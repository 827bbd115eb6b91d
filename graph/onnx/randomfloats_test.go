package onnx

import (
	"math"
	"slices"
)

// randomOperator adds an operator to a value. ok is false where it does not go.
type randomOperator func(g *randomGraph, x randomValue) (y randomValue, ok bool)

// floatOperators and wholeOperators are the operators of values of floats and of values
// of integers or truth. Those that are there more often are taken more often.
var floatOperators, wholeOperators []randomOperator

func init() {
	both := []randomOperator{
		randomReshape, randomReshape, randomFlatten, randomTranspose, randomTranspose, randomSqueeze, randomUnsqueeze, randomExpand,
		randomTile, randomSlice, randomSlice, randomGather, randomGather, randomSplit, randomConcat, randomConcat, randomCast,
		randomWhere, randomCompare, randomArithmetic, randomArithmetic, randomReduceExact, randomOwnShape, randomIdentity,
	}
	floatOperators = slices.Concat(both, []randomOperator{
		randomUnary, randomUnary, randomUnary, randomJump, randomClip, randomDivision, randomPower, randomPRelu, randomFloatMod,
		randomReduce, randomReduce, randomArg, randomSoftmax, randomNorm, randomNorm, randomBatchNorm, randomLRN, randomPad, randomPad,
		randomConv, randomConv, randomConv, randomConvTranspose, randomPool, randomPool, randomPool, randomGlobal, randomMatMul, randomMatMul,
		randomGemm, randomEinsum, randomResize, randomResize, randomSpace, randomTrilu, randomSum,
	})
	wholeOperators = slices.Concat(both, []randomOperator{randomLogic, randomWholeDivision, randomWholeUnary, randomCast, randomCast, randomArg})
}

func (g *randomGraph) pick(names ...string) string { return names[g.IntN(len(names))] }

// since is a name from a version of the operators on, and another before.
func (g *randomGraph) since(opset int, names ...string) []string {
	if g.opset >= opset {
		return names
	}
	return nil
}

// tame brings a value into a range, in which a function is smooth.
func (g *randomGraph) tame(x randomValue, low, high float64) randomValue {
	if x.elem != typeFloat {
		x = g.casted(x, typeFloat)
	}
	if g.opset < 11 {
		return x.inexact(g.node("Clip", []string{x.name}, attributeFloat("min", low), attributeFloat("max", high)))
	}
	numbers := make([]string, 2)
	for i, v := range []float32{float32(low), float32(high)} {
		numbers[i] = g.name()
		g.constant(tensorProto{Name: numbers[i], Type: typeFloat, Floats: []float32{v}})
	}
	return x.inexact(g.node("Clip", append([]string{x.name}, numbers...)))
}

func randomUnary(g *randomGraph, x randomValue) (randomValue, bool) {
	kinds := slices.Concat([]string{"Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Atan", "Asinh", "Softplus", "Softsign", "LeakyRelu", "Elu", "Selu", "HardSigmoid",
		"Exp", "Log", "Sqrt", "Reciprocal", "Acos", "Asin", "Acosh", "Atanh", "Tan", "Sinh", "Cosh"},
		g.since(12, "Celu"), g.since(14, "HardSwish"), g.since(18, "Mish"), g.since(20, "Gelu"))
	kind := kinds[g.IntN(len(kinds))]
	low, high := -8.0, 8.0
	switch kind {
	case "Exp", "Sinh", "Cosh":
		low, high = -3, 3
	case "Log", "Sqrt", "Reciprocal":
		low, high = 0.3, 8
	case "Acos", "Asin", "Atanh", "Tan":
		low, high = -0.8, 0.8
	case "Acosh":
		low, high = 1.2, 6
	case "Erf":
		if g.opset < 9 {
			kind = "Tanh"
		}
	}
	if g.opset < 9 && slices.Contains([]string{"Asinh", "Acosh", "Atanh", "Sinh", "Cosh"}, kind) {
		return x, false
	}
	var a []attributeProto
	if g.IntN(2) == 0 {
		switch kind {
		case "LeakyRelu", "Elu", "Celu":
			a = append(a, attributeFloat("alpha", 0.3+g.Float64()))
		case "HardSigmoid":
			a = append(a, attributeFloat("alpha", 0.3), attributeFloat("beta", 0.4))
		case "Gelu":
			t := attributeProto{Name: "approximate", Type: attrString, String: g.pick("tanh", "none")}
			a = append(a, t)
		}
	}
	x = g.tame(x, low, high)
	x.bound = 30
	return x.inexact(g.node(kind, []string{x.name}, a...)), true
}

func randomIdentity(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.IntN(2) == 0 && !integral(x.elem) && g.opset >= 7 {
		x.name = g.node("Dropout", []string{x.name})
		return x, true
	}
	x.name = g.node("Identity", []string{x.name})
	return x, true
}

// randomJump is a function that jumps, or is exact.
func randomJump(g *randomGraph, x randomValue) (randomValue, bool) {
	kinds := slices.Concat([]string{"Abs", "Neg", "Relu"}, g.since(9, "IsNaN"), g.since(10, "IsInf"))
	if x.exact {
		kinds = slices.Concat(kinds, []string{"Floor", "Ceil", "Relu"}, g.since(9, "Sign", "Shrink"), g.since(10, "ThresholdedRelu"), g.since(11, "Round"))
	}
	kind := kinds[g.IntN(len(kinds))]
	if kind == "IsInf" && x.elem == typeHalf {
		return x, false
	}
	x.name = g.node(kind, []string{x.name})
	switch kind {
	case "IsNaN", "IsInf":
		x.elem, x.grid, x.bound, x.exact = typeBool, 0, 1, true
	case "Shrink":
		x.grid = max(x.grid, 1)
	}
	return x, true
}

func randomClip(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeFloat {
		return x, false
	}
	low, high := -float64(g.IntN(3)), float64(g.IntN(3))+0.5
	x.grid = max(x.grid, 1)
	if g.opset < 11 {
		a := []attributeProto{attributeFloat("min", low), attributeFloat("max", high)}
		x.name = g.node("Clip", []string{x.name}, a[g.IntN(2):]...)
		return x, true
	}
	in := []string{x.name, "", ""}
	for i, v := range []float32{float32(low), float32(high)} {
		if g.IntN(3) > 0 {
			in[1+i] = g.name()
			g.constant(tensorProto{Name: in[1+i], Type: typeFloat, Floats: []float32{v}})
		}
	}
	x.name = g.node("Clip", in)
	return x, true
}

// binary is a value of two, broadcast.
func (g *randomGraph) binary(kind string, x, y randomValue, a ...attributeProto) (randomValue, bool) {
	to, ok := broadcastShapes(x.shape, y.shape)
	if !ok {
		return x, false
	}
	if g.IntN(2) == 0 && kind != "PRelu" && kind != "Pow" && kind != "Mod" {
		x, y = y, x
	}
	at := x.at
	if at >= 0 {
		at += len(to) - len(x.shape)
	} else if y.at >= 0 {
		at = y.at + len(to) - len(y.shape)
	}
	z := x.withShape(g.node(kind, []string{x.name, y.name}, a...), to, at)
	z.exact = x.exact && y.exact
	return z, true
}

func randomArithmetic(g *randomGraph, x randomValue) (randomValue, bool) {
	kind := g.pick("Add", "Sub", "Mul", "Max", "Min")
	if x.elem == typeBool || kind[0] == 'M' && kind != "Mul" && (g.opset < 12 && x.elem != typeFloat || g.opset < 8) {
		return x, false
	}
	y := g.other(x, integral(x.elem))
	z, ok := g.binary(kind, x, y)
	switch kind {
	case "Add", "Sub":
		z.grid, z.bound = max(x.grid, y.grid), x.bound+y.bound
	case "Mul":
		z.grid, z.bound = x.grid+y.grid, x.bound*y.bound
	default:
		z.grid, z.bound = max(x.grid, y.grid), max(x.bound, y.bound)
	}
	if !z.small() {
		if integral(z.elem) {
			return x, false
		}
		z.exact = false
		if z.bound > 1e6 {
			return x, false
		}
	}
	return z, ok
}

func randomSum(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.opset < 8 {
		return x, false
	}
	kind := g.pick("Sum", "Mean", "Max", "Min")
	y := g.other(x, false)
	to, ok := broadcastShapes(x.shape, y.shape)
	z := g.other(x.withShape("", to, -1), false)
	if !ok || x.elem != typeFloat || y.elem != x.elem || z.elem != x.elem {
		return x, false
	}
	if to, ok = broadcastShapes(to, z.shape); !ok {
		return x, false
	}
	return x.withShape(g.node(kind, []string{x.name, y.name, z.name}), to, x.at+len(to)-len(x.shape)).inexact(g.nodes[len(g.nodes)-1].Outputs[0]), true
}

// nonzero is a value at a distance from 0.
func (g *randomGraph) nonzero(y randomValue) randomValue {
	half := g.weights(typeFloat, true)
	g.replace(half.name, tensorProto{Type: typeFloat, Floats: []float32{0.75}})
	return y.inexact(g.node("Add", []string{g.node("Abs", []string{y.name}), half.name}))
}

func randomDivision(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeFloat {
		return x, false
	}
	y := g.other(x, false)
	if !x.exact || !y.exact || g.IntN(2) == 0 { // else by 0 too
		y = g.nonzero(y)
	} else if slices.ContainsFunc(g.values, func(v randomValue) bool { return v.name == y.name }) {
		y = g.nonzero(y)
	} else {
		x.bound = math.Inf(1)
	}
	if math.IsInf(x.bound, 1) {
		y = g.nonzero(y)
		x.bound = 4
	}
	z, ok := g.binary("Div", g.nonzero(x), y)
	z.exact, z.bound = false, 100
	return z, ok
}

func randomPower(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeFloat {
		return x, false
	}
	if g.IntN(2) == 0 {
		y := g.weights([]int64{typeFloat, typeInt64, typeInt32}[g.IntN(1+2*int(truth(g.opset >= 12)))], true)
		g.replace(y.name, tensorProto{Type: y.elem, Dims: nil, Raw: rawOf(y.elem, []float64{float64(g.IntN(4))})})
		x = g.tame(x, -3, 3)
		return x.inexact(g.node("Pow", []string{x.name, y.name})), true
	}
	y := g.other(x, false)
	y = g.tame(y, -2, 2)
	z, ok := g.binary("Pow", g.nonzero(g.tame(x, -3, 3)), y)
	z.exact, z.bound = false, 30
	return z, ok
}

func randomPRelu(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeFloat {
		return x, false
	}
	shape := slices.Clone(x.shape)
	for i := range shape {
		if g.IntN(2) == 0 || i == x.at {
			shape[i] = 1
		}
	}
	z, ok := g.binary("PRelu", x, g.weights(typeFloat, false, shape[g.IntN(len(shape)+1):]...))
	z.exact = false
	return z, ok
}

func randomFloatMod(g *randomGraph, x randomValue) (randomValue, bool) {
	if !x.exact || g.opset < 10 || x.elem != typeFloat {
		return x, false
	}
	y := g.weights(typeFloat, true)
	g.replace(y.name, tensorProto{Type: typeFloat, Floats: []float32{float32(1+g.IntN(5)) * []float32{0.5, -0.5, 1}[g.IntN(3)]}})
	z, ok := g.binary("Mod", x, y, attributeInt("fmod", 1))
	z.grid = max(z.grid, 1)
	return z, ok
}

func randomCast(g *randomGraph, x randomValue) (randomValue, bool) {
	to := []int64{typeFloat, typeFloat, typeInt32, typeInt64, typeBool, typeDouble, typeInt8, typeUint8, typeInt16, typeHalf}[g.IntN(10)]
	switch {
	case to == x.elem, !x.exact && integral(to), x.bound > 100 && integral(to) && kinds[to].size == 1 && to != typeBool && !integral(x.elem), to == typeUint8 && !integral(x.elem):
		return x, false
	}
	if x.exact && kinds[to].size == 1 && integral(x.elem) {
		y := g.casted(x, to) // it wraps
		y.bound = min(y.bound, 256)
		return y, true
	}
	if to == typeHalf { // and back, as few operators have it
		y := g.casted(x, to)
		y.exact = y.exact && x.bound*math.Ldexp(1, x.grid) < 1<<11
		return g.casted(y, typeFloat), true
	}
	return g.casted(x, to), true
}

func randomCompare(g *randomGraph, x randomValue) (randomValue, bool) {
	kinds := slices.Concat([]string{"Less", "Greater"}, g.since(11, "Equal"), g.since(12, "LessOrEqual", "GreaterOrEqual"))
	if !x.exact || x.elem == typeBool || g.opset < 9 && x.elem != typeFloat {
		return x, false
	}
	z, ok := g.binary(kinds[g.IntN(len(kinds))], x, g.other(x, true))
	z.elem, z.grid, z.bound = typeBool, 0, 1
	return z, ok && z.exact
}

func randomLogic(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeBool {
		return x, false
	}
	if g.IntN(3) == 0 {
		x.name = g.node("Not", []string{x.name})
		return x, true
	}
	return g.binary(g.pick("And", "Or", "Xor"), x, g.other(x, true))
}

func randomWholeDivision(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeInt32 && x.elem != typeInt64 {
		return x, false
	}
	kind := g.pick("Div", "Mod")
	if kind == "Mod" && g.opset < 10 {
		return x, false
	}
	y := g.weights(x.elem, true)
	g.replace(y.name, tensorProto{Type: x.elem, Raw: rawOf(x.elem, []float64{float64(g.IntN(9)*2 - 9)})})
	var a []attributeProto
	if kind == "Mod" {
		a = append(a, attributeInt("fmod", g.IntN(2)))
	}
	z := x
	z.name = g.node(kind, []string{x.name, y.name}, a...)
	return z, true
}

func randomWholeUnary(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem == typeBool || x.elem == typeUint8 {
		return x, false
	}
	x.name = g.node(g.pick("Abs", "Neg", "Sign"), []string{x.name})
	return x, g.opset >= 13
}

func randomWhere(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.opset < 9 || x.elem == typeHalf {
		return x, false
	}
	y := g.other(x, integral(x.elem))
	condition := g.other(x.withShape("", x.shape, x.at).as(typeBool), true)
	to, ok := broadcastShapes(x.shape, y.shape)
	if !ok {
		return x, false
	}
	if to, ok = broadcastShapes(to, condition.shape); !ok {
		return x, false
	}
	z := x.withShape(g.node("Where", []string{condition.name, x.name, y.name}), to, x.at+len(to)-len(x.shape))
	z.exact, z.grid, z.bound = x.exact && y.exact, max(x.grid, y.grid), max(x.bound, y.bound)
	return z, true
}

func (x randomValue) as(elem int64) randomValue {
	x.elem = elem
	return x
}
