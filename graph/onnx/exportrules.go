package onnx

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// exportRule writes an op as one or more ONNX nodes and returns the name of
// its value.
type exportRule func(e *exporter, n *gorgonia.Node, d op.Description) string

// exportRules translate by the op's kind. It is filled by init, as rules call
// the exporter, which looks here.
var exportRules map[op.Kind]exportRule

func init() {
	exportRules = map[op.Kind]exportRule{
		op.KindConv2d:      exportConv,
		op.KindMaxPool2D:   exportMaxPool,
		op.KindAvgPool2D:   exportAvgPool,
		op.KindMul:         exportMul,
		op.KindAdd:         exportAdd,
		op.KindBatchNorm:   exportBatchNorm,
		op.KindLayerNorm:   exportLayerNorm,
		op.KindConcat:      exportConcat,
		op.KindReshape:     exportReshape,
		op.KindTranspose:   exportTranspose,
		op.KindPatches:     exportPatches,
		op.KindPadChannels: exportPadChannels,
		op.KindReLU:        plain("Relu"),
		op.KindSigmoid:     plain("Sigmoid"),
		op.KindTanh:        plain("Tanh"),
		op.KindGather:      exportGather,
		op.KindExpand:      exportExpand,
		op.KindHadamard:    exportHadamard,
		op.KindMap:         exportMap,
		op.KindAcross:      exportAcross,
		op.KindLogSoftMax:  exportLogSoftMax,
		op.KindLeakyReLU:   withAlpha("LeakyRelu"),
		op.KindELU:         withAlpha("Elu"),
		op.KindSoftMax:     exportSoftMax,
		op.KindReLU6:       exportReLU6,
		op.KindSiLU:        exportSiLU,
		op.KindGELU:        exportGELU,

		op.KindBatchMul:     exportBatchMul,
		op.KindHardSigmoid:  exportHardSigmoid,
		op.KindHardSwish:    plain("HardSwish"),
		op.KindPadImage:     exportPadImage,
		op.KindPermute:      exportPermute,
		op.KindPickChannels: exportPickChannels,
		op.KindRoll:         exportRoll,
		op.KindScale:        repeatedOperand("Mul"),
		op.KindShift:        repeatedOperand("Add"),
		op.KindStrided:      exportStrided,
	}
}

// plain is the rule of an op that ONNX has too.
func plain(kind string) exportRule {
	return func(e *exporter, _ *gorgonia.Node, d op.Description) string {
		return e.emit(kind, e.values(d.Operands))
	}
}

func withAlpha(kind string) exportRule {
	return func(e *exporter, _ *gorgonia.Node, d op.Description) string {
		return e.emit(kind, e.values(d.Operands), attributeFloat("alpha", d.Alpha()))
	}
}

func exportConv(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.conv(d, e.weighted(d))
}

// conv writes a convolution like d of the named inputs.
func (e *exporter) conv(d op.Description, inputs []string) string {
	o, filters := d.Conv(), d.Operands[1].Shape()
	return e.emit("Conv", inputs,
		attributeInts("kernel_shape", filters[2], filters[3]),
		attributeInts("strides", o.StrideH, o.StrideW),
		pads(o.Pad),
		attributeInts("dilations", o.DilationH, o.DilationW),
		attributeInt("group", o.Groups))
}

func pads(p op.Padding) attributeProto {
	return attributeInts("pads", p.Top, p.Left, p.Bottom, p.Right)
}

func exportMaxPool(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.pool("MaxPool", d.Pool(), e.values(d.Operands))
}

func exportAvgPool(e *exporter, _ *gorgonia.Node, d op.Description) string {
	o, x := d.Pool(), d.Operands[0].Shape()
	if o.KH == x[2] && o.KW == x[3] && o.Pad == (op.Padding{}) {
		return e.emit("GlobalAveragePool", e.values(d.Operands))
	}
	return e.pool("AveragePool", o, e.values(d.Operands))
}

func (e *exporter) pool(kind string, o op.Pool, inputs []string) string {
	return e.emit(kind, inputs, attributeInts("kernel_shape", o.KH, o.KW), attributeInts("strides", o.StrideH, o.StrideW), pads(o.Pad))
}

func exportMul(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.product(d.Operands[0].Dims(), e.values(d.Operands))
}

// product writes x·w or x·w + b, where x has the given number of dimensions.
func (e *exporter) product(dims int, inputs []string) string {
	if dims == 2 && len(inputs) == 3 {
		return e.emit("Gemm", inputs)
	}
	y := e.emit("MatMul", inputs[:2])
	if len(inputs) == 3 {
		y = e.emit("Add", []string{y, inputs[2]})
	}
	return y
}

func exportAdd(e *exporter, _ *gorgonia.Node, d op.Description) string {
	if len(d.Operands) > 2 {
		return e.emit("Sum", e.unexpanded(d.Operands))
	}
	return e.emit("Add", e.unexpanded(d.Operands))
}

func exportBatchNorm(e *exporter, _ *gorgonia.Node, d op.Description) string {
	if y, ok := e.fold(d); ok {
		return y
	}
	return e.emit("BatchNormalization", e.weighted(d), attributeFloat("epsilon", d.Norm().Epsilon))
}

func exportLayerNorm(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("LayerNormalization", e.values(d.Operands), attributeInt("axis", -1), attributeFloat("epsilon", d.Epsilon()))
}

func exportConcat(e *exporter, n *gorgonia.Node, d op.Description) string {
	if d.Axis() == 0 && e.batched(n) {
		return e.fail("Concat joins batches, want another axis than 0")
	}
	names := make([]string, len(d.Operands))
	for i, operand := range d.Operands {
		if e.batched(n) && !e.batched(operand) {
			names[i] = e.forEachSample(operand)
		} else {
			names[i] = e.value(operand)
		}
	}
	return e.emit("Concat", names, attributeInt("axis", d.Axis()))
}

func exportReshape(e *exporter, n *gorgonia.Node, d op.Description) string {
	from, to := d.Operands[0].Shape(), n.Shape()
	if !e.batched(n) {
		return e.emit("Reshape", []string{e.value(d.Operands[0]), e.shape(to...)})
	}
	if len(from) == 0 || len(to) == 0 || from[0] != to[0] {
		return e.fail("Reshape of %v to %v changes the batch, want samples reshaped", from, to)
	}
	if len(from) > 2 && len(to) == 2 {
		return e.emit("Flatten", e.values(d.Operands), attributeInt("axis", 1))
	}
	return e.reshape(e.value(d.Operands[0]), to[1:]...)
}

func exportTranspose(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("Transpose", e.values(d.Operands), attributeInts("perm", 0, 2, 1))
}

// exportPatches cuts the image along both axes and puts the cuts first.
func exportPatches(e *exporter, n *gorgonia.Node, d op.Description) string {
	size, in, out := d.PatchSize(), d.Operands[0].Shape(), n.Shape()
	c, h, w := in[1], in[2], in[3]
	cut := e.reshape(e.value(d.Operands[0]), c, h/size, size, w/size, size)
	moved := e.emit("Transpose", []string{cut}, attributeInts("perm", 0, 2, 4, 1, 3, 5))
	return e.reshape(moved, out[1], out[2])
}

func exportPadChannels(e *exporter, n *gorgonia.Node, d op.Description) string {
	more := n.Shape()[1] - d.Operands[0].Shape()[1]
	return e.emit("Pad", []string{e.value(d.Operands[0]), e.shape(0, 0, 0, 0, 0, more, 0, 0)})
}

func exportSoftMax(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("Softmax", e.values(d.Operands), attributeInt("axis", -1))
}

func exportReLU6(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("Clip", []string{e.value(d.Operands[0]), e.scalar(0), e.scalar(6)})
}

// exportSiLU writes x·sigmoid(x).
func exportSiLU(e *exporter, _ *gorgonia.Node, d op.Description) string {
	x := e.value(d.Operands[0])
	return e.emit("Mul", []string{x, e.emit("Sigmoid", []string{x})})
}

// exportGELU writes x·(1 + erf(x/√2))/2.
func exportGELU(e *exporter, _ *gorgonia.Node, d op.Description) string {
	x := e.value(d.Operands[0])
	erf := e.emit("Erf", []string{e.emit("Mul", []string{x, e.scalar(1 / math.Sqrt2)})})
	twice := e.emit("Mul", []string{x, e.emit("Add", []string{erf, e.scalar(1)})})
	return e.emit("Mul", []string{twice, e.scalar(0.5)})
}
