package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// reducing is an operator that makes one number of all along some axes.
type reducing struct {
	before, after string // functions of each element
	f             func(b *builder, x *gorgonia.Node) *gorgonia.Node
	fold          func(v []float64) float64 // of constants
}

// reducings have their kind of the rows of a node (rows,row,numbers,1).
var reducings = map[string]reducing{
	"ReduceMean":      {f: meanOfRows, fold: mean.F},
	"ReduceSum":       {f: sumOfRows, fold: total.F},
	"ReduceMax":       {f: acrossRows(extreme("ReduceMax", 1)), fold: extreme("", 1).F},
	"ReduceMin":       {f: acrossRows(extreme("ReduceMin", -1)), fold: extreme("", -1).F},
	"ReduceProd":      {f: acrossRows(allTogether), fold: allTogether.F},
	"ReduceL1":        {before: "Abs", f: sumOfRows, fold: total.F},
	"ReduceL2":        {f: acrossRows(length), fold: length.F},
	"ReduceSumSquare": {before: "Square", f: sumOfRows, fold: total.F},
	"ReduceLogSum":    {f: sumOfRows, after: "Log", fold: total.F},
	"ReduceLogSumExp": {f: acrossRows(logSumExp), fold: logSumExp.F},
}

// number reduces constants to one.
func (r reducing) number(v []float64) float64 {
	if r.before != "" {
		v = slices.Clone(v)
		for i, x := range v {
			v[i] = unaries[r.before].f(x)
		}
	}
	y := r.fold(v)
	if r.after != "" {
		y = unaries[r.after].f(y)
	}
	return y
}

// length is Euclid's.
var length = op.Reduction{
	Name: "ReduceL2", Operator: &op.Operator{Kind: "ReduceL2"},
	F: func(v []float64) (sum float64) {
		for _, x := range v {
			sum += x * x
		}
		return math.Sqrt(sum)
	},
	D: func(v, d []float64) {
		sum := 0.0
		for _, x := range v {
			sum += x * x
		}
		for i, x := range v {
			if sum > 0 {
				d[i] = x / math.Sqrt(sum)
			}
		}
	},
}

// logSumExp takes the largest out of the sum, so that no exponential overflows.
var logSumExp = op.Reduction{
	Name: "ReduceLogSumExp", Operator: &op.Operator{Kind: "ReduceLogSumExp"},
	F: func(v []float64) float64 {
		most := slices.Max(v)
		if math.IsInf(most, 0) {
			return most
		}
		sum := 0.0
		for _, x := range v {
			sum += math.Exp(x - most)
		}
		return most + math.Log(sum)
	},
	D: func(v, d []float64) {
		most, sum := slices.Max(v), 0.0
		for i, x := range v {
			d[i] = math.Exp(x - most)
			sum += d[i]
		}
		for i := range d {
			d[i] /= sum
		}
	},
}

// maxPlainSum is how many numbers op.AvgPool2D may sum: in float32, in which the sum of
// very many is off by more than its last digits. More are summed in float64.
const maxPlainSum = 4096

// mean is the mean, summed in float64.
var mean = op.Reduction{
	Name: "ReduceMean", Operator: &op.Operator{Kind: "ReduceMean"},
	F: func(v []float64) float64 { return total.F(v) / float64(len(v)) },
	D: func(v, d []float64) {
		for i := range d {
			d[i] = 1 / float64(len(v))
		}
	},
}

func meanOfRows(b *builder, x *gorgonia.Node) *gorgonia.Node {
	if x.Shape()[2] > maxPlainSum {
		return b.do(op.Across(x, 2, mean))
	}
	return b.do(op.AvgPool2D(x, op.Pool{KH: x.Shape()[2], KW: 1}))
}

func sumOfRows(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return b.do(op.Across(x, 2, total))
}

func acrossRows(f op.Reduction) func(b *builder, x *gorgonia.Node) *gorgonia.Node {
	return func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.do(op.Across(x, 2, f)) }
}

// reducedAxes are the axes that an operator reduces, all if none are named. none is
// set for one that then is to reduce along none: each number by itself.
func (b *builder) reducedAxes(dims int) (axes []int, none, ok bool) {
	if axes, ok = b.axes(1, dims); !ok {
		return nil, false, false
	}
	if len(axes) == 0 {
		if b.attrInt("noop_with_empty_axes", 0) != 0 {
			return nil, true, true
		}
		for i := range dims {
			axes = append(axes, i)
		}
	}
	return axes, false, true
}

// reducedShape is a shape without some axes, or with 1 in their place.
func reducedShape(s, axes []int, keep bool) []int {
	var out []int
	for i, d := range s {
		if !slices.Contains(axes, i) {
			out = append(out, d)
		} else if keep {
			out = append(out, 1)
		}
	}
	return out
}

// arrangeReduce is the rule of all of them.
func arrangeReduce(b *builder, v *value) *value {
	r, s, x := reducings[b.now.Op], v.shape(), b.node(v)
	axes, none, ok := b.reducedAxes(len(s))
	if !ok || x == nil {
		return nil
	}
	if r.before != "" {
		x = b.unary(r.before, x)
	}
	if integral(v.kind()) && b.now.Op == "ReduceMean" {
		r.f = acrossRows(mean) // in float64: whole where the mean is, as it is cut then
	}
	if none = none || len(axes) == 0; !integral(v.kind()) && b.now.Op == "ReduceMean" && len(s) == 4 && slices.Equal(axes, []int{2, 3}) && s[2]*s[3] <= maxPlainSum {
		x = b.do(op.AvgPool2D(x, op.Pool{KH: s[2], KW: s[3]}))
	} else if x = b.rowsOf(x, axes); x != nil {
		x = r.f(b, x)
	}
	if r.after != "" && x != nil {
		x = b.unary(r.after, x)
	}
	to := s
	if !none {
		to = reducedShape(s, axes, b.attrInt("keepdims", 1) != 0)
	}
	return b.shaped(valueOf(x), to)
}

// rowsOf brings the axes to the end: (first, rest, numbers, 1).
func (b *builder) rowsOf(x *gorgonia.Node, axes []int) *gorgonia.Node {
	if x == nil {
		return nil
	}
	s := x.Shape()
	var perm []int
	for i := range s {
		if !slices.Contains(axes, i) {
			perm = append(perm, i)
		}
	}
	first, rest, numbers := 1, 1, 1
	for i, a := range perm {
		if i == 0 && a == 0 {
			first = s[a]
		} else {
			rest *= s[a]
		}
	}
	for _, a := range axes {
		numbers *= s[a]
	}
	return b.reshape(b.permute(x, append(perm, axes...)), first, rest, numbers, 1)
}

// foldReduce computes a reduction of constants, such as the size of a shape.
func foldReduce(b *builder) (c constant, ok bool) {
	c, ok = b.known(0)
	if !ok {
		return c, false
	}
	f := reducings[b.now.Op].number
	axes, _, ok := b.reducedAxes(len(c.shape))
	if !ok {
		return c, true
	}
	to := reducedShape(c.shape, axes, b.attrInt("keepdims", 1) != 0)
	size, ok := b.room(to)
	if !ok {
		return c, true
	}
	groups, at := make([][]float64, size), make([]int, len(c.shape))
	for i := range c.size() {
		k := 0
		for a, d := range c.shape {
			if !slices.Contains(axes, a) {
				k = k*d + at[a]
			}
		}
		groups[k] = append(groups[k], c.number(i))
		next(at, c.shape)
	}
	y := constant{shape: to, elem: c.elem, floats: make([]float32, size)}
	for i, g := range groups {
		if len(g) == 0 {
			b.fail("a reduction of nothing")
			return c, true
		}
		y.floats[i] = float32(f(g))
	}
	if c.ints == nil {
		return y, true
	}
	y.floats, y.ints = nil, make([]int64, size)
	for i, g := range groups {
		y.ints[i] = wrapped(wholeOf(f(g)), c.elem)
	}
	return y, true
}
