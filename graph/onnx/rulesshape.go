package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

func importIdentity(_ *builder, x *gorgonia.Node) *gorgonia.Node { return x }

// importCast leaves floats as they are: a graph has one precision.
func importCast(b *builder, x *gorgonia.Node) *gorgonia.Node {
	if to := b.attrInt("to", typeFloat); to != typeFloat && to != typeDouble {
		return b.fail("cast of values to type %d, want float", to)
	}
	return x
}

func importFlatten(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	axis := b.attrInt("axis", 1)
	if axis < 0 {
		axis += len(s)
	}
	if axis < 0 || axis > len(s) {
		return b.fail("axis %d of %v", axis, s)
	}
	outer := 1
	for _, d := range s[:axis] {
		outer *= d
	}
	return b.reshape(x, outer, s.TotalSize()/outer)
}

// importReshape fills in a dimension -1 and copies where the shape says 0. A
// file made for one batch size has that as a number, which stands for the
// graph's.
func importReshape(b *builder, x *gorgonia.Node) *gorgonia.Node {
	to := b.reshaped(x.Shape())
	if to == nil {
		return nil
	}
	return b.reshape(x, atLeastOne(to)...)
}

// reshaped is the shape that Reshape gives to an operand, nil after an error.
func (b *builder) reshaped(s []int) []int {
	to, ok := b.ints(1)
	if !ok {
		to, ok = b.attrInts("shape"), b.attribute("shape") != nil // before version 5
	}
	if !ok || len(to) > maxDims {
		b.fail("a shape that is computed, want a constant")
		return nil
	}
	size := 1
	for _, d := range s {
		size *= d
	}
	open, known := -1, 1
	for i, d := range to {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d == 0 && i < len(s) && b.attrInt("allowzero", 0) == 0:
			to[i] = s[i]
		case i == 0 && d == b.Model.batch && len(s) > 0 && s[0] == b.batch:
			to[i] = b.batch
		}
		if to[i] < 1 || to[i] > size/known {
			b.fail("%v to %v", tensor.Shape(s), to)
			return nil
		}
		known *= to[i]
	}
	if open >= 0 {
		to[open] = size / known
		known *= to[open]
	}
	if known != size {
		b.fail("%v to %v", tensor.Shape(s), to)
		return nil
	}
	return to
}

func importSqueeze(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	axes, ok := b.axes(1, len(s))
	if !ok {
		return nil
	}
	var to []int
	for i, d := range s {
		drop := slices.Contains(axes, i) || len(axes) == 0 && d == 1
		if drop && d != 1 {
			return b.fail("axis %d of %v is not 1", i, s)
		}
		if !drop {
			to = append(to, d)
		}
	}
	return b.reshape(x, atLeastOne(to)...)
}

func importUnsqueeze(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	given, ok := b.ints(1)
	if !ok {
		given = b.attrInts("axes")
	}
	dims := len(s) + len(given)
	if dims > maxDims {
		return b.fail("%d dimensions, want at most %d", dims, maxDims)
	}
	axes, ok := b.axes(1, dims)
	if !ok {
		return nil
	}
	to := slices.Clone(s)
	for _, a := range axes {
		to = slices.Insert(to, a, 1)
	}
	return b.reshape(x, to...)
}

func importTranspose(b *builder, x *gorgonia.Node) *gorgonia.Node {
	perm, ok := b.perm(x.Shape())
	if !ok {
		return nil
	}
	return b.permute(x, perm)
}

// perm is Transpose's order of the axes of an operand.
func (b *builder) perm(s []int) (perm []int, ok bool) {
	if perm = b.attrInts("perm"); perm == nil {
		for i := range s {
			perm = append([]int{i}, perm...)
		}
	}
	for i, a := range slices.Sorted(slices.Values(perm)) {
		ok = i == a
		if !ok {
			break
		}
	}
	if !ok || len(perm) != len(s) {
		b.fail("perm %v of %v", perm, tensor.Shape(s))
		return nil, false
	}
	return perm, true
}

// permute puts axis perm[i] of x in place i.
func (b *builder) permute(x *gorgonia.Node, perm []int) *gorgonia.Node {
	if x == nil || slices.IsSorted(perm) {
		return x
	}
	s := x.Shape()
	to := make([]int, len(s))
	for i, a := range perm {
		to[i] = s[a]
	}
	if slices.Equal(perm, []int{0, 2, 1}) {
		return b.do(op.Transpose(x))
	}
	skip := 0
	if perm[0] == 0 {
		skip = 1
	}
	return b.gather(x, skip == 1, 0, to, func(to, from []int) bool {
		for i, a := range perm[skip:] {
			from[a-skip] = to[i]
		}
		return true
	})
}

// importConcat joins along an axis.
func importConcat(b *builder, x *gorgonia.Node) *gorgonia.Node {
	axis, ok := b.axis(b.attrInt("axis", 1), x.Dims())
	if !ok {
		return nil
	}
	var all []*gorgonia.Node
	for i := range b.now.Inputs {
		all = append(all, b.operand(i))
	}
	return b.do(op.Concat(axis, all...))
}

// importPad reads the paddings from an attribute, or from an input since version
// 11; negative ones cut.
func importPad(b *builder, x *gorgonia.Node) *gorgonia.Node {
	pads, ok := b.ints(1)
	if !ok {
		pads = b.attrInts("pads")
	}
	fill, mode, dims := b.attrFloat("value", 0), b.attrText("mode"), x.Dims()
	if v, ok := b.floats(2); ok {
		fill = float64(v[0])
	}
	axes := make([]int, dims)
	for i := range axes {
		axes[i] = i
	}
	if b.has(3) {
		var ok bool
		if axes, ok = b.ints(3); !ok {
			return b.fail("axes that are computed, want constants")
		}
	}
	if len(pads) != 2*len(axes) {
		return b.fail("pads %v of %v, want two for each dimension", pads, x.Shape())
	}
	before, after := make([]int, dims), make([]int, dims)
	for i, a := range axes {
		if a, ok = b.axis(a, dims); !ok {
			return nil
		}
		before[a], after[a] = pads[i], pads[len(axes)+i]
	}
	return b.pad(x, before, after, mode, fill)
}

func (b *builder) pad(x *gorgonia.Node, before, after []int, mode string, fill float64) *gorgonia.Node {
	s := x.Shape()
	to := make([]int, len(s))
	for i, d := range s {
		if to[i] = d + before[i] + after[i]; mode == "reflect" && max(before[i], after[i]) >= d {
			return b.fail("reflection of %v by %v and %v, want less than the size", s, before, after)
		}
	}
	if mode != "" && mode != "constant" && mode != "edge" && mode != "reflect" {
		return b.fail("mode %.64q, want constant, edge or reflect", mode)
	}
	skip := 0
	if before[0] == 0 && after[0] == 0 {
		skip = 1
	}
	return b.gather(x, skip == 1, fill, to, func(to, from []int) bool {
		for i := range to {
			at, last := to[i]-before[skip+i], s[skip+i]-1
			switch {
			case at >= 0 && at <= last:
			case mode == "edge":
				at = min(max(at, 0), last)
			case mode == "reflect" && at < 0:
				at = -at
			case mode == "reflect":
				at = 2*last - at
			default:
				return false
			}
			from[i] = at
		}
		return true
	})
}

// cut is a slice of one dimension.
type cut struct{ start, step, size int }

// cuts reads Slice's inputs for a shape.
func (b *builder) cuts(s []int) (cuts []cut, ok bool) {
	starts, ok1 := b.ints(1)
	ends, ok2 := b.ints(2)
	axes, ok3 := b.ints(3)
	steps, ok4 := b.ints(4)
	if !b.has(1) { // before version 10
		starts, ends, axes = b.attrInts("starts"), b.attrInts("ends"), b.attrInts("axes")
		ok1, ok2, ok3 = starts != nil, ends != nil, axes != nil
	}
	if !ok1 || !ok2 || b.has(3) && !ok3 || b.has(4) && !ok4 || len(starts) != len(ends) || ok3 && len(axes) != len(starts) || ok4 && len(steps) != len(starts) {
		b.fail("starts, ends, axes or steps that are computed or of different lengths")
		return nil, false
	}
	for _, d := range s {
		cuts = append(cuts, cut{0, 1, d})
	}
	for i := range starts {
		a, step := i, 1
		if ok3 {
			a = axes[i]
		}
		if ok4 {
			step = steps[i]
		}
		if a, ok = b.axis(a, len(s)); !ok {
			return nil, false
		}
		if step == 0 {
			b.fail("a step of 0")
			return nil, false
		}
		fixed := b.Model.batch > 0 && ends[i] >= b.Model.batch // all samples of the file's batch
		if a == 0 && starts[i] == 0 && ends[i] >= s[0] && ends[i] < maxSize && s[0] == b.batch && !fixed {
			b.fail("cuts samples 0 to %d out of any batch", ends[i])
			return nil, false
		}
		cuts[a] = newCut(s[a], starts[i], ends[i], step)
	}
	return cuts, true
}

func newCut(d, start, end, step int) cut {
	if start < 0 {
		start += d
	}
	if end < 0 {
		end += d
	}
	if step > 0 {
		start, end = min(max(start, 0), d), min(max(end, 0), d)
		return cut{start, step, max(0, (end-start+step-1)/step)}
	}
	start, end = min(max(start, 0), d-1), min(max(end, -1), d-1)
	return cut{start, step, max(0, (start-end-step-1)/-step)}
}

func importSlice(b *builder, x *gorgonia.Node) *gorgonia.Node {
	cuts, ok := b.cuts(x.Shape())
	if !ok {
		return nil
	}
	to, skip := make([]int, len(cuts)), 0
	for i, c := range cuts {
		to[i] = c.size
	}
	if cuts[0] == (cut{0, 1, x.Shape()[0]}) {
		skip = 1
	}
	return b.gather(x, skip == 1, 0, to, func(to, from []int) bool {
		for i := range to {
			from[i] = cuts[skip+i].start + to[i]*cuts[skip+i].step
		}
		return true
	})
}

// importGather picks whole slices along an axis by constant numbers.
func importGather(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	axis, ok := b.axis(b.attrInt("axis", 0), len(s))
	if !ok {
		return nil
	}
	picked, ok := b.ints(1)
	if !ok {
		return b.fail("indices that are computed, want constants")
	}
	shape := b.values[b.now.Inputs[1]].constant.shape
	for i, k := range picked {
		if picked[i], ok = b.axis(k, s[axis]); !ok {
			return nil
		}
	}
	flat := slices.Clone(s)
	flat[axis] = len(picked)
	skip := min(axis, 1)
	y := b.gather(x, skip == 1, 0, flat, func(to, from []int) bool {
		copy(from, to)
		from[axis-skip] = picked[to[axis-skip]]
		return true
	})
	return b.reshape(y, slices.Concat(s[:axis], shape, s[axis+1:])...)
}
