package onnx

import (
	"path"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// fold writes the convolution or matrix product before a normalisation with
// weights that do the work of both, if it can; see op.Fold.
func (e *exporter) fold(norm op.Description) (y string, ok bool) {
	before := norm.Operands[0]
	if !e.FoldBatchNorm || e.uses[before] > 1 {
		return "", false
	}
	w, b, ok := op.Fold(norm)
	if !ok {
		return "", false
	}
	d, _ := op.Describe(before)
	weight := d.Operands[1]
	names := []string{e.value(d.Operands[0]), e.renamed(weight, e.nameOf(weight)), ""}
	e.weight(names[1], weight.Shape(), w)
	if len(d.Operands) == 3 {
		names[2] = e.renamed(d.Operands[2], e.nameOf(d.Operands[2]))
	} else {
		names[2] = e.unique(path.Join(path.Dir(e.nameOf(weight)), "bias"))
	}
	e.weight(names[2], tensor.Shape{len(b)}, b)
	if d.Kind == op.KindMul {
		return e.product(d.Operands[0].Dims(), names), true
	}
	return e.conv(d, names), true
}

// nameOf is the name of a weight, and for one that is made of weights that of the
// first of them, or a name like it if that one is written too.
func (e *exporter) nameOf(n *gorgonia.Node) string {
	leaf := op.Leaf(n)
	if n.Op() != nil && (e.uses[leaf] > 1 || e.names[leaf] != "") {
		return e.unique(leaf.Name())
	}
	return leaf.Name()
}

// renamed is the name of a changed weight: its own, unless others use it too.
func (e *exporter) renamed(n *gorgonia.Node, name string) string {
	if e.uses[n] > 1 {
		return e.unique(name)
	}
	return name
}
