package onnx

import (
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// exportAcross writes a function of the numbers along an axis: as an operator along
// that, or as one of several operands.
func exportAcross(e *exporter, n *gorgonia.Node, d op.Description) string {
	along, x := d.Along(), d.Operands[0]
	f, axis := along.Reduction, along.Axis
	switch {
	case f.Operator == nil:
		return e.fail("the function %s has no translation, want its Operator", f.Name)
	case e.batched(n) && axis == 0:
		return e.fail("%s of %v mixes the samples of a batch", f.Name, x.Shape())
	case f.Operator.Kind == ownPrefix+"Top":
		return e.exportTop(e.value(x), f.Operator, axis)
	case strings.HasPrefix(f.Operator.Kind, "Reduce") || strings.HasPrefix(f.Operator.Kind, "Arg"):
		return e.along(e.value(x), f.Operator, axis, x.Dims())
	}
	return e.operator(f.Operator, e.parts(x, axis)...)
}

// along writes an operator that makes one number of all along an axis.
func (e *exporter) along(x string, o *op.Operator, axis, dims int) string {
	keep := 0
	if dims == 1 {
		keep = 1 // a tensor has a dimension
	}
	attributes := []attributeProto{attributeInt("keepdims", keep)}
	switch {
	case o.Kind == "ReduceSum" || strings.HasPrefix(o.Kind, "Reduce") && e.version() >= 18:
		return e.emit(o.Kind, []string{x, e.shape(axis)}, attributes...)
	case strings.HasPrefix(o.Kind, "Reduce"):
		return e.emit(o.Kind, []string{x}, append(attributes, attributeInts("axes", axis))...)
	}
	for _, a := range o.Attributes {
		attributes = append(attributes, attributeInt(a.Name, int(a.Value)))
	}
	return e.asFloat(e.emit(o.Kind, []string{x}, append(attributes, attributeInt("axis", axis))...))
}

// parts are the tensors along an axis. Operands that lie side by side are taken as
// they are; those that repeat are repeated by the operator.
func (e *exporter) parts(x *gorgonia.Node, axis int) (names []string) {
	d, ok := op.Describe(x)
	if ok && d.Kind == op.KindConcat && d.Axis() == axis && len(d.Operands) == x.Shape()[axis] {
		for _, n := range d.Operands {
			names = append(names, e.without(n, axis))
		}
		return names
	}
	all := e.value(x)
	for i := range x.Shape()[axis] {
		index := e.unique("shape")
		e.initializer(tensorProto{Name: index, Type: typeInt64, Int64s: []int64{int64(i)}}, uint64(i))
		names = append(names, e.emit("Gather", []string{all, index}, attributeInt("axis", axis)))
	}
	return names
}

// without is a node without an axis, which is 1.
func (e *exporter) without(n *gorgonia.Node, axis int) string {
	to := slices.Delete(slices.Clone(n.Shape()), axis, axis+1)
	if d, ok := op.Describe(n); ok && d.Kind == op.KindReshape && slices.Equal(d.Operands[0].Shape(), to) {
		return e.unexpanded(d.Operands)[0]
	}
	if e.batched(n) {
		to[0] = -1
	}
	return e.emit("Reshape", []string{e.value(n), e.shape(to...)})
}
