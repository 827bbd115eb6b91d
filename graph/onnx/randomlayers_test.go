package onnx

import (
	"slices"
)

// someAxes are axes other than that of the samples, as they are and as the file writes
// them.
func (g *randomGraph) someAxes(x randomValue) (axes, written []int) {
	for i := range x.shape {
		if i == x.at && (g.open || g.IntN(6) > 0) || g.IntN(2) == 0 {
			continue
		}
		axes = append(axes, i)
		if w := i; g.opset >= 11 && g.IntN(2) == 0 {
			written = append(written, w-len(x.shape))
		} else {
			written = append(written, w)
		}
	}
	return axes, written
}

func (g *randomGraph) reduce(kind string, x randomValue) (randomValue, bool) {
	axes, written := g.someAxes(x)
	keep := g.IntN(2) == 0
	to := reducedShape(x.shape, axes, keep)
	if len(axes) == 0 || len(to) == 0 {
		return x, false
	}
	at := reducedAt(x.at, axes, keep)
	if slices.Contains(axes, x.at) || x.at < 0 {
		at = -1
	}
	return x.withShape(g.reduced(kind, x.name, keep, written...), to, at), true
}

func randomReduceExact(g *randomGraph, x randomValue) (randomValue, bool) {
	kind := g.pick("ReduceSum", "ReduceMax", "ReduceMin")
	if x.elem == typeBool || integral(x.elem) && kinds[x.elem].size < 4 || kind != "ReduceSum" && integral(x.elem) && g.opset < 12 {
		return x, false
	}
	y, ok := g.reduce(kind, x)
	if !ok {
		return x, false
	}
	if y.bound *= float64(product(x.shape)); kind != "ReduceSum" {
		y.bound = x.bound
	} else if !y.small() {
		y.exact = false
	}
	return y, ok && (y.exact || !integral(y.elem)) && y.bound < 1e5
}

func randomReduce(g *randomGraph, x randomValue) (randomValue, bool) {
	kind := g.pick("ReduceMean", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceLogSum", "ReduceProd")
	if x.elem != typeFloat || x.bound > 1e3 {
		return x, false
	}
	if kind == "ReduceLogSum" || kind == "ReduceProd" {
		x = g.nonzero(g.tame(x, -1, 1))
	}
	y, ok := g.reduce(kind, x)
	y.exact = false
	return y, ok
}

func randomArg(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.at == 0 && len(x.shape) < 2 || !x.exact || integral(x.elem) && (x.elem != typeInt32 || g.opset < 12) || x.elem != typeFloat && x.elem != typeInt32 {
		return x, false
	}
	axis, written := g.axis(len(x.shape))
	keep := g.IntN(2)
	if axis == x.at && g.IntN(4) > 0 || axis == x.at && g.open || keep == 0 && len(x.shape) == 1 || written < 0 && g.opset < 11 {
		return x, false
	}
	a := []attributeProto{attributeInt("axis", written), attributeInt("keepdims", keep)}
	if g.opset >= 12 && g.IntN(2) == 0 {
		a = append(a, attributeInt("select_last_index", 1))
	}
	y := x.withShape(g.node(g.pick("ArgMax", "ArgMin"), []string{x.name}, a...), reducedShape(x.shape, []int{axis}, keep != 0), reducedAt(x.at, []int{axis}, keep != 0))
	if axis == x.at {
		y.at = -1
	}
	y.elem, y.grid, y.bound = typeInt64, 0, float64(x.shape[axis])
	return y, true
}

func randomSoftmax(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape))
	if x.elem != typeFloat || (axis == x.at || g.opset < 13 && axis < x.at) && (g.open || g.IntN(4) > 0) || written < 0 && g.opset < 11 {
		return x, false
	}
	x.name, x.exact = g.node(g.pick("Softmax", "Softmax", "LogSoftmax"), []string{x.name}, attributeInt("axis", written)), false
	x.bound = 50
	return x, true
}

func randomNorm(g *randomGraph, x randomValue) (randomValue, bool) {
	epsilon := attributeFloat("epsilon", 0.1+0.1*g.Float64())
	if x.elem != typeFloat {
		return x, false
	}
	n := len(x.shape)
	switch kind := g.IntN(3); {
	case kind == 0 && g.opset >= 17:
		axis, written := g.axis(n)
		if axis <= x.at && (g.open || g.IntN(4) > 0) {
			return x, false
		}
		in := []string{x.name, g.weights(typeFloat, false, x.shape[axis:]...).name, ""}
		if g.IntN(2) == 0 {
			in[2] = g.weights(typeFloat, false, x.shape[axis:]...).name
		}
		x.name = g.node("LayerNormalization", in, attributeInt("axis", written), epsilon)
	case kind == 1 && n > 2:
		c := x.shape[1]
		x.name = g.node("InstanceNormalization", []string{x.name, g.weights(typeFloat, false, c).name, g.weights(typeFloat, false, c).name}, epsilon)
	case g.opset >= 18 && n > 2:
		c, groups := x.shape[1], 1
		if c%2 == 0 {
			groups = 2
		}
		size := c
		if g.opset < 21 {
			size = groups
		}
		x.name = g.node("GroupNormalization", []string{x.name, g.weights(typeFloat, false, size).name, g.weights(typeFloat, false, size).name}, epsilon, attributeInt("num_groups", groups))
	default:
		return x, false
	}
	x.exact, x.bound = false, 30
	return x, true
}

func randomBatchNorm(g *randomGraph, x randomValue) (randomValue, bool) {
	if len(x.shape) < 2 || x.elem != typeFloat {
		return x, false
	}
	c := x.shape[1]
	variance := g.weights(typeFloat, false, c)
	v := make([]float32, c)
	for i := range v {
		v[i] = 0.5 + g.Float32()
	}
	g.replace(variance.name, tensorProto{Type: typeFloat, Dims: []int64{int64(c)}, Floats: v})
	in := []string{x.name}
	for range 3 {
		in = append(in, g.weights(typeFloat, false, c).name)
	}
	x.exact, x.name = false, g.node("BatchNormalization", append(in, variance.name), attributeFloat("epsilon", 0.01))
	x.bound += 4
	return x, true
}

func randomLRN(g *randomGraph, x randomValue) (randomValue, bool) {
	if len(x.shape) != 4 || x.elem != typeFloat {
		return x, false
	}
	return x.inexact(g.node("LRN", []string{x.name}, attributeInt("size", 1+2*g.IntN(3)), attributeFloat("alpha", 0.1), attributeFloat("beta", 0.5+g.Float64()), attributeFloat("bias", 1+g.Float64()))), true
}

// windows are the attributes of a convolution or a pooling, with the shape that comes. A
// kernel that is larger than what it slides over, or padding as large, does not go.
func (g *randomGraph) windows(spatial []int, pool, up bool) (kernel []int, a []attributeProto, to []int, ok bool) {
	dims := len(spatial)
	stride, dilation, pads := make([]int, dims), make([]int, dims), make([]int, 2*dims)
	auto := ""
	if g.IntN(4) == 0 {
		auto = g.pick("SAME_UPPER", "SAME_LOWER", "VALID")
	}
	for i, d := range spatial {
		kernel = append(kernel, 1+g.IntN(min(3, d)))
		stride[i], dilation[i] = 1+g.IntN(2), 1
		if (!pool || g.opset >= 10) && auto == "" && g.IntN(4) == 0 && 2*(kernel[i]-1) < d {
			dilation[i] = 2
		}
		if auto == "" {
			pads[i], pads[dims+i] = g.IntN(kernel[i]), g.IntN(kernel[i])
		}
	}
	ceil := pool && g.opset >= 10 && auto == "" && up && g.IntN(3) == 0
	for i, d := range spatial {
		reach := (kernel[i]-1)*dilation[i] + 1
		free := d + pads[i] + pads[dims+i] - reach
		n := free/stride[i] + 1
		if ceil {
			if n = (free+stride[i]-1)/stride[i] + 1; (n-1)*stride[i] >= d+pads[i] {
				n--
			}
		}
		if auto != "" && auto != "VALID" {
			n = (d + stride[i] - 1) / stride[i]
		}
		if free < 0 {
			return nil, nil, nil, false
		}
		to = append(to, n)
	}
	a = []attributeProto{attributeInts("kernel_shape", kernel...)}
	if g.IntN(4) > 0 || slices.Max(stride) > 1 {
		a = append(a, attributeInts("strides", stride...))
	}
	if slices.Max(dilation) > 1 {
		a = append(a, attributeInts("dilations", dilation...))
	}
	if ceil {
		a = append(a, attributeInt("ceil_mode", 1))
	}
	if auto != "" {
		return kernel, append(a, attributeProto{Name: "auto_pad", Type: attrString, String: auto}), to, true
	}
	return kernel, append(a, attributeInts("pads", pads...)), to, true
}

// image reports whether a value can be one, of one to three dimensions.
func (x randomValue) image() bool {
	return len(x.shape) > 2 && len(x.shape) < 6 && x.elem == typeFloat && x.at <= 0 && x.bound < 1e4
}

func randomConv(g *randomGraph, x randomValue) (randomValue, bool) {
	if !x.image() {
		return x, false
	}
	kernel, a, to, ok := g.windows(x.shape[2:], false, false)
	if !ok {
		return x, false
	}
	c, groups, filters := x.shape[1], 1, 1+g.IntN(5)
	if g.IntN(3) == 0 {
		groups = []int{c, 1 + int(truth(c%2 == 0))}[g.IntN(2)]
		filters = groups * (1 + g.IntN(2))
		a = append(a, attributeInt("group", groups))
	}
	in := []string{x.name, g.weights(typeFloat, false, append([]int{filters, c / groups}, kernel...)...).name, ""}
	if g.IntN(2) == 0 {
		in[2] = g.weights(typeFloat, false, filters).name
	}
	y := x.withShape(g.node("Conv", in, a...), append([]int{x.shape[0], filters}, to...), x.at)
	y.exact, y.bound = false, x.bound*5
	return y, true
}

func randomConvTranspose(g *randomGraph, x randomValue) (randomValue, bool) {
	if !x.image() || len(x.shape) > 4 {
		return x, false
	}
	dims := len(x.shape) - 2
	kernel, stride, pads, extra := make([]int, dims), make([]int, dims), make([]int, 2*dims), make([]int, dims)
	to := []int{x.shape[0], 1 + g.IntN(3)}
	auto := ""
	if g.IntN(4) == 0 {
		auto = g.pick("SAME_UPPER", "SAME_LOWER")
	}
	for i := range kernel {
		kernel[i], stride[i] = 1+g.IntN(3), 1+g.IntN(2)
		pads[i], pads[dims+i], extra[i] = g.IntN(kernel[i]), g.IntN(kernel[i]), g.IntN(stride[i])
		d := (x.shape[2+i]-1)*stride[i] + kernel[i] - pads[i] - pads[dims+i] + extra[i]
		if auto != "" {
			if kernel[i] < stride[i] {
				return x, false
			}
			d, extra[i] = x.shape[2+i]*stride[i], 0
		}
		if d < 1 {
			return x, false
		}
		to = append(to, d)
	}
	a := []attributeProto{attributeInts("kernel_shape", kernel...), attributeInts("strides", stride...), attributeInts("output_padding", extra...)}
	if auto != "" {
		a = append(a, attributeProto{Name: "auto_pad", Type: attrString, String: auto})
	} else {
		a = append(a, attributeInts("pads", pads...))
	}
	w := g.weights(typeFloat, false, append([]int{x.shape[1], to[1]}, kernel...)...)
	y := x.withShape(g.node("ConvTranspose", []string{x.name, w.name}, a...), to, x.at)
	y.exact, y.bound = false, x.bound*5
	return y, true
}

func randomPool(g *randomGraph, x randomValue) (randomValue, bool) {
	if !x.image() {
		return x, false
	}
	kind := g.pick("MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool")
	_, a, to, ok := g.windows(x.shape[2:], kind == "MaxPool" || kind == "AveragePool" && g.opset >= 19, kind != "LpPool")
	if !ok || kind == "LpPool" && slices.ContainsFunc(a, func(a attributeProto) bool { return a.Name == "dilations" }) {
		return x, false
	}
	if g.opset < 19 && kind != "MaxPool" {
		a = slices.DeleteFunc(a, func(a attributeProto) bool { return a.Name == "dilations" })
		for i, d := range x.shape[2:] { // the shape is another without them
			if to[i] < 1 || d < 1 {
				return x, false
			}
		}
	}
	switch kind {
	case "AveragePool":
		a = append(a, attributeInt("count_include_pad", g.IntN(2)))
	case "LpPool":
		a = append(a, attributeInt("p", 1+g.IntN(3)))
		x = g.tame(x, -3, 3)
	}
	y := x.withShape(g.node(kind, []string{x.name}, a...), append([]int{x.shape[0], x.shape[1]}, to...), x.at)
	y.exact = y.exact && kind == "MaxPool"
	return y, true
}

func randomGlobal(g *randomGraph, x randomValue) (randomValue, bool) {
	if !x.image() {
		return x, false
	}
	to := slices.Clone(x.shape)
	for i := 2; i < len(to); i++ {
		to[i] = 1
	}
	y := x.withShape(g.node(g.pick("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), []string{x.name}), to, x.at)
	y.exact = false
	return y, true
}
