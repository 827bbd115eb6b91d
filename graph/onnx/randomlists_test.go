package onnx

import (
	"encoding/binary"
	"math"
	"slices"
)

// listed is a number of a list that a graph of integers computes. One that is the number of
// samples has to be computed of a shape, where the file leaves that number free.
type listed struct {
	n       int
	samples bool
}

func listOfNumbers(v ...int) (l []listed) {
	for _, n := range v {
		l = append(l, listed{n: n})
	}
	return l
}

func listNumbers(l []listed) (v []int) {
	for _, x := range l {
		v = append(v, x.n)
	}
	return v
}

// list computes a list of int64, in a random way, and returns its name.
func (g *randomGraph) list(want []listed) string { return g.listOf(want, 3) }

// wholes is a constant list of integers.
func (g *randomGraph) wholes(elem int64, dims []int, v ...int) string {
	numbers := make([]float64, len(v))
	for i, n := range v {
		numbers[i] = float64(n)
	}
	t := tensorProto{Name: g.name(), Type: elem, Dims: int64s(dims), Raw: rawOf(elem, numbers)}
	if elem == typeInt64 && g.IntN(3) == 0 {
		t.Raw, t.Int64s = nil, int64s(v)
	}
	g.constant(t)
	return t.Name
}

// rawOf is numbers as a file has them.
func rawOf(elem int64, numbers []float64) []byte {
	b := []byte{} // not nil, as data of no elements
	for _, v := range numbers {
		switch kinds[elem].size {
		case 1:
			b = append(b, byte(int64(v)))
		case 2:
			if elem == typeHalf {
				b = binary.LittleEndian.AppendUint16(b, halfOf(v))
			} else {
				b = binary.LittleEndian.AppendUint16(b, uint16(int64(v)))
			}
		case 4:
			if elem == typeFloat {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			} else {
				b = binary.LittleEndian.AppendUint32(b, uint32(int64(v)))
			}
		default:
			if elem == typeDouble {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			} else {
				b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
			}
		}
	}
	return b
}

// halfOf is the float of 16 bits of a number that it holds, if that is not too small.
func halfOf(v float64) uint16 {
	if v = rounded(v, typeHalf); v == 0 {
		return 0
	}
	sign := uint16(0)
	if v < 0 {
		sign, v = 1<<15, -v
	}
	fraction, exponent := math.Frexp(v)
	return sign | uint16(exponent+14)<<10 | uint16(math.Ldexp(fraction, 11))&1023
}

// listOf computes a list; deeper ways are taken until depth is 0.
func (g *randomGraph) listOf(want []listed, depth int) string {
	n, v := len(want), listNumbers(want)
	fixed := !g.open || !slices.ContainsFunc(want, func(l listed) bool { return l.samples })
	if fixed && (depth == 0 || n == 0 || g.IntN(4) == 0) {
		return g.wholes(typeInt64, []int{n}, v...)
	}
	if n == 1 && want[0].samples || n == 1 && g.IntN(3) == 0 {
		if name, ok := g.dimension(want[0]); ok {
			return name
		}
	}
	if n > 1 && (depth == 0 || g.IntN(2) == 0) {
		return g.joined(want, depth)
	}
	if depth == 0 {
		return g.wholes(typeInt64, []int{n}, v...)
	}
	way := listWays[g.IntN(len(listWays))]
	if name := way(g, want, depth-1); name != "" {
		return name
	}
	return g.listOf(want, depth-1)
}

// dimension takes a number from the shape of a value, if one has it.
func (g *randomGraph) dimension(want listed) (name string, ok bool) {
	x := g.input
	if y := g.values[g.IntN(len(g.values))]; g.IntN(2) == 0 && (!want.samples || y.at >= 0) {
		x = y
	}
	at := slices.Index(x.shape, want.n)
	if want.samples {
		at = x.at
	}
	if at < 0 || x.shape[at] != want.n || !want.samples && g.open && at == x.at {
		return "", false
	}
	if g.opset >= 15 && g.IntN(3) == 0 {
		return g.node("Shape", []string{x.name}, attributeInt("start", at-g.IntN(2)*len(x.shape)), attributeInt("end", at+1)), true
	}
	shape := g.node("Shape", []string{x.name})
	if g.IntN(2) == 0 {
		index := at
		if g.IntN(2) == 0 && g.opset >= 11 {
			index -= len(x.shape)
		}
		one := g.node("Gather", []string{shape, g.wholes(typeInt64, nil, index)}, attributeInt("axis", 0))
		return g.unsqueezed(one, 0), true
	}
	return g.sliced(shape, []int{at}, []int{at + 1}, nil, nil), true
}

// unsqueezed adds dimensions of 1, by an attribute or by an input.
func (g *randomGraph) unsqueezed(x string, axes ...int) string { return g.atAxes("Unsqueeze", x, axes) }

func (g *randomGraph) squeezed(x string, axes ...int) string { return g.atAxes("Squeeze", x, axes) }

func (g *randomGraph) atAxes(kind, x string, axes []int) string {
	if g.opset < 13 {
		return g.node(kind, []string{x}, attributeInts("axes", axes...))
	}
	return g.node(kind, []string{x, g.wholes(typeInt64, []int{len(axes)}, axes...)})
}

// sliced cuts, by attributes or by inputs.
func (g *randomGraph) sliced(x string, starts, ends, axes, steps []int) string {
	if g.opset < 10 {
		a := []attributeProto{attributeInts("starts", starts...), attributeInts("ends", ends...)}
		if axes != nil {
			a = append(a, attributeInts("axes", axes...))
		}
		return g.node("Slice", []string{x}, a...)
	}
	in := []string{x, g.wholes(typeInt64, []int{len(starts)}, starts...), g.wholes(typeInt64, []int{len(ends)}, ends...), "", ""}
	for i, v := range [][]int{axes, steps} {
		if v != nil {
			in[3+i] = g.wholes(typeInt64, []int{len(v)}, v...)
		}
	}
	return g.node("Slice", in)
}

// joined is a list of two parts.
func (g *randomGraph) joined(want []listed, depth int) string {
	cut := 1 + g.IntN(len(want)-1)
	a, b := g.listOf(want[:cut], max(depth-1, 0)), g.listOf(want[cut:], max(depth-1, 0))
	return g.node("Concat", []string{a, b}, attributeInt("axis", -g.IntN(2)*min(1, max(0, g.opset-10))))
}

// listWays compute a list from others; "" where one does not go. init sets them, as they
// call listOf, which takes them.
var listWays []func(g *randomGraph, want []listed, depth int) string

func init() { listWays = waysOfLists }

var waysOfLists = []func(g *randomGraph, want []listed, depth int) string{
	func(g *randomGraph, want []listed, depth int) string {
		return g.node("Identity", []string{g.listOf(want, depth)})
	},
	func(g *randomGraph, want []listed, depth int) string { // there and back
		to := []int64{typeInt32, typeFloat, typeDouble, typeInt16}[g.IntN(4)]
		there := g.node("Cast", []string{g.listOf(want, depth)}, attributeInt("to", int(to)))
		return g.node("Cast", []string{there}, attributeInt("to", typeInt64))
	},
	func(g *randomGraph, want []listed, depth int) string { // a + b, a - b
		other, sum := make([]int, len(want)), slices.Clone(want)
		for i := range other {
			other[i] = g.IntN(9) - 4
		}
		if g.IntN(2) == 0 {
			other = slices.Repeat(other[:1], len(other))
		}
		kind := "Add"
		for i := range sum {
			sum[i].n -= other[i]
		}
		if g.IntN(2) == 0 {
			kind = "Sub"
			for i := range sum {
				sum[i].n += 2 * other[i]
			}
		}
		moved := g.moved(want, sum, depth)
		if moved == "" {
			return ""
		}
		if slices.Min(other) == slices.Max(other) && g.IntN(2) == 0 {
			return g.node(kind, []string{moved, g.wholes(typeInt64, nil, other[0])})
		}
		return g.node(kind, []string{moved, g.listOf(listOfNumbers(other...), depth)})
	},
	func(g *randomGraph, want []listed, depth int) string { // (a·k)/k, and what is left of it
		k := 2 + g.IntN(4)
		if g.IntN(3) == 0 {
			k = -k
		}
		number := g.wholes(typeInt64, nil, k)
		times := g.node("Mul", []string{g.listOf(want, depth), number})
		return g.node("Div", []string{times, number})
	},
	func(g *randomGraph, want []listed, depth int) string { // a mod more than a
		if g.opset < 10 || slices.Min(listNumbers(want)) < 0 {
			return ""
		}
		return g.node("Mod", []string{g.listOf(want, depth), g.wholes(typeInt64, nil, 1000+g.IntN(9))})
	},
	func(g *randomGraph, want []listed, depth int) string { // of another order
		if len(want) < 2 {
			return ""
		}
		order, from, index := g.Perm(len(want)), make([]listed, len(want)), make([]int, len(want))
		for i, p := range order {
			from[p], index[i] = want[i], p
		}
		x := g.listOf(from, depth)
		return g.node("Gather", []string{x, g.wholes([]int64{typeInt64, typeInt32}[g.IntN(2)], []int{len(index)}, index...)}, attributeInt("axis", 0))
	},
	func(g *randomGraph, want []listed, depth int) string { // a part of a longer one
		n := len(want)
		long := slices.Concat(listOfNumbers(g.IntN(5)), want, listOfNumbers(3))
		if g.IntN(2) == 0 || g.opset < 10 {
			return g.sliced(g.listOf(long, depth), []int{1}, []int{-1}, nil, nil)
		}
		slices.Reverse(long)
		return g.sliced(g.listOf(long, depth), []int{n}, []int{0}, []int{0}, []int{-1})
	},
	func(g *randomGraph, want []listed, depth int) string { // with a dimension more for a while
		axis := g.IntN(2)
		x := g.unsqueezed(g.listOf(want, depth), axis)
		if g.IntN(2) == 0 {
			x = g.node("Transpose", []string{x}, attributeInts("perm", 1, 0))
			axis = 1 - axis
		}
		if len(want) == 1 || g.IntN(2) == 0 {
			return g.node("Reshape", []string{x, g.wholes(typeInt64, []int{1}, -1)})
		}
		return g.squeezed(x, axis)
	},
	func(g *randomGraph, want []listed, depth int) string { // one of two, as a condition says
		v := listNumbers(want)
		if g.opset < 9 {
			return ""
		}
		other := make([]int, len(v))
		for i := range other {
			other[i] = g.IntN(5)
		}
		x := g.listOf(want, depth)
		condition := g.node("Equal", []string{x, x})
		if g.opset >= 11 && g.IntN(2) == 0 {
			condition = g.node("Less", []string{x, g.wholes(typeInt64, nil, 1000)})
		}
		if g.IntN(2) == 0 {
			return g.node("Where", []string{g.node("Not", []string{condition}), g.listOf(listOfNumbers(other...), depth), x})
		}
		return g.node("Where", []string{condition, x, g.listOf(listOfNumbers(other...), depth)})
	},
	func(g *randomGraph, want []listed, depth int) string { // the larger, the smaller
		if g.opset < 12 {
			return ""
		}
		kind, bound := "Max", -1000
		if g.IntN(2) == 0 {
			kind, bound = "Min", 1000
		}
		return g.node(kind, []string{g.listOf(want, depth), g.wholes(typeInt64, []int{1}, bound)})
	},
	func(g *randomGraph, want []listed, _ int) string { // all the same
		v := listNumbers(want)
		if slices.Min(v) != slices.Max(v) || slices.ContainsFunc(want, func(l listed) bool { return l.samples }) {
			return ""
		}
		size := g.wholes(typeInt64, []int{1}, len(v))
		one := g.wholes(typeInt64, []int{1}, v[0])
		switch t := whole(int64(v[0])); {
		case g.IntN(3) == 0 && g.opset >= 8:
			return g.node("Expand", []string{one, size})
		case g.IntN(2) == 0 && g.opset >= 9:
			return g.node("ConstantOfShape", []string{size}, attributeProto{Name: "value", Type: attrTensor, Tensor: &t})
		}
		return g.node("Tile", []string{one, size})
	},
	func(g *randomGraph, want []listed, _ int) string { // evenly spaced
		v := listNumbers(want)
		if len(v) < 2 || g.opset < 11 || slices.ContainsFunc(want, func(l listed) bool { return l.samples }) {
			return ""
		}
		step := v[1] - v[0]
		for i := range v {
			if v[i] != v[0]+i*step {
				return ""
			}
		}
		if step == 0 {
			return ""
		}
		return g.node("Range", []string{g.wholes(typeInt64, nil, v[0]), g.wholes(typeInt64, nil, v[0]+len(v)*step), g.wholes(typeInt64, nil, step)})
	},
	func(g *randomGraph, want []listed, depth int) string { // the sum, or the product, with 0s or 1s
		kind, beside := "ReduceSum", 0
		if g.IntN(2) == 0 {
			kind, beside = "ReduceProd", 1
		}
		x := g.node("Concat", []string{g.unsqueezed(g.listOf(want, depth), 0), g.wholes(typeInt64, []int{1, len(want)}, slices.Repeat([]int{beside}, len(want))...)}, attributeInt("axis", 0))
		return g.reduced(kind, x, false, 0)
	},
	func(g *randomGraph, want []listed, depth int) string { // rounded down
		half := g.wholes(typeInt64, nil, 2)
		x := g.node("Cast", []string{g.node("Mul", []string{g.listOf(want, depth), half})}, attributeInt("to", typeFloat))
		two := g.weights(typeFloat, true)
		g.replace(two.name, tensorProto{Type: typeFloat, Floats: []float32{2}})
		y := g.node([]string{"Floor", "Ceil"}[g.IntN(2)], []string{g.node("Div", []string{x, two.name})})
		return g.node("Cast", []string{y}, attributeInt("to", typeInt64))
	},
}

// moved is a list that differs from the wanted one; numbers of samples have to be told
// from a shape, and so it is made of the wanted one by a sum.
func (g *randomGraph) moved(want, sum []listed, depth int) string {
	if !slices.ContainsFunc(want, func(l listed) bool { return l.samples }) {
		return g.listOf(sum, depth)
	}
	by := make([]int, len(want))
	for i := range by {
		by[i] = sum[i].n - want[i].n
	}
	return g.node("Add", []string{g.listOf(want, depth), g.wholes(typeInt64, []int{len(by)}, by...)})
}

// replace gives a constant another tensor.
func (g *randomGraph) replace(name string, t tensorProto) {
	for i := range g.inits {
		if g.inits[i].Name == name {
			t.Name = name
			g.inits[i] = t
			return
		}
	}
	for i := range g.nodes {
		if g.nodes[i].Outputs[0] == name {
			g.nodes[i].Attributes[0].Tensor = &t
		}
	}
}

// reduced reduces along axes, by an attribute or by an input.
func (g *randomGraph) reduced(kind, x string, keep bool, axes ...int) string {
	since := 18
	if kind == "ReduceSum" {
		since = 13
	}
	k := attributeInt("keepdims", int(truth(keep)))
	if keep && g.IntN(2) == 0 {
		k = attributeInt("keepdims", 1)
	}
	switch {
	case len(axes) == 0:
		return g.node(kind, []string{x}, k)
	case g.opset < since:
		return g.node(kind, []string{x}, k, attributeInts("axes", axes...))
	}
	return g.node(kind, []string{x, g.list(listOfNumbers(axes...))}, k)
}
