package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// arrangeConcat joins along an axis. Two parts of one value that change places roll
// it.
func arrangeConcat(b *builder, x *value) *value {
	axis, ok := b.axis(b.attrInt("axis", 1), len(x.shape()))
	if !ok {
		return nil
	}
	if of := rolled(x, b.value(1), axis); of != nil && len(b.now.Inputs) == 2 {
		return b.rolled(of, axis, x.part.start)
	}
	var all []*gorgonia.Node
	for i := range b.now.Inputs {
		all = append(all, b.node(b.besideSamples(b.value(i), axis)))
	}
	if len(all) == 1 {
		return x
	}
	return valueOf(b.do(op.Concat(axis, all...)))
}

// besideSamples repeats an operand of a concatenation for each sample, in a graph of
// another batch than the one image for which the file is made: a token that PyTorch
// writes for that image is the same for each of several.
func (b *builder) besideSamples(v *value, axis int) *value {
	all := b.withSamples()
	if !b.follows() || b.Model.batch != 1 || len(all) == 0 || v == nil || v.samples > 0 || all[0].at == axis {
		return v
	}
	if v = b.held(v); v == nil || all[0].at >= len(v.shape()) || v.shape()[all[0].at] != 1 {
		return v
	}
	to := slices.Clone(v.shape())
	to[all[0].at] = all[0].shape()[all[0].at]
	return b.viewed(v, v.view.expanded(to))
}

// rolled is the value of which x and y are the end and the beginning along an axis,
// nil if they are not.
func rolled(x, y *value, axis int) *value {
	if y == nil || x.part == nil || y.part == nil || x.part.of != y.part.of || x.part.axis != axis || y.part.axis != axis {
		return nil
	}
	first, second := y.part.cut, x.part.cut
	if first.start != 0 || first.size != second.start || first.size+second.size != x.part.of.shape()[axis] {
		return nil
	}
	return x.part.of
}

// rolled moves a value along an axis. Several such moves, one after the other, are
// one op.
func (b *builder) rolled(x *value, axis, shift int) *value {
	shifts := make([]int, len(x.shape()))
	if x.roll != nil {
		shifts, x = slices.Clone(x.roll.shifts), x.roll.of
	}
	shifts[axis] += shift
	y := valueOf(b.do(op.Roll(b.node(x), shifts...)))
	if y != nil {
		y.roll = &roll{x, shifts}
	}
	return y
}

// arrangePad reads the paddings from an attribute, or from an input since version
// 11; negative ones cut.
func arrangePad(b *builder, x *value) *value {
	pads, ok := b.ints(1)
	if !ok {
		pads = b.attrInts("pads")
	}
	s := x.shape()
	fill, mode, dims := b.attrFloat("value", 0), b.attrText("mode"), len(s)
	if v, ok := b.known(2); ok && v.size() == 1 {
		fill = v.number(0)
	} else if v, ok := b.floats(2); ok {
		fill = float64(v[0])
	} else if b.has(2) {
		b.fail("a value for the padding that is computed, want a constant")
		return nil
	}
	axes := make([]int, dims)
	for i := range axes {
		axes[i] = i
	}
	if b.has(3) {
		var ok bool
		if axes, ok = b.ints(3); !ok {
			b.fail("axes that are computed, want constants")
			return nil
		}
	}
	if len(pads) != 2*len(axes) {
		b.fail("pads %v of %v, want two for each dimension", pads, tensor.Shape(s))
		return nil
	}
	if dims == 0 {
		return x
	}
	before, after := make([]int, dims), make([]int, dims)
	for i, a := range axes {
		if a, ok = b.axis(a, dims); !ok {
			return nil
		}
		before[a], after[a] = pads[i], pads[len(axes)+i]
	}
	if slices.Max(before) == 0 && slices.Min(before) == 0 && slices.Max(after) == 0 && slices.Min(after) == 0 {
		return x
	}
	return valueOf(b.pad(b.node(x), before, after, mode, fill))
}

func (b *builder) pad(x *gorgonia.Node, before, after []int, mode string, fill float64) *gorgonia.Node {
	if x == nil {
		return nil
	}
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
	images := len(s) == 4 && slices.Equal(before[:2], []int{0, 0}) && slices.Equal(after[:2], []int{0, 0})
	if images && (mode == "" || mode == "constant") && min(slices.Min(before), slices.Min(after)) >= 0 {
		if !b.fits(to) {
			return nil
		}
		p := op.Padding{Top: before[2], Bottom: after[2], Left: before[3], Right: after[3]}
		return b.do(op.PadImage(x, op.Border{Padding: p, Fill: fill}))
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

// cuts reads Slice's inputs for the shape of an operand, which has samples or is a
// constant.
func (b *builder) cuts(s []int, samples bool) (cuts []cut, ok bool) {
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
		if samples && a == 0 && starts[i] == 0 && ends[i] >= s[0] && ends[i] < maxSize && s[0] == b.batch && !fixed {
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

func arrangeSlice(b *builder, x *value) *value {
	cuts, ok := b.cuts(x.shape(), true)
	if !ok {
		return nil
	}
	for _, c := range cuts {
		if c.size < 1 {
			b.fail("a slice of %v without elements", tensor.Shape(x.shape()))
			return nil
		}
	}
	return b.cut(x, cuts)
}

// cut takes parts of all dimensions: as a view, or where that cannot be by a copy.
func (b *builder) cut(x *value, cuts []cut) *value {
	v, ok := x.view.cuts(cuts)
	of := x
	if !ok && !slices.ContainsFunc(cuts, func(c cut) bool { return c.step < 0 }) {
		if of = b.copied(x); of.node == nil {
			return nil
		}
		v, ok = of.view.cuts(cuts)
	}
	if ok {
		y := b.viewed(of, v)
		if axis, one := onlyOne(cuts, x.shape()); one && y != nil {
			y.part = &part{x, axis, cuts[axis]}
		}
		return y
	}
	n := b.node(x)
	if n == nil {
		return nil
	}
	to, skip := make([]int, len(cuts)), 0
	for i, c := range cuts {
		to[i] = c.size
	}
	if cuts[0] == (cut{0, 1, n.Shape()[0]}) {
		skip = 1
	}
	return valueOf(b.gather(n, skip == 1, 0, to, func(to, from []int) bool {
		for i := range to {
			from[i] = cuts[skip+i].start + to[i]*cuts[skip+i].step
		}
		return true
	}))
}

// cuts takes parts of all dimensions. ok is false if that takes a copy.
func (v view) cuts(cuts []cut) (_ view, ok bool) {
	for i, c := range cuts {
		if c == (cut{0, 1, sizeOf(v.dims[i])}) {
			continue
		}
		if v, ok = v.cut(i, c); !ok {
			return v, false
		}
	}
	return v, true
}

// onlyOne is the dimension that is cut, if one alone is, without gaps.
func onlyOne(cuts []cut, shape []int) (axis int, ok bool) {
	for i, c := range cuts {
		if c == (cut{0, 1, shape[i]}) {
			continue
		}
		if ok || c.step != 1 {
			return 0, false
		}
		axis, ok = i, true
	}
	return axis, ok
}

// splits are the sizes of Split's parts of a shape, along an axis.
func (b *builder) splits(s []int) (axis int, sizes []int, ok bool) {
	if axis, ok = b.axis(b.attrInt("axis", 0), len(s)); !ok {
		return 0, nil, false
	}
	n := len(b.now.Outputs)
	if sizes, ok = b.ints(1); !ok && b.has(1) {
		b.fail("sizes that are computed, want constants")
		return 0, nil, false
	} else if !ok {
		sizes = b.attrInts("split")
	}
	if sizes == nil {
		part := (s[axis] + n - 1) / n
		for i := range n {
			sizes = append(sizes, max(0, min(part, s[axis]-i*part)))
		}
	}
	sum := 0
	for _, d := range sizes {
		sum += d
	}
	if len(sizes) != n || slices.Min(sizes) < 0 || sum != s[axis] {
		b.fail("parts of %v along axis %d of %v, want one for each of %d outputs, and all of it", sizes, axis, tensor.Shape(s), n)
		return 0, nil, false
	}
	return axis, sizes, true
}

// arrangeSplit cuts a value into parts along an axis, one for each output.
func arrangeSplit(b *builder, x *value) *value {
	axis, sizes, ok := b.splits(x.shape())
	if !ok {
		return nil
	}
	var first *value
	at := 0
	for i, d := range sizes {
		v, ok := x.view.cut(axis, cut{at, 1, d})
		if !ok {
			x = b.copied(x)
			if x.node == nil {
				return nil
			}
			v, _ = x.view.cut(axis, cut{at, 1, d})
		}
		part := b.viewed(x, v)
		if part == nil {
			return nil
		}
		part.elem = b.value(0).kind()
		if part.name = b.now.Outputs[i]; i == 0 {
			first = part
		}
		b.values[part.name] = part
		at += d
	}
	return first
}
