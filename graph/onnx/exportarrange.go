package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// batched reports whether a node depends on the input, and so has the batch as
// its first dimension. Others are weights, whatever is made of them. In a file for one
// batch size that is a dimension like any other.
func (e *exporter) batched(n *gorgonia.Node) bool {
	if yes, ok := e.batch[n]; ok {
		return yes
	}
	yes := e.Batch == 0 && n.Op() == nil && n.Name() == inputName
	if d, ok := op.Describe(n); ok {
		yes = slices.ContainsFunc(d.Operands, e.batched)
	}
	e.batch[n] = yes
	return yes
}

// unexpanded are the operands of an op that broadcasts by itself in ONNX, which
// so does what Expand does.
func (e *exporter) unexpanded(nodes gorgonia.Nodes) []string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		if d, ok := op.Describe(n); ok && d.Kind == op.KindExpand {
			n = d.Operands[0]
		}
		names[i] = e.value(n)
	}
	return names
}

func exportHadamard(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("Mul", e.unexpanded(d.Operands))
}

// exportExpand writes Expand for an op that does not repeat its operands itself, as
// sums and products do. The samples of a batch can be expanded. An operand without a
// batch cannot be expanded to one: the size of the batch is not known.
func exportExpand(e *exporter, n *gorgonia.Node, d op.Description) string {
	to := slices.Clone(n.Shape())
	switch {
	case e.batched(n) && d.Operands[0].Dims() == len(to) && d.Operands[0].Shape()[0] == to[0]:
		to[0] = 1 // ONNX's Expand leaves the larger dimension
	case e.Batch == 0 && to[0] == e.size:
		return e.fail("Expand of %v to %v makes a batch, want it in a sum or product", d.Operands[0].Shape(), to)
	}
	return e.emit("Expand", []string{e.value(d.Operands[0]), e.shape(to...)})
}

// forEachSample writes a weight that is repeated for each sample of a batch, such as
// the class token in front of an image's tokens. The shape of the input says how often.
func (e *exporter) forEachSample(n *gorgonia.Node) string {
	d, ok := op.Describe(n)
	if !ok || d.Kind != op.KindExpand || d.Operands[0].Dims() == n.Dims() && d.Operands[0].Shape()[0] != 1 {
		return e.fail("a weight %v beside samples, which is made for one batch size", n.Shape())
	}
	batch := e.emit("Slice", []string{e.emit("Shape", []string{inputName}), e.shape(0), e.shape(1)})
	shape := e.emit("Concat", []string{batch, e.shape(n.Shape()[1:]...)}, attributeInt("axis", 0))
	return e.emit("Expand", []string{e.value(d.Operands[0]), shape})
}

// exportGather writes blocks as rows, a column of the fill behind them if it is
// used, and picks columns.
func exportGather(e *exporter, n *gorgonia.Node, d op.Description) string {
	p, x, batched := d.Picks(), d.Operands[0], e.batched(n)
	if batched && (p.Blocks != x.Shape()[0] || p.Blocks != n.Shape()[0]) {
		return e.fail("a rearrangement of %v to %v moves the batch", x.Shape(), n.Shape())
	}
	blocks, size := p.Blocks, x.Shape().TotalSize()/p.Blocks
	if batched {
		blocks = -1
	}
	rows := e.emit("Reshape", []string{e.value(x), e.shape(blocks, size)})
	index := make([]int, len(p.Index))
	fill := false
	for i, k := range p.Index {
		if index[i] = int(k); k < 0 {
			index[i], fill = size, true
		}
	}
	if fill {
		rows = e.emit("Pad", []string{rows, e.shape(0, 0, 0, 1), e.scalar(p.Fill)})
	}
	picked := e.emit("Gather", []string{rows, e.shape(index...)}, attributeInt("axis", 1))
	to := slices.Clone(n.Shape())
	if batched {
		to[0] = -1
	}
	return e.emit("Reshape", []string{picked, e.shape(to...)})
}

// exportMap writes a function that is an operator.
func exportMap(e *exporter, _ *gorgonia.Node, d op.Description) string {
	f := d.Function()
	if f.Operator == nil {
		return e.fail("the function %s has no translation, want one of package op, or its Operator", f.Name)
	}
	return e.operator(f.Operator, e.value(d.Operands[0]))
}

func exportLogSoftMax(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("LogSoftmax", e.values(d.Operands), attributeInt("axis", -1))
}
