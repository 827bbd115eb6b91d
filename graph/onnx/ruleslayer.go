package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// importBatchNorm normalises with the running statistics in inference, and in
// training as graph.BatchNorm does.
func importBatchNorm(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	if b.trains() || b.attrInt("spatial", 1) != 1 || len(s) < 2 {
		return b.fail("input %v, training mode or other statistics than those of channels, want a model for inference", s)
	}
	o := op.Norm{
		Epsilon:  b.attrFloat("epsilon", 1e-5),
		Momentum: b.attrFloat("momentum", 0.9),
		Training: b.s.Training(),
	}
	if len(s) != 2 && len(s) != 4 {
		x = b.reshape(x, s[0], s[1], s[2:].TotalSize(), 1)
	}
	y := b.do(op.BatchNorm(x, b.operand(1), b.operand(2), b.operand(3), b.operand(4), o))
	return b.reshape(y, s...)
}

// trains reports whether a BatchNormalization or Dropout trains by itself, whatever
// the graph is for: by training_mode since opset 14; before, a BatchNormalization with
// more than one output; before opset 7 either, unless is_test says otherwise.
func (b *builder) trains() bool {
	if b.opset < 7 {
		return b.attrInt("is_test", 0) == 0
	}
	if b.now.Op == "BatchNormalization" && b.opset < 14 {
		return slices.ContainsFunc(b.now.Outputs[1:], func(name string) bool { return name != "" })
	}
	return b.attrInt("training_mode", 0) != 0
}

// arrangeDropout drops in training alone. Its mask, for inference, is of ones.
func arrangeDropout(b *builder, x *value) *value {
	rate := b.attrFloat("ratio", 0.5)
	if v, ok := b.floats(1); ok {
		rate = float64(v[0])
	}
	always, ok := b.ints(2)
	if _, fixed := b.floats(1); !fixed && b.has(1) || !ok && b.has(2) {
		b.fail("a ratio or a mode that is computed, want constants")
		return nil
	}
	if rate > 0 && (b.trains() || len(always) > 0 && always[0] != 0) {
		b.fail("training mode, want a model for inference")
		return nil
	}
	if !b.s.Training() || rate == 0 {
		if len(b.now.Outputs) > 1 && b.now.Outputs[1] != "" && !b.ones(b.now.Outputs[1], x.shape()) {
			return nil
		}
		return x
	}
	random := b.s.Sub(b.now.Outputs[0]).Rand()
	return b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return b.do(op.Dropout(x, rate, random)) })
}

// ones makes a value of ones, or of truth, where one is.
func (b *builder) ones(name string, shape []int) bool {
	size, ok := b.room(shape)
	if !ok {
		return false
	}
	c := constant{shape: slices.Clone(shape)}
	if b.opset < 10 {
		c.floats = slices.Repeat([]float32{1}, size)
	} else {
		c.ints = slices.Repeat([]int64{1}, size)
	}
	b.values[name] = &value{constant: c, name: name}
	return true
}
