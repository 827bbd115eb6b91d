package torture

import (
	"math"
	"slices"
	"strings"
)

// onnxMaker adds a node to a value, or more of them; the last one is the one that is
// tested. It reports whether there is one, and whether it rounds.
type onnxMaker func(g *onnxGraph, v onnxValue) (ok, rounds bool)

// onnxMakers are the operators. Those that are here more often come more often.
var onnxMakers []onnxMaker

func init() {
	onnxMakers = []onnxMaker{
		makeUnary, makeUnary, makeJump, makeClip, makeBinary, makeBinary, makeBinary, makeDivision, makePower, makeMod, makeCompare, makeLogic, makeWhere,
		makeVariadic, makeShape, makeShape, makeReshape, makeReshape, makeFlatten, makeSqueeze, makeUnsqueeze, makeTranspose, makeTranspose,
		makeSlice, makeSlice, makeSlice, makeGather, makeGather, makeGatherElements, makeGatherND, makeScatterND, makeConcat, makeConcat, makeSplit, makeTile, makeExpand, makeRange,
		makeConstantOfShape, makeCast, makeCast, makeReduce, makeReduce, makeReduce, makeArg, makeSoftmax, makeNorm, makeNorm, makeLRN,
		makePad, makePad, makePad, makeConv, makeConv, makeConv, makeConvTranspose, makeConvTranspose, makePool, makePool, makePool, makeGlobalPool,
		makeMatMul, makeMatMul, makeGemm, makeResize, makeResize, makeResize, makeSpace, makeTrilu, makeCumSum, makeTopK, makeOneHot, makePRelu,
		makeIdentity, makeEinsum, makeNonZero, makeSize, makeUpsample,
	}
}

// tame reports whether a value's numbers are in a range where functions are smooth.
func (v onnxValue) tame(most float64) bool {
	_, high, special := v.limits()
	return v.elem == float32Type && high <= most && !special && v.deep < 6
}

func makeUnary(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	low, high, special := v.limits()
	kind := g.pick("Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Atan", "Asinh", "Softplus", "Softsign", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Celu",
		"HardSwish", "Mish", "Gelu", "Exp", "Log", "Sqrt", "Reciprocal", "Sinh", "Cosh", "Tan", "Acos", "Asin", "Acosh", "Atanh", "ThresholdedRelu")
	var a []onnxAttribute
	switch kind {
	case "Exp", "Sinh", "Cosh":
		if high > 30 {
			return false, false
		}
	case "Sin", "Cos":
		if high > 8 && !v.exact {
			return false, false
		}
	case "Log", "Sqrt", "Reciprocal":
		if low < 0.05 && !v.exact {
			return false, false
		}
	case "Tan", "Acos", "Asin", "Acosh", "Atanh", "ThresholdedRelu":
		if !v.exact { // near an end they are steep
			return false, false
		}
	case "HardSigmoid":
		if g.yes(2) {
			a = append(a, onnxAttribute{"alpha", g.extreme()}, onnxAttribute{"beta", g.extreme()})
		}
	case "Gelu":
		a = append(a, onnxAttribute{"approximate", g.pick("none", "tanh")})
	}
	if slices.Contains([]string{"LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "Selu"}, kind) && g.yes(2) {
		a = append(a, onnxAttribute{"alpha", g.extreme()})
		if kind == "Selu" {
			a = append(a, onnxAttribute{"gamma", g.extreme()})
		}
	}
	if !v.tame(100) && !(special && v.exact && v.elem == float32Type && kind != "HardSwish") { // which goes to 0 with us
		return false, false
	}
	g.node(kind, []string{v.name}, a...)
	return true, true
}

// extreme is a factor, now and then an unusual one.
func (g *onnxGraph) extreme() float64 {
	return []float64{0.5, 0.1, 1, 2, 0, -0.5, -1, 10}[g.IntN(8)]
}

func makeJump(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	kind := g.pick("Abs", "Neg", "Relu", "Floor", "Ceil", "Round", "Sign", "IsNaN", "IsInf", "Shrink", "Not")
	var a []onnxAttribute
	switch kind {
	case "Abs", "Neg", "Relu":
	default:
		if !v.exact {
			return false, false
		}
	}
	if kind == "IsInf" && g.yes(2) {
		a = append(a, onnxAttribute{"detect_negative", g.IntN(2)}, onnxAttribute{"detect_positive", g.IntN(2)})
	}
	if kind == "Shrink" && g.yes(2) {
		a = append(a, onnxAttribute{"lambd", 0.5 * float64(g.IntN(4))}, onnxAttribute{"bias", 0.5 * float64(g.IntN(4)-1)})
	}
	if (kind == "Not") != (v.elem == boolType) {
		return false, false
	}
	g.node(kind, []string{v.name}, a...)
	return true, false
}

func makeClip(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	low, high := float64(g.IntN(5)-3), float64(g.IntN(5)-1) // low may be above high
	if g.opset < 11 {
		var a []onnxAttribute
		if g.yes(2) {
			a = append(a, onnxAttribute{"min", low})
		}
		if g.yes(2) {
			a = append(a, onnxAttribute{"max", high})
		}
		g.node("Clip", []string{v.name}, a...)
		return v.elem == float32Type, false
	}
	in := []string{v.name, "", ""}
	if g.yes(2) {
		in[1] = g.scalar(v.elem, max(low, -3*float64(min(1, v.elem-uint8Type))))
	}
	if g.yes(2) {
		in[2] = g.scalar(v.elem, max(high, 0))
	}
	g.node("Clip", in)
	return v.elem != boolType, false
}

func makeBinary(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	kind := g.pick("Add", "Sub", "Mul", "Add", "Sub", "Mul", "Max", "Min")
	o, rounded := g.other(v, !v.elem.float())
	in := []string{v.name, o}
	if g.yes(2) {
		in = []string{o, v.name}
	}
	g.node(kind, in)
	_, high, _ := v.limits()
	return high < 1e6 && v.elem != boolType && (kind[0] != 'M' || kind == "Mul" || !v.special()), rounded
}

func makeDivision(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.elem.float() { // not by 0
		by := float64(1+g.IntN(5)) * float64(1-2*g.IntN(2)*int(min(1, v.elem-uint8Type)))
		g.node("Div", []string{v.name, g.scalar(v.elem, by)})
		return v.elem == int64Type || v.elem == int32Type, false
	}
	o, rounded := g.other(v, true)
	if !v.exact || rounded {
		o = g.scalar(v.elem, []float64{3, 0.5, -7, 1e-3, 1e3}[g.IntN(5)])
	}
	g.node("Div", []string{v.name, o})
	return v.tame(1e5), true
}

func makePower(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	low, _, _ := v.limits()
	p := []float64{0, 1, 2, 3, -1, 0.5, -2, 2.5}[g.IntN(8)]
	if !v.exact && (p < 1 && p != 0) && low < 0.05 {
		return false, false
	}
	elem := float32Type
	if g.opset >= 12 && p == math.Trunc(p) {
		elem = []onnxType{float32Type, int64Type, int32Type}[g.IntN(3)]
	}
	g.node("Pow", []string{v.name, g.scalar(elem, p)})
	return v.tame(50), true
}

func makeMod(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.exact || g.opset < 10 || v.elem == boolType || v.elem == float64Type {
		return false, false
	}
	by := float64(1+g.IntN(6)) * float64(1-2*g.IntN(2)*int(min(1, v.elem-uint8Type)))
	var a []onnxAttribute
	if v.elem == float32Type || g.yes(3) {
		a = append(a, onnxAttribute{"fmod", 1})
	}
	g.node("Mod", []string{v.name, g.scalar(v.elem, by)}, a...)
	return true, false
}

func makeCompare(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	o, _ := g.other(v, true)
	g.node(g.pick("Less", "Greater", "Equal", "LessOrEqual", "GreaterOrEqual"), []string{v.name, o})
	return v.exact, false
}

func makeLogic(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	o, _ := g.other(v, true)
	g.node(g.pick("And", "Or", "Xor"), []string{o, v.name})
	return v.elem == boolType, false
}

func makeWhere(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	condition := ""
	for _, o := range g.values {
		if o.elem == boolType && broadcasts(v.shapes, o.shapes) {
			condition = o.name
		}
	}
	if condition == "" {
		shape := slices.Clone(v.shape())
		for i := range shape {
			if g.yes(2) || v.shapes[1][i] != shape[i] {
				shape[i] = 1
			}
		}
		condition = g.weights(boolType, true, shape...)
	}
	o, rounded := g.other(v, false)
	in := []string{condition, v.name, o}
	if g.yes(2) {
		in = []string{condition, o, v.name}
	}
	g.node("Where", in)
	return g.opset >= 9, rounded
}

func makeVariadic(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	kind := g.pick("Sum", "Mean", "Max", "Min")
	in := []string{v.name}
	for range g.IntN(3) {
		o, _ := g.other(v, false)
		in = append(in, o)
	}
	g.node(kind, in)
	return v.tame(1e5), true
}

func makeShape(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	var a []onnxAttribute
	if g.opset >= 15 && g.yes(2) {
		a = append(a, onnxAttribute{"start", g.IntN(9) - 4})
		if g.yes(2) {
			a = append(a, onnxAttribute{"end", g.IntN(9) - 4})
		}
	}
	g.node("Shape", []string{v.name}, a...)
	return true, false
}

func makeSize(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	g.node("Size", []string{v.name})
	return true, false
}

// factors splits a number of elements into dimensions.
func (g *onnxGraph) factors(n int) (dims []int) {
	for d := 2; n > 1 && len(dims) < 4; d++ {
		for n%d == 0 && g.yes(2) {
			dims, n = append(dims, d), n/d
		}
		if d > n {
			break
		}
	}
	dims = append(dims, n)
	g.Shuffle(len(dims), func(i, j int) { dims[i], dims[j] = dims[j], dims[i] })
	return dims
}

func makeReshape(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || volume(v.shape()) == 0 || len(v.shapes[1]) != v.dims() {
		return false, false
	}
	keep := g.IntN(v.dims() + 1) // dimensions that stay in front
	rest := g.factors(volume(v.shape()[keep:]))
	if len(v.shapes[1]) != v.dims() || volume(v.shapes[1][keep:]) != volume(v.shape()[keep:]) {
		keep = 1
		rest = g.factors(volume(v.shape()[1:]))
	}
	unknown := g.IntN(2*(keep+len(rest))) - keep - len(rest)
	want := v.each(func(s []int) []int {
		to := slices.Concat(s[:min(keep, len(s))], rest)
		if unknown >= 0 && unknown < len(to) {
			to[unknown] = -1
		}
		return to
	})
	if g.yes(3) && unknown < 0 { // 0 is the dimension of the input
		i := g.IntN(keep + 1)
		for b := range want {
			if i < keep {
				want[b][i] = 0
			}
		}
	}
	var a []onnxAttribute
	if g.opset >= 14 && g.yes(5) {
		a = append(a, onnxAttribute{"allowzero", g.IntN(2)})
	}
	g.node("Reshape", []string{v.name, g.ints(want...)}, a...)
	return true, false
}

func makeFlatten(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	axis := g.IntN(v.dims() + 1)
	if g.opset >= 11 && g.yes(3) {
		axis -= v.dims()
	}
	if g.yes(4) {
		g.node("Flatten", []string{v.name})
	} else {
		g.node("Flatten", []string{v.name}, onnxAttribute{"axis", axis})
	}
	return true, false
}

func makeSqueeze(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	var axes []int
	for i, d := range v.shape() {
		if d == 1 && g.yes(2) && v.shapes[1][min(i, len(v.shapes[1])-1)] == 1 {
			if g.opset >= 11 && g.yes(2) {
				i -= v.dims()
			}
			axes = append(axes, i)
		}
	}
	if axes == nil {
		g.node("Squeeze", []string{v.name})
		return g.yes(3), false
	}
	g.withAxes("Squeeze", v.name, 13, axes)
	return true, false
}

func makeUnsqueeze(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	n := 1 + g.IntN(2)
	axes := g.Perm(v.dims() + n)[:n]
	if g.opset < 13 {
		slices.Sort(axes)
	}
	if g.opset >= 11 && g.yes(3) {
		for i := range axes {
			axes[i] -= v.dims() + n
		}
	}
	g.withAxes("Unsqueeze", v.name, 13, axes)
	return v.dims()+n < 6, false
}

func makeTranspose(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	var a []onnxAttribute
	if !g.yes(4) {
		perm := g.Perm(v.dims())
		if g.yes(2) && v.dims() > 2 { // samples stay in front
			perm = append([]int{0}, g.Perm(v.dims()-1)...)
			for i := range perm[1:] {
				perm[1+i]++
			}
		}
		a = append(a, onnxAttribute{"perm", perm})
	}
	g.node("Transpose", []string{v.name}, a...)
	return v.dims() > 0, false
}

func makeSlice(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 {
		return false, false
	}
	axes := g.Perm(v.dims())[:1+g.IntN(v.dims())]
	var starts, ends, steps []int
	for i, a := range axes {
		d := v.shape()[a]
		step := []int{1, 1, 1, 2, 3, -1, -2, 100, -100}[g.IntN(9)]
		if g.opset < 10 {
			step = 1
		}
		start, end := g.IntN(d+1), g.IntN(d+1)
		if start > end && step > 0 || start < end && step < 0 {
			start, end = end, start
		}
		if start == end && !g.yes(10) { // something, mostly
			start, end = 0, d
			if step < 0 {
				start, end = d, 0
			}
		}
		if step < 0 {
			start--
			end-- // before the first: as a number that is out of bounds
			if end < 0 {
				end = []int{-d - 1, math.MinInt64, -1000}[g.IntN(3)]
			}
		}
		if g.yes(3) && start > 0 && start < d {
			start -= d
		}
		if g.yes(3) && end > 0 && end < d {
			end -= d
		}
		if step > 0 && g.yes(3) {
			end = []int{math.MaxInt64, math.MaxInt32, d + 3}[g.IntN(3)]
		}
		if step > 0 && g.yes(4) {
			start = []int{-d - 5, math.MinInt64 + 1, 0}[g.IntN(3)]
		}
		if step < 0 && g.yes(3) {
			start = []int{math.MaxInt64, d + 7, -1}[g.IntN(3)]
		}
		starts, ends, steps = append(starts, start), append(ends, end), append(steps, step)
		if g.yes(3) && g.opset >= 10 {
			axes[i] -= v.dims()
		}
	}
	if g.opset < 10 {
		g.sliced(v.name, starts, ends, axes, nil)
		return true, false
	}
	in := []string{v.name, g.ints(starts), g.ints(ends), g.ints(axes), ""}
	if slices.ContainsFunc(steps, func(s int) bool { return s != 1 }) || g.yes(2) {
		in[4] = g.ints(steps)
	}
	g.node("Slice", in)
	return true, false
}

func makeGather(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 {
		return false, false
	}
	axis := g.axis(v)
	d := v.shape()[(axis+v.dims())%v.dims()]
	if d == 0 {
		return false, false
	}
	index := []float64{}
	dims := [][]int{nil, {1}, {1 + g.IntN(4)}, {2, 1 + g.IntN(2)}}[g.IntN(4)]
	for range volume(dims) {
		i := g.IntN(d)
		if g.opset >= 11 && g.yes(2) {
			i -= d
		}
		index = append(index, float64(i))
	}
	name := g.constant([]onnxType{int64Type, int32Type}[g.IntN(2)], dims, index...)
	if len(dims) == 1 && g.yes(2) {
		list := []int{}
		for _, i := range index {
			list = append(list, int(i))
		}
		name = g.ints(list)
	}
	g.node("Gather", []string{v.name, name}, onnxAttribute{"axis", axis})
	return v.dims()+len(dims) < 7, false
}

func makeGatherElements(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || v.dims() > 4 || volume(v.shape()) == 0 {
		return false, false
	}
	axis := g.axis(v)
	at := (axis + v.dims()) % v.dims()
	d := v.shape()[at]
	dims := slices.Clone(v.shape())
	dims[at] = 1 + g.IntN(4)
	index := make([]float64, volume(dims))
	for i := range index {
		index[i] = float64(g.IntN(d) - d*g.IntN(2))
	}
	g.node("GatherElements", []string{v.name, g.constant(int64Type, dims, index...)}, onnxAttribute{"axis", axis})
	return g.yes(8) && len(index) < 2000, false
}

func makeGatherND(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || volume(v.shape()) == 0 {
		return false, false
	}
	n, k := 1+g.IntN(3), 1+g.IntN(v.dims())
	var index []float64
	for range n {
		for i := range k {
			index = append(index, float64(g.IntN(v.shape()[i])))
		}
	}
	g.node("GatherND", []string{v.name, g.constant(int64Type, []int{n, k}, index...)})
	return g.yes(8), false // few files have it
}

func makeScatterND(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || volume(v.shape()) == 0 || v.shapes[0][0] != v.shapes[1][0] && g.yes(2) {
		return false, false
	}
	k := 1 + g.IntN(v.dims())
	var index []float64
	for i := range k {
		index = append(index, float64(g.IntN(v.shape()[i])))
	}
	dims := slices.Concat([]int{1}, v.shape()[k:])
	g.node("ScatterND", []string{v.name, g.constant(int64Type, []int{1, k}, index...), g.weights(v.elem, true, dims...)})
	return g.yes(8) && volume(dims) < 2000, false
}

func makeConcat(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 {
		return false, false
	}
	axis := g.axis(v)
	at := (axis + v.dims()) % v.dims()
	in, exact := []string{v.name}, true
	for range 1 + g.IntN(2) {
		for _, i := range g.Perm(len(g.values)) {
			o := g.values[i]
			fits := o.elem == v.elem && o.dims() == v.dims() && len(o.shapes[1]) == v.dims() && len(v.shapes[1]) == v.dims()
			for b := range v.shapes {
				for k := range v.dims() {
					fits = fits && (k == at || o.shapes[b][k] == v.shapes[b][k])
				}
			}
			if fits {
				in, exact = append(in, o.name), exact && o.exact
				break
			}
		}
	}
	if v.shaped && g.yes(2) {
		in = append(in, g.list([]int{g.IntN(5), 1}))
	}
	g.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	g.node("Concat", in, onnxAttribute{"axis", axis})
	return true, !exact
}

func makeSplit(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 {
		return false, false
	}
	axis := g.axis(v)
	d := v.shape()[(axis+v.dims())%v.dims()]
	n := 1 + g.IntN(3)
	if n > d {
		return false, false
	}
	sizes := slices.Repeat([]int{1}, n)
	for range d - n {
		sizes[g.IntN(n)]++
	}
	a := []onnxAttribute{{"axis", axis}}
	in := []string{v.name}
	switch {
	case g.yes(3) && (d%n == 0 || g.opset >= 18):
		if g.opset >= 18 {
			a = append(a, onnxAttribute{"num_outputs", n})
		}
	case g.opset < 13:
		a = append(a, onnxAttribute{"split", sizes})
	default:
		in = append(in, g.ints(sizes))
	}
	g.nodeOf(n, "Split", in, a...)
	return true, false
}

func makeTile(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	repeats := make([]int, v.dims())
	for i := range repeats {
		repeats[i] = 1 + g.IntN(2)*g.IntN(3)
	}
	g.node("Tile", []string{v.name, g.ints(repeats)})
	return v.dims() > 0, false
}

func makeExpand(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	more := make([]int, g.IntN(2))
	for i := range more {
		more[i] = 1 + g.IntN(3)
	}
	grow := 1 + g.IntN(3)
	want := v.each(func(s []int) []int {
		to := slices.Concat(more, s)
		for i := range to {
			if to[i] == 1 {
				to[i] = grow
			}
		}
		return to
	})
	if g.yes(2) && len(more) == 0 && v.dims() > 0 { // 1 keeps a dimension
		at := g.IntN(v.dims())
		for b := range want {
			for i := range want[b] {
				if i <= at {
					want[b][i] = 1
				}
			}
		}
	}
	g.node("Expand", []string{v.name, g.ints(want...)})
	return len(want[0]) < 6, false
}

func makeRange(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	start, step, n := g.IntN(9)-4, []int{1, 2, 3, -1, -2}[g.IntN(5)], 1+g.IntN(5)
	parts := []string{}
	for _, x := range []int{start, start + n*step, step} {
		parts = append(parts, g.withAxes("Squeeze", g.ints([]int{x}), 13, []int{0}))
	}
	g.node("Range", parts)
	return g.opset >= 11, false
}

func makeConstantOfShape(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if volume(v.shape()) > 500 {
		return false, false
	}
	elem := []onnxType{float32Type, int64Type, int32Type, boolType}[g.IntN(4)]
	var a []onnxAttribute
	if g.yes(2) {
		a = append(a, onnxAttribute{"value", onnxTensor{elem: elem, dims: []int{1}, numbers: []float64{float64(g.IntN(2))}}})
	}
	g.node("ConstantOfShape", []string{g.ints(v.shapes...)}, a...)
	return g.opset >= 9, false
}

func makeCast(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	to := []onnxType{float32Type, float32Type, int64Type, int32Type, boolType, float64Type, uint8Type, int8Type}[g.IntN(8)]
	_, high, special := v.limits()
	if special && to == float64Type { // whose numbers go further
		return false, false
	}
	if !to.float() && (!v.exact || special) || !to.float() && v.elem.float() && (high > 100 || to == uint8Type) {
		return false, false
	}
	g.node("Cast", []string{v.name}, onnxAttribute{"to", int(to)})
	return to != v.elem || g.yes(4), false
}

func makeReduce(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	kind := g.pick("ReduceSum", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceLogSum")
	low, high, special := v.limits()
	switch kind {
	case "ReduceLogSum":
		if low < 0.1 || !v.elem.float() {
			return false, false
		}
	case "ReduceLogSumExp":
		if high > 100 || !v.elem.float() { // of integers ONNX Runtime cuts the logarithm before it adds
			return false, false
		}
	case "ReduceProd":
		if high > 8 || volume(v.shape()) > 40 {
			return false, false
		}
	case "ReduceSumSquare", "ReduceL2":
		if high > 100 || v.elem != float32Type && v.elem != int64Type && v.elem != int32Type {
			return false, false
		}
	}
	if special {
		return false, false
	}
	a := []onnxAttribute{{"keepdims", g.IntN(2)}}
	if g.yes(3) {
		a = nil
	}
	rounds = kind != "ReduceSum" && kind != "ReduceMax" && kind != "ReduceMin"
	if v.dims() == 0 || g.yes(6) {
		if g.opset >= 13 && g.yes(3) && (kind == "ReduceSum" || g.opset >= 18) {
			a = append(a, onnxAttribute{"noop_with_empty_axes", 1})
		}
		g.node(kind, []string{v.name}, a...)
		return true, rounds
	}
	axes := g.Perm(v.dims())[:1+g.IntN(v.dims())]
	if g.yes(2) && v.dims() > 1 { // not the samples
		axes = slices.DeleteFunc(axes, func(a int) bool { return a == 0 })
		if len(axes) == 0 {
			axes = []int{1}
		}
	}
	if g.opset >= 11 {
		for i := range axes {
			axes[i] -= v.dims() * g.IntN(2)
		}
	}
	since := 18
	if kind == "ReduceSum" {
		since = 13
	}
	g.withAxes(kind, v.name, since, axes, a...)
	return v.elem != boolType, rounds
}

func makeArg(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.exact || v.dims() == 0 || v.special() {
		return false, false
	}
	a := []onnxAttribute{{"axis", g.axis(v)}, {"keepdims", g.IntN(2)}}
	if g.yes(4) {
		a = a[:1]
	}
	if g.opset >= 12 && g.yes(2) {
		a = append(a, onnxAttribute{"select_last_index", g.IntN(2)})
	}
	g.node(g.pick("ArgMax", "ArgMin"), []string{v.name}, a...)
	return true, false
}

func makeSoftmax(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	var a []onnxAttribute
	if !g.yes(4) {
		a = append(a, onnxAttribute{"axis", g.axis(v)})
	}
	kind := g.pick("Softmax", "Softmax", "LogSoftmax", "Hardmax")
	g.node(kind, []string{v.name}, a...)
	return v.tame(1e3) && v.dims() > 0 && (kind != "Hardmax" || v.exact), kind != "Hardmax"
}

func makeNorm(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() < 2 || !v.tame(100) {
		return false, false
	}
	c := v.shape()[1]
	epsilon := onnxAttribute{"epsilon", []float64{0.1, 0.5, 2}[g.IntN(3)]}
	switch g.IntN(5) {
	case 0, 1:
		variance := make([]float64, c)
		for i := range variance {
			variance[i] = float64(float32(0.5 + g.Float64()))
		}
		in := []string{v.name, g.weights(float32Type, false, c), g.weights(float32Type, false, c), g.weights(float32Type, false, c), g.constant(float32Type, []int{c}, variance...)}
		a := []onnxAttribute{epsilon}
		if g.yes(2) {
			a = nil
		}
		if g.opset < 9 && g.yes(2) {
			a = append(a, onnxAttribute{"spatial", 1})
		}
		if g.yes(3) {
			a = append(a, onnxAttribute{"momentum", g.Float64()})
		}
		g.node("BatchNormalization", in, a...)
	case 2:
		g.node("InstanceNormalization", []string{v.name, g.weights(float32Type, false, c), g.weights(float32Type, false, c)}, epsilon)
	case 3:
		axis := g.axis(v)
		dims := v.shape()[(axis+v.dims())%v.dims():]
		in := []string{v.name, g.weights(float32Type, false, dims...), ""}
		if g.yes(2) {
			in[2] = g.weights(float32Type, false, dims...)
		}
		g.node("LayerNormalization", in, onnxAttribute{"axis", axis}, epsilon)
		return g.opset >= 17 || g.yes(10), true
	case 4:
		if g.yes(2) {
			groups := 1 + g.IntN(c)
			n := groups
			if g.opset >= 21 {
				n = c
			}
			g.node("GroupNormalization", []string{v.name, g.weights(float32Type, false, n), g.weights(float32Type, false, n)}, epsilon, onnxAttribute{"num_groups", groups})
			return g.opset >= 18 && c%groups == 0, true
		}
		g.node("LpNormalization", []string{v.name}, onnxAttribute{"axis", g.axis(v)}, onnxAttribute{"p", 1 + g.IntN(2)})
		low, _, _ := v.limits()
		return low > 0.1, true
	}
	return true, true
}

func makeLRN(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	a := []onnxAttribute{{"size", 1 + 2*g.IntN(5)}}
	if g.yes(2) {
		a = append(a, onnxAttribute{"alpha", []float64{1e-4, 0.5, 3}[g.IntN(3)]}, onnxAttribute{"beta", []float64{0.75, 0.5, 1, 2}[g.IntN(4)]}, onnxAttribute{"bias", []float64{1, 0.5, 2}[g.IntN(3)]})
	}
	g.node("LRN", []string{v.name}, a...)
	return v.tame(8) && v.dims() > 2, true // ONNX Runtime's running sum of squares loses digits of larger ones
}

func makePad(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || v.elem == boolType && g.yes(2) || len(v.shapes[1]) != v.dims() {
		return false, false
	}
	mode := g.pick("constant", "constant", "constant", "edge", "reflect", "wrap")
	if mode == "wrap" && g.opset < 19 {
		mode = "reflect"
	}
	pads := make([]int, 2*v.dims())
	for i := range pads {
		d := min(v.shape()[i%v.dims()], v.shapes[1][i%v.dims()])
		most := 4
		if mode == "reflect" || mode == "wrap" {
			most = max(d, 1) // up to d-1
		}
		pads[i] = g.IntN(most) * g.IntN(2)
		if g.yes(5) && d > 2 { // cuts off
			pads[i] = -1
		}
		if i%v.dims() == 0 && !g.yes(5) { // samples stay
			pads[i] = 0
		}
	}
	a := []onnxAttribute{{"mode", mode}}
	value := []float64{0, 1, -2.5, 7}[g.IntN(4)]
	if g.opset < 11 {
		a = append(a, onnxAttribute{"pads", pads})
		if g.yes(2) {
			a = append(a, onnxAttribute{"value", value})
		}
		g.node("Pad", []string{v.name}, a...)
		return v.elem == float32Type, false
	}
	in := []string{v.name, "", "", ""}
	if g.opset >= 18 && g.yes(2) {
		axes := g.Perm(v.dims())[:1+g.IntN(v.dims())]
		part := make([]int, 2*len(axes))
		for i, a := range axes {
			part[i], part[len(axes)+i] = pads[a], pads[v.dims()+a]
			axes[i] -= v.dims() * g.IntN(2)
		}
		pads = part
		in[3] = g.ints(axes)
	}
	in[1] = g.ints(pads)
	if g.yes(2) {
		in[2] = g.scalar(v.elem, max(math.Trunc(value), 0))
		if v.elem.float() {
			in[2] = g.scalar(v.elem, value)
		}
	}
	g.node("Pad", in, a...)
	return true, false
}

// window are the attributes of what slides over an image, mostly ones that fit.
func (g *onnxGraph) window(v onnxValue, pool, dilates bool) (kernel []int, a []onnxAttribute) {
	n := v.dims() - 2
	stride, dilation, pads := make([]int, n), make([]int, n), make([]int, 2*n)
	auto := ""
	if g.yes(3) {
		auto = g.pick("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
	}
	for i, d := range v.shape()[2:] {
		k := 1 + g.IntN(4)
		if g.yes(5) {
			k = d // all of it
		}
		if g.yes(10) {
			k = d + 2
		}
		kernel = append(kernel, k)
		stride[i] = 1 + g.IntN(2)*g.IntN(4)
		if pool && strings.HasPrefix(auto, "SAME") { // else ONNX Runtime cuts off what no window reaches
			stride[i] = min(stride[i], k)
		}
		dilation[i] = 1
		if dilates && (!pool || auto == "" || auto == "NOTSET") { // ONNX Runtime pools as if there was none then
			dilation[i] += g.IntN(2) * g.IntN(3)
		}
		most := k
		if !pool && g.yes(3) {
			most = k + 3
		}
		pads[i], pads[n+i] = g.IntN(most), g.IntN(most)
		if g.yes(2) {
			pads[n+i] = pads[i]
		}
	}
	if g.yes(3) {
		clear(pads)
	}
	a = []onnxAttribute{{"kernel_shape", kernel}}
	if !g.yes(4) {
		a = append(a, onnxAttribute{"strides", stride})
	}
	if dilates && !g.yes(3) {
		a = append(a, onnxAttribute{"dilations", dilation})
	}
	if auto != "" {
		a = append(a, onnxAttribute{"auto_pad", auto})
	}
	if auto == "" && !g.yes(4) || auto == "NOTSET" {
		a = append(a, onnxAttribute{"pads", pads})
	}
	return kernel, a
}

func (v onnxValue) image() bool {
	return v.dims() > 2 && v.dims() < 6 && v.tame(1e4) && volume(v.shape()) > 0
}

func makeConv(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.image() {
		return false, false
	}
	kernel, a := g.window(v, false, true)
	c, groups, filters := v.shape()[1], 1, 1+g.IntN(6)
	if g.yes(3) {
		groups = []int{c, 2, 3}[g.IntN(3)]
		filters = groups * (1 + g.IntN(3))
		a = append(a, onnxAttribute{"group", groups})
	}
	if c%groups != 0 {
		return false, false
	}
	if g.yes(5) {
		a = a[1:] // the shape of the weights tells
	}
	in := []string{v.name, g.weights(float32Type, false, append([]int{filters, c / groups}, kernel...)...), ""}
	if g.yes(2) {
		in[2] = g.weights(float32Type, false, filters)
	}
	g.node("Conv", in, a...)
	return true, true
}

func makeConvTranspose(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.image() || v.dims() > 4 {
		return false, false
	}
	kernel, a := g.window(v, false, true)
	c, groups := v.shape()[1], 1
	if g.yes(3) {
		groups = []int{c, 2}[g.IntN(2)]
		a = append(a, onnxAttribute{"group", groups})
	}
	if c%groups != 0 {
		return false, false
	}
	if g.yes(3) {
		extra := make([]int, len(kernel))
		for i := range extra {
			extra[i] = g.IntN(3)
		}
		a = append(a, onnxAttribute{"output_padding", extra})
	}
	if g.yes(4) {
		to := make([]int, len(kernel))
		for i := range to {
			to[i] = v.shape()[2+i]*(1+g.IntN(2)) + g.IntN(3)
		}
		a = append(a, onnxAttribute{"output_shape", to})
	}
	for _, x := range a { // ONNX Runtime leaves out what no weight reaches
		if stride, ok := x.value.([]int); ok && x.name == "strides" && slices.ContainsFunc(a, func(x onnxAttribute) bool { return x.name == "auto_pad" }) {
			for i, k := range kernel {
				if k < stride[i] {
					return false, false
				}
			}
		}
	}
	per := 1 + g.IntN(3)
	in := []string{v.name, g.weights(float32Type, false, append([]int{c, per}, kernel...)...), ""}
	if g.yes(2) {
		in[2] = g.weights(float32Type, false, per*groups)
	}
	g.node("ConvTranspose", in, a...)
	return true, true
}

func makePool(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if !v.image() {
		return false, false
	}
	kind := g.pick("MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool")
	dilates := kind == "MaxPool" && g.opset >= 10 || kind == "AveragePool" && g.opset >= 19 || kind == "LpPool" && g.opset >= 18
	_, a := g.window(v, true, dilates)
	if g.yes(3) && (g.opset >= 10 && kind != "LpPool" || g.opset >= 18) {
		a = append(a, onnxAttribute{"ceil_mode", 1})
	}
	switch kind {
	case "AveragePool":
		if g.opset >= 7 && g.yes(2) {
			a = append(a, onnxAttribute{"count_include_pad", g.IntN(2)})
		}
	case "LpPool":
		a = append(a, onnxAttribute{"p", 1 + g.IntN(3)})
	}
	g.node(kind, []string{v.name}, a...)
	return true, kind != "MaxPool"
}

func makeGlobalPool(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	kind := g.pick("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
	var a []onnxAttribute
	if kind == "GlobalLpPool" && g.yes(2) {
		a = append(a, onnxAttribute{"p", 1 + g.IntN(3)})
	}
	g.node(kind, []string{v.name}, a...)
	return v.image(), kind != "GlobalMaxPool"
}

func makeMatMul(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || !v.tame(1e4) || volume(v.shape()) == 0 {
		return false, false
	}
	n := v.shape()[v.dims()-1]
	if g.yes(3) { // with another value, or itself turned
		for _, i := range g.Perm(len(g.values)) {
			o := g.values[i]
			if o.dims() > 1 && o.tame(1e3) && o.shape()[o.dims()-2] == n {
				g.node("MatMul", []string{v.name, o.name})
				return true, true
			}
		}
	}
	if g.yes(3) { // weights on the left
		dims := [][]int{{n}, {3, v.shape()[max(0, v.dims()-2)]}}[g.IntN(2)]
		if len(dims) == 1 {
			dims = []int{v.shape()[max(0, v.dims()-2)]}
		}
		g.node("MatMul", []string{g.weights(float32Type, false, dims...), v.name})
		return true, true
	}
	dims := [][]int{{n, 1 + g.IntN(5)}, {n}, {1, n, 2}, {2, 1, n, 3}}[g.IntN(4)]
	if v.dims() > 2 && g.yes(3) {
		dims = []int{v.shape()[v.dims()-3], n, 1 + g.IntN(4)}
	}
	g.node("MatMul", []string{v.name, g.weights(float32Type, false, dims...)})
	return true, true
}

func makeGemm(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() != 2 || !v.tame(1e4) {
		return false, false
	}
	ta, tb := g.IntN(2)*g.IntN(2), g.IntN(2)
	k, m, n := v.shape()[1-ta], v.shape()[ta], 1+g.IntN(5)
	dims := []int{k, n}
	if tb == 1 {
		dims = []int{n, k}
	}
	in := []string{v.name, g.weights(float32Type, false, dims...), ""}
	if g.opset < 11 || g.yes(2) {
		c := [][]int{{n}, {1, n}, {1}, {1, 1}, nil}[g.IntN(5)]
		if g.yes(4) {
			c = []int{m, 1}
		}
		in[2] = g.weights(float32Type, false, c...)
	}
	a := []onnxAttribute{{"transB", tb}}
	if ta == 1 || g.yes(2) {
		a = append(a, onnxAttribute{"transA", ta})
	}
	if g.yes(2) {
		a = append(a, onnxAttribute{"alpha", g.extreme()}, onnxAttribute{"beta", g.extreme()})
	}
	g.node("Gemm", in, a...)
	return volume(dims) > 0, true
}

func makeResize(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() < 3 || v.dims() > 4 || !v.tame(1e4) || g.opset < 10 || volume(v.shape()) == 0 || len(v.shapes[1]) != v.dims() {
		return false, false
	}
	mode := g.pick("nearest", "nearest", "linear", "linear", "cubic")
	scales := slices.Repeat([]float64{1}, v.dims())
	for i := 2; i < v.dims(); i++ {
		scales[i] = []float64{0.5, 2, 3, 1.5, 0.75, 1, 2.5, 0.25}[g.IntN(8)]
	}
	if g.opset == 10 {
		g.node("Resize", []string{v.name, g.constant(float32Type, []int{v.dims()}, scales...)}, onnxAttribute{"mode", mode})
		return mode != "cubic", mode != "nearest"
	}
	a := []onnxAttribute{{"mode", mode}}
	if !g.yes(4) {
		a = append(a, onnxAttribute{"coordinate_transformation_mode", g.pick("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric")})
	}
	if mode == "nearest" && !g.yes(4) {
		a = append(a, onnxAttribute{"nearest_mode", g.pick("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")})
	}
	if mode == "cubic" && g.yes(2) {
		a = append(a, onnxAttribute{"cubic_coeff_a", []float64{-0.5, -0.75, -1}[g.IntN(3)]}, onnxAttribute{"exclude_outside", g.IntN(2)})
	}
	if mode == "linear" && g.opset >= 18 && g.yes(3) {
		a = append(a, onnxAttribute{"antialias", 1})
	}
	in := []string{v.name, "", "", ""}
	if g.opset < 13 {
		in[1] = g.constant(float32Type, []int{0})
	}
	if g.yes(2) {
		in[2] = g.constant(float32Type, []int{v.dims()}, scales...)
	} else {
		if g.opset < 13 {
			in[2] = g.constant(float32Type, []int{0})
		}
		more := []int{g.IntN(4), g.IntN(5)}
		want := v.each(func(s []int) []int {
			to := slices.Clone(s)
			for i := 2; i < len(to); i++ {
				if mode == "nearest" { // a fraction as scale moves what is between two pixels to either
					to[i] *= more[i-2] + 1
					continue
				}
				to[i] = max(1, to[i]+(more[i-2]-1)*2)
			}
			return to
		})
		in[3] = g.ints(want...)
	}
	g.node("Resize", in, a...)
	return true, mode != "nearest"
}

func makeUpsample(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if g.opset > 9 || v.dims() != 4 || !v.tame(1e4) {
		return false, false
	}
	mode := g.pick("nearest", "linear")
	scales := []float64{1, 1, 1 + 0.5*float64(g.IntN(4)), float64(1 + g.IntN(3))}
	if g.opset < 9 {
		g.node("Upsample", []string{v.name}, onnxAttribute{"mode", mode}, onnxAttribute{"scales", scales})
	} else {
		g.node("Upsample", []string{v.name, g.constant(float32Type, []int{4}, scales...)}, onnxAttribute{"mode", mode})
	}
	return true, mode != "nearest"
}

func makeSpace(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	b := 2 + g.IntN(2)
	a := []onnxAttribute{{"blocksize", b}}
	if g.yes(2) {
		g.node("SpaceToDepth", []string{v.name}, a...)
		return v.dims() == 4 && v.shape()[2]%b == 0 && v.shape()[3]%b == 0, false
	}
	if g.opset >= 11 && g.yes(2) {
		a = append(a, onnxAttribute{"mode", g.pick("DCR", "CRD")})
	}
	g.node("DepthToSpace", []string{v.name}, a...)
	return v.dims() == 4 && v.shape()[1]%(b*b) == 0, false
}

func makeTrilu(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	in := []string{v.name, ""}
	if g.yes(2) {
		in[1] = g.scalar(int64Type, float64(g.IntN(13)-6))
	}
	g.node("Trilu", in, onnxAttribute{"upper", g.IntN(2)})
	return v.dims() > 1 && g.opset >= 14 && g.yes(2), false
}

func makeCumSum(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	g.node("CumSum", []string{v.name, g.scalar(int64Type, float64(g.axis(v)))}, onnxAttribute{"exclusive", g.IntN(2)}, onnxAttribute{"reverse", g.IntN(2)})
	_, high, special := v.limits()
	return v.dims() > 0 && g.opset >= 11 && high < 1e4 && !special, false
}

func makeTopK(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() == 0 || !v.exact || v.special() {
		return false, false
	}
	axis := g.axis(v)
	k := 1 + g.IntN(max(1, v.shape()[(axis+v.dims())%v.dims()]))
	a := []onnxAttribute{{"axis", axis}}
	if g.opset >= 11 && g.yes(2) {
		a = append(a, onnxAttribute{"largest", g.IntN(2)})
	}
	if g.opset < 10 {
		g.nodeOf(2, "TopK", []string{v.name}, append(a, onnxAttribute{"k", k})...)
	} else {
		g.nodeOf(2, "TopK", []string{v.name, g.ints([]int{k})}, a...)
	}
	return true, false
}

func makeOneHot(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	g.node("OneHot", []string{v.name, g.scalar(int64Type, float64(2+g.IntN(5))), g.constant(float32Type, []int{2}, 0, 1)}, onnxAttribute{"axis", g.IntN(3) - 1})
	return v.exact && v.elem == int64Type && v.dims() < 4 && g.yes(3), false
}

func makePRelu(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	shape := slices.Clone(v.shape())
	for i := range shape {
		if g.yes(2) || i == 0 {
			shape[i] = 1
		}
	}
	g.node("PRelu", []string{v.name, g.weights(float32Type, false, shape[g.IntN(len(shape)+1):]...)})
	return v.tame(1e4) && v.dims() > 0, true
}

func makeIdentity(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if g.yes(2) {
		var a []onnxAttribute
		if g.opset < 12 && g.yes(2) {
			a = append(a, onnxAttribute{"ratio", 0.3})
		}
		g.node("Dropout", []string{v.name}, a...)
		return v.elem == float32Type, false
	}
	g.node("Identity", []string{v.name})
	return true, false
}

func makeEinsum(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	if v.dims() < 2 || v.dims() > 4 || !v.tame(1e4) {
		return false, false
	}
	letters := "abcd"[:v.dims()]
	last := letters[v.dims()-1:]
	n := v.shape()[v.dims()-1]
	switch g.IntN(4) {
	case 0:
		g.node("Einsum", []string{v.name, g.weights(float32Type, false, n, 3)}, onnxAttribute{"equation", letters + "," + last + "z->" + letters[:v.dims()-1] + "z"})
	case 1:
		g.node("Einsum", []string{v.name}, onnxAttribute{"equation", letters + "->" + last + letters[:v.dims()-1]})
	case 2:
		g.node("Einsum", []string{v.name, v.name}, onnxAttribute{"equation", letters + "," + letters + "->" + letters[:v.dims()-1]})
	default:
		g.node("Einsum", []string{v.name, g.weights(float32Type, false, n)}, onnxAttribute{"equation", "..." + last + "," + last + "->..."})
	}
	return g.opset >= 12, true
}

func makeNonZero(g *onnxGraph, v onnxValue) (ok, rounds bool) {
	g.node("NonZero", []string{v.name})
	return v.shaped && v.exact && g.opset >= 9, false
}
