package gosource

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// rule writes an op and returns its value.
type rule func(w *writer, n *gorgonia.Node, d op.Description) *value

// rules translate by the op's kind. It is filled by init, as rules call the
// writer, which looks here.
var rules map[op.Kind]rule

func init() {
	rules = map[op.Kind]rule{
		op.KindConv2d:      writeConv,
		op.KindMul:         writeMul,
		op.KindBatchNorm:   writeBatchNorm,
		op.KindLayerNorm:   writeLayerNorm,
		op.KindMaxPool2D:   pooling("maxPool"),
		op.KindAvgPool2D:   pooling("avgPool"),
		op.KindAdd:         writeAdd,
		op.KindConcat:      writeConcat,
		op.KindReshape:     writeReshape,
		op.KindTranspose:   writeTranspose,
		op.KindPatches:     writePatches,
		op.KindPadChannels: writePadChannels,
		op.KindSoftMax:     writeSoftMax,
		op.KindMap:         writeMap,
		op.KindReLU:        pointwise("relu"),
		op.KindReLU6:       pointwise("relu6"),
		op.KindSigmoid:     pointwise("sigmoid"),
		op.KindTanh:        pointwise("tanh"),
		op.KindSiLU:        pointwise("silu"),
		op.KindGELU:        pointwise("gelu"),
		op.KindLeakyReLU:   withAlpha("leakyReLU"),
		op.KindELU:         withAlpha("elu"),
	}
}

// pointwise is the rule of a function of each element by itself.
func pointwise(name string) rule {
	return func(w *writer, _ *gorgonia.Node, d op.Description) *value {
		x := w.changed(d.Operands[0])
		w.write([]*value{x}, "%s(%s)", name, x.name)
		return x
	}
}

// withAlpha is the rule of such a function that has an alpha.
func withAlpha(name string) rule {
	return func(w *writer, _ *gorgonia.Node, d op.Description) *value {
		x := w.changed(d.Operands[0])
		w.write([]*value{x}, "%s(%s, %v)", name, x.name, d.Alpha())
		return x
	}
}

// writeMap is the rule of a function of each element: division by a number, as by a
// temperature, is the only one.
func writeMap(w *writer, n *gorgonia.Node, d op.Description) *value {
	o := d.Function().Operator
	if o == nil || o.Kind != "Div" || len(o.Constants) != 1 {
		return w.fail("the function %s of %v cannot be written as Go, want a division by a number", d.Function().Name, n.Shape())
	}
	x := w.changed(d.Operands[0])
	w.write([]*value{x}, "divide(%s, %v)", x.name, float32(o.Constants[0]))
	return x
}

// pooling is the rule of a pooling.
func pooling(name string) rule {
	return func(w *writer, n *gorgonia.Node, d op.Description) *value {
		x, o := w.operand(d), d.Pool()
		y := w.new(lastly(n.Shape())...)
		w.write([]*value{y, x}, "%s(%s, %s, %s)", name, y.name, x.name,
			window(d.Operands[0].Shape(), n.Shape(), o.KH, o.KW, op.Conv{StrideH: o.StrideH, StrideW: o.StrideW, Pad: o.Pad, DilationH: 1, DilationW: 1}))
		return y
	}
}

// lastly is the shape (1,C,H,W) of an image channels last, or any other one of a
// sample.
func lastly(shape tensor.Shape) []int {
	if len(shape) == 4 {
		return []int{shape[2], shape[3], shape[1]}
	}
	return slices.Clone(shape[1:])
}

// window is a literal of plain.window, without padding that is none.
func window(x, y tensor.Shape, kh, kw int, o op.Conv) string {
	padding := ""
	if o.Pad.Top != 0 || o.Pad.Left != 0 {
		padding = fmt.Sprintf("top: %d, left: %d, ", o.Pad.Top, o.Pad.Left)
	}
	return fmt.Sprintf("window{h: %d, w: %d, c: %d, oh: %d, ow: %d, kh: %d, kw: %d, strideH: %d, strideW: %d, %sdilationH: %d, dilationW: %d}",
		x[2], x[3], x[1], y[2], y[3], kh, kw, o.StrideH, o.StrideW, padding, o.DilationH, o.DilationW)
}

func writeConv(w *writer, n *gorgonia.Node, d op.Description) *value {
	weights, bias := w.weight(d.Operands[1]), make([]float32, n.Shape()[1])
	if len(d.Operands) == 3 {
		bias = w.weight(d.Operands[2])
	}
	return w.conv(n, d, weights, bias)
}

// conv writes a convolution like d with given weights.
func (w *writer) conv(n *gorgonia.Node, d op.Description, weights, bias []float32) *value {
	if w.err != nil {
		return &value{}
	}
	layer := w.layer
	x := w.operand(d)
	w.layer = layer
	y := w.new(lastly(n.Shape())...)
	in, filters, o := d.Operands[0].Shape(), d.Operands[1].Shape(), d.Conv()
	inputs := filters[2] * filters[3] * in[1]
	switch {
	case o.Groups > 1 && o.Groups == in[1] && filters[0] == in[1]:
		w.write([]*value{y, x}, "depthwise(%s, %s, %s, %s, %s)", y.name, x.name,
			w.other(turned(weights, in[1])), w.other(bias), window(in, n.Shape(), filters[2], filters[3], o))
	case inputs == in[1] && o.StrideH == 1 && o.StrideW == 1 && o.Pad == (op.Padding{}):
		w.dense(y, x, turnedFilters(weights, filters, o.Groups), bias, in[2]*in[3])
	default:
		rows := w.new(n.Shape()[3], inputs)
		w.write([]*value{y, x, rows}, "conv(%s, %s, %s, %s, %s, %s)", y.name, x.name,
			w.product(inFours(turnedFilters(weights, filters, o.Groups), filters[0])), w.product(inFours(bias, filters[0])),
			rows.name, window(in, n.Shape(), filters[2], filters[3], o))
	}
	return y
}

// dense writes a product with weights (inputs,units).
func (w *writer) dense(y, x *value, weights, bias []float32, rows int) {
	w.write([]*value{y, x}, "dense(%s, %s, %s, %s, %d)", y.name, x.name,
		w.product(inFours(weights, len(bias))), w.product(inFours(bias, len(bias))), rows)
}

// turned is the transpose of (rows,…), as it is of (…,rows).
func turned(values []float32, rows int) []float32 {
	cols := len(values) / rows
	t := make([]float32, len(values))
	for i, v := range values {
		t[i%cols*rows+i/cols] = v
	}
	return t
}

// turnedFilters makes filters (F,C/groups,KH,KW) a matrix (KH·KW·C,F), with zeros
// for the channels of other groups.
func turnedFilters(values []float32, shape tensor.Shape, groups int) []float32 {
	f, c, taps := shape[0], shape[1], shape[2]*shape[3]
	t := make([]float32, len(values)*groups)
	for i, v := range values {
		filter, channel, tap := i/(c*taps), i/taps%c, i%taps
		channel += filter / (f / groups) * c
		t[(tap*c*groups+channel)*f+filter] = v
	}
	return t
}

// inFours makes (inputs,units) blocks (units/4,inputs,4), filled up with zeros.
func inFours(values []float32, units int) []float32 {
	inputs, blocks := len(values)/units, (units+3)/4
	t := make([]float32, blocks*inputs*4)
	for i, v := range values {
		input, unit := i/units, i%units
		t[(unit/4*inputs+input)*4+unit%4] = v
	}
	return t
}

func writeMul(w *writer, n *gorgonia.Node, d op.Description) *value {
	weights, bias := w.weight(d.Operands[1]), make([]float32, n.Shape()[n.Dims()-1])
	if len(d.Operands) == 3 {
		bias = w.weight(d.Operands[2])
	}
	return w.mul(n, d, weights, bias)
}

func (w *writer) mul(n *gorgonia.Node, d op.Description, weights, bias []float32) *value {
	if n.Dims() == 4 {
		return w.fail("Mul of the rows of an image %v, want (N,…) of other dimensions", d.Operands[0].Shape())
	}
	layer := w.layer
	x := w.operand(d)
	w.layer = layer
	y := w.new(lastly(n.Shape())...)
	if w.err == nil {
		w.dense(y, x, weights, bias, x.size()/d.Operands[1].Shape()[0])
	}
	return y
}

func writeBatchNorm(w *writer, n *gorgonia.Node, d op.Description) *value {
	before := d.Operands[0]
	if weights, bias, ok := op.Fold(d); ok && w.uses[before] == 1 {
		product, _ := op.Describe(before)
		w.weight(product.Operands[1]) // says the layer
		if product.Kind == op.KindMul {
			return w.mul(n, product, weights, bias)
		}
		return w.conv(n, product, weights, bias)
	}
	x := w.changed(before)
	gamma, beta, mean, variance := w.weight(d.Operands[1]), w.weight(d.Operands[2]), w.weight(d.Operands[3]), w.weight(d.Operands[4])
	if w.err != nil {
		return x
	}
	scale, shift := make([]float32, len(gamma)), make([]float32, len(gamma))
	for c := range gamma {
		s := float64(gamma[c]) / math.Sqrt(float64(variance[c])+d.Norm().Epsilon)
		scale[c], shift[c] = float32(s), float32(float64(beta[c])-float64(mean[c])*s)
	}
	w.write([]*value{x}, "affine(%s, %s, %s)", x.name, w.other(scale), w.other(shift))
	return x
}

func writeLayerNorm(w *writer, n *gorgonia.Node, d op.Description) *value {
	if n.Dims() == 4 {
		return w.fail("LayerNorm of the rows of an image %v, want (N,…) of other dimensions", n.Shape())
	}
	x := w.changed(d.Operands[0])
	gamma, beta := w.weight(d.Operands[1]), w.weight(d.Operands[2])
	w.write([]*value{x}, "layerNorm(%s, %s, %s, %v)", x.name, w.other(gamma), w.other(beta), d.Epsilon())
	return x
}

func writeAdd(w *writer, _ *gorgonia.Node, d op.Description) *value {
	for _, n := range d.Operands {
		w.value(n) // so that the sum is made behind all of them
	}
	y := w.changed(d.Operands[0])
	for _, n := range d.Operands[1:] {
		x := w.read(n)
		w.write([]*value{y, x}, "add(%s, %s)", y.name, x.name)
	}
	return y
}

func writeSoftMax(w *writer, n *gorgonia.Node, d op.Description) *value {
	if n.Dims() == 4 {
		return w.fail("SoftMax of the rows of an image %v, want (N,…) of other dimensions", n.Shape())
	}
	x := w.changed(d.Operands[0])
	w.write([]*value{x}, "softmax(%s, %d)", x.name, n.Shape()[n.Dims()-1])
	return x
}

// writeConcat writes each operand as columns of the result. The columns are the axis
// and the dimensions behind it in memory.
func writeConcat(w *writer, n *gorgonia.Node, d op.Description) *value {
	axis := d.Axis() - 1
	if n.Dims() == 4 {
		axis = []int{2, 0, 1}[axis] // channels last
	}
	y := w.new(lastly(n.Shape())...)
	rows, at := tensor.Shape(y.shape[:axis]).TotalSize(), 0
	for _, operand := range d.Operands {
		x := w.read(operand)
		w.write([]*value{y, x}, "columns(%s, %s, %d, %d)", y.name, x.name, rows, at)
		at += x.size() / rows
	}
	return y
}

func writePadChannels(w *writer, n *gorgonia.Node, d op.Description) *value {
	x := w.operand(d)
	y := w.new(lastly(n.Shape())...)
	w.write([]*value{y}, "clear(%s)", y.name)
	w.write([]*value{y, x}, "columns(%s, %s, %d, 0)", y.name, x.name, n.Shape()[2]*n.Shape()[3])
	return y
}

// writeReshape writes nothing, unless the channels have to change their place.
func writeReshape(w *writer, n *gorgonia.Node, d op.Description) *value {
	x := w.operand(d)
	from, to := d.Operands[0].Shape(), n.Shape()
	if w.err != nil || len(from) != 4 && len(to) != 4 || slices.Equal(from, to) {
		return x
	}
	if pixels := x.size() / from[1]; len(from) == 4 && from[1] > 1 && pixels > 1 {
		y := w.new(to[1:]...)
		w.write([]*value{y, x}, "transpose(%s, %s, %d, %d)", y.name, x.name, pixels, from[1])
		x = y
	}
	if pixels := x.size() / to[1]; len(to) == 4 && to[1] > 1 && pixels > 1 {
		y := w.new(lastly(to)...)
		w.write([]*value{y, x}, "transpose(%s, %s, %d, %d)", y.name, x.name, to[1], pixels)
		x = y
	}
	return x
}

func writeTranspose(w *writer, n *gorgonia.Node, d op.Description) *value {
	x := w.operand(d)
	y := w.new(lastly(n.Shape())...)
	w.write([]*value{y, x}, "transpose(%s, %s, %d, %d)", y.name, x.name, y.shape[1], y.shape[0])
	return y
}

func writePatches(w *writer, n *gorgonia.Node, d op.Description) *value {
	x, in := w.operand(d), d.Operands[0].Shape()
	y := w.new(lastly(n.Shape())...)
	w.write([]*value{y, x}, "blocks(%s, %s, %d, %d, %d, %v)", y.name, x.name, in[2], in[3], in[1], d.PatchSize())
	return y
}
