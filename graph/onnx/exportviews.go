package onnx

import (
	"cmp"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

func exportPermute(e *exporter, n *gorgonia.Node, d op.Description) string {
	axes := d.Axes()
	if e.batched(n) && axes[0] != 0 {
		return e.fail("Permute of %v by %v moves the batch", d.Operands[0].Shape(), axes)
	}
	return e.emit("Transpose", e.values(d.Operands), attributeInts("perm", axes...))
}

func exportPickChannels(e *exporter, _ *gorgonia.Node, d op.Description) string {
	return e.emit("Gather", []string{e.value(d.Operands[0]), e.shape(d.Channels()...)}, attributeInt("axis", 1))
}

// exportRoll writes the end and the beginning of each dimension that is rolled.
func exportRoll(e *exporter, n *gorgonia.Node, d op.Description) string {
	shifts, y := d.Shifts(), e.value(d.Operands[0])
	if e.batched(n) && shifts[0] != 0 {
		return e.fail("Roll of %v by %v moves the batch", n.Shape(), shifts)
	}
	for axis, shift := range shifts {
		if shift == 0 {
			continue
		}
		end := e.emit("Slice", []string{y, e.shape(shift), e.shape(n.Shape()[axis]), e.shape(axis)})
		beginning := e.emit("Slice", []string{y, e.shape(0), e.shape(shift), e.shape(axis)})
		y = e.emit("Concat", []string{end, beginning}, attributeInt("axis", axis))
	}
	return y
}

func exportPadImage(e *exporter, _ *gorgonia.Node, d op.Description) string {
	b := d.Border()
	return e.emit("Pad", []string{e.value(d.Operands[0]), e.shape(0, 0, b.Top, b.Left, 0, 0, b.Bottom, b.Right), e.scalar(b.Fill)})
}

// repeatedOperand is the rule of an op whose second operand repeats, as ONNX has it.
func repeatedOperand(kind string) exportRule {
	return func(e *exporter, _ *gorgonia.Node, d op.Description) string {
		x, s := d.Operands[0], d.Operands[1]
		if !e.batched(s) && e.batched(x) && s.Dims() == x.Dims() && s.Shape()[0] != 1 {
			return e.fail("%s of %v by %v, which is made for one batch size", d.Kind, x.Shape(), s.Shape())
		}
		return e.emit(kind, e.values(d.Operands))
	}
}

func exportHardSigmoid(e *exporter, _ *gorgonia.Node, d op.Description) string {
	l := d.Line()
	return e.emit("HardSigmoid", e.values(d.Operands), attributeFloat("alpha", l.Slope), attributeFloat("beta", l.Offset))
}

func exportStrided(e *exporter, n *gorgonia.Node, d op.Description) string {
	return e.viewed(d.Operands[0], d.View(), e.batched(n))
}

// exportBatchMul writes both operands as they are multiplied; batches of one
// operand alone repeat by themselves.
func exportBatchMul(e *exporter, n *gorgonia.Node, d op.Description) string {
	p := d.Products()
	var names []string
	for i, v := range []op.View{p.A, p.B} {
		operand := d.Operands[i]
		if e.batched(n) && !e.batched(operand) {
			if v.Steps[0] != 0 || len(v.Shape) < 3 {
				return e.fail("BatchMul of %v, which is made for one batch size", operand.Shape())
			}
			v.Shape = slices.Clone(v.Shape)
			v.Shape[0] = 1
		}
		names = append(names, e.viewed(operand, v, e.batched(operand)))
	}
	y := e.emit("MatMul", names)
	if p.Scale != 1 {
		y = e.emit("Mul", []string{y, e.scalar(p.Scale)})
	}
	if p.Axes == nil || slices.IsSorted(p.Axes) {
		return y
	}
	if e.batched(n) && p.Axes[0] != 0 {
		return e.fail("BatchMul with axes %v moves the batch", p.Axes)
	}
	return e.emit("Transpose", []string{y}, attributeInts("perm", p.Axes...))
}

// viewed writes what a view shows of a node: for each sample alike if the node is
// batched.
func (e *exporter) viewed(n *gorgonia.Node, v op.View, batched bool) string {
	if slices.Equal(v.Shape, n.Shape()) && v.From == 0 && slices.Equal(v.Steps, stepsOf(n.Shape())) {
		return e.value(n)
	}
	of := n.Shape()
	var batch []int
	if batched {
		sample := of[1:].TotalSize()
		if v.Shape[0] != of[0] || v.Steps[0] != sample || v.From >= sample {
			return e.fail("a rearrangement of %v to %v moves the batch", of, tensor.Shape(v.Shape))
		}
		batch, of, v.Shape, v.Steps = []int{-1}, of[1:], v.Shape[1:], v.Steps[1:]
	}
	if y, ok := e.boxed(n, batch, of.TotalSize(), v); ok {
		return y
	}
	y := e.emit("Reshape", []string{e.value(n), e.shape(append(slices.Clone(batch), of.TotalSize())...)})
	y = e.emit("Gather", []string{y, e.shape(elements(v)...)}, attributeInt("axis", len(batch)))
	return e.emit("Reshape", []string{y, e.shape(append(slices.Clone(batch), v.Shape...)...)})
}

// stepsOf are the distances of a tensor's dimensions.
func stepsOf(shape []int) []int {
	steps, step := make([]int, len(shape)), 1
	for i, d := range slices.Backward(shape) {
		steps[i] = step
		step *= d
	}
	return steps
}

// elements lists the elements that a view shows, by their places in memory.
func elements(v op.View) []int {
	at := []int{v.From}
	for i, d := range v.Shape {
		outer := at
		at = make([]int, 0, len(outer)*d)
		for _, from := range outer {
			for k := range d {
				at = append(at, from+k*v.Steps[i])
			}
		}
	}
	return at
}

// boxed writes a view as a box of a node of another shape, in another order: by
// Reshape, Slice, Transpose, Reshape and, if it repeats, Expand. ok is false if it
// is none.
func (e *exporter) boxed(n *gorgonia.Node, batch []int, size int, v op.View) (y string, ok bool) {
	var order []int // dimensions of the view, those with larger steps first
	for i, d := range v.Shape {
		if d > 1 && v.Steps[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v.Steps[b], v.Steps[a]) })
	shape, starts, ends := slices.Clone(batch), []int{}, []int{}
	outer, from := size, v.From
	for _, i := range order {
		step := v.Steps[i]
		if outer%step != 0 || from/step+v.Shape[i] > outer/step {
			return "", false
		}
		shape, starts, ends = append(shape, outer/step), append(starts, from/step), append(ends, from/step+v.Shape[i])
		outer, from = step, from%step
	}
	if outer > 1 { // one of each so many elements
		shape, starts, ends = append(shape, outer), append(starts, from), append(ends, from+1)
	}
	y = e.emit("Reshape", []string{e.value(n), e.shape(shape...)})
	y = e.sliced(y, shape, len(batch), starts, ends)
	y = e.inOrder(y, len(batch), len(shape), order)
	return e.expanded(y, batch, v), true
}

// sliced cuts dimensions behind the batch.
func (e *exporter) sliced(y string, shape []int, batch int, starts, ends []int) string {
	var axes, from, to []int
	for i, start := range starts {
		if start > 0 || ends[i] < shape[batch+i] {
			axes, from, to = append(axes, batch+i), append(from, start), append(to, ends[i])
		}
	}
	if axes == nil {
		return y
	}
	return e.emit("Slice", []string{y, e.shape(from...), e.shape(to...), e.shape(axes...)})
}

// inOrder puts dimensions behind the batch, which lie in the given order, in that
// of their numbers.
func (e *exporter) inOrder(y string, batch, dims int, order []int) string {
	perm := make([]int, dims)
	for i := range perm {
		perm[i] = i
	}
	for i, k := range slices.Sorted(slices.Values(order)) {
		perm[batch+i] = batch + slices.Index(order, k)
	}
	if slices.IsSorted(perm) {
		return y
	}
	return e.emit("Transpose", []string{y}, attributeInts("perm", perm...))
}

// expanded gives a box the shape of its view, and repeats it where that does.
func (e *exporter) expanded(y string, batch []int, v op.View) string {
	flat, to := slices.Clone(batch), slices.Clone(batch)
	for i := range to {
		to[i] = 1 // ONNX's Expand leaves the larger dimension
	}
	repeats := false
	for i, d := range v.Shape {
		to = append(to, d)
		if d > 1 && v.Steps[i] == 0 {
			d, repeats = 1, true
		}
		flat = append(flat, d)
	}
	y = e.emit("Reshape", []string{y, e.shape(flat...)})
	if repeats {
		y = e.emit("Expand", []string{y, e.shape(to...)})
	}
	return y
}
