package onnx

import (
	"slices"
)

// listOfShape is a shape as a list: the samples are told where they are.
func listOfShape(shape []int, at int) []listed {
	l := listOfNumbers(shape...)
	if at >= 0 && at < len(l) {
		l[at].samples = true
	}
	return l
}

func randomReshape(g *randomGraph, x randomValue) (randomValue, bool) {
	size := product(x.shape)
	rest, at := size, -1
	var to []int
	if x.at == 0 && g.IntN(4) > 0 || g.open && x.at == 0 {
		to, rest, at = []int{g.batch}, size/g.batch, 0
		if x.shape[0] != g.batch {
			return x, false
		}
	} else if g.open {
		return x, false
	}
	for range g.IntN(4) {
		d := 1
		for d = 1 + g.IntN(6); rest%d != 0; d-- {
		}
		to, rest = append(to, d), rest/d
	}
	to = append(to, rest)
	if g.IntN(2) == 0 {
		last := len(to) - 1
		to[min(1, last)], to[last] = to[last], to[min(1, last)]
	}
	if at == 0 && to[0] != g.batch {
		return x, false
	}
	list := listOfShape(to, at)
	if g.IntN(3) == 0 { // a dimension of which the file leaves the size to the others
		i := g.IntN(len(list))
		list[i] = listed{n: -1}
	}
	for i := range min(len(list), len(x.shape)) {
		if list[i].n == x.shape[i] && (!list[i].samples || i == x.at) && g.IntN(4) == 0 {
			list[i] = listed{} // as it was
		}
	}
	return x.withShape(g.node("Reshape", []string{x.name, g.list(list)}), to, at), true
}

func randomFlatten(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.at != 0 || integral(x.elem) && g.opset < 9 {
		return x, false
	}
	axis := g.IntN(len(x.shape) + 1)
	if g.open && axis == 0 || axis > 1 && g.open {
		axis = 1
	}
	at := -1
	if axis > 0 && (axis == 1 || g.batch == x.shape[0]) {
		at = 0
	}
	if axis != 1 {
		at = -1
	}
	written := axis
	if g.opset >= 11 && axis < len(x.shape) && g.IntN(2) == 0 {
		written -= len(x.shape)
	}
	return x.withShape(g.node("Flatten", []string{x.name}, attributeInt("axis", written)), []int{product(x.shape[:axis]), product(x.shape[axis:])}, at), true
}

func randomTranspose(g *randomGraph, x randomValue) (randomValue, bool) {
	perm, shape := g.Perm(len(x.shape)), make([]int, len(x.shape))
	if g.IntN(2) == 0 && x.at == 0 { // the samples stay
		i := slices.Index(perm, 0)
		perm[0], perm[i] = perm[i], perm[0]
	}
	var a []attributeProto
	if g.IntN(6) == 0 {
		for i := range perm {
			perm[i] = len(perm) - 1 - i
		}
	} else {
		a = append(a, attributeInts("perm", perm...))
	}
	for i, p := range perm {
		shape[i] = x.shape[p]
	}
	return x.withShape(g.node("Transpose", []string{x.name}, a...), shape, slices.Index(perm, x.at)), true
}

func randomSqueeze(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape))
	if x.shape[axis] != 1 || axis == x.at || len(x.shape) < 2 || written < 0 && g.opset < 11 {
		return x, false
	}
	at := x.at
	if axis < at {
		at--
	}
	return x.withShape(g.squeezed(x.name, written), slices.Delete(slices.Clone(x.shape), axis, axis+1), at), true
}

func randomUnsqueeze(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape) + 1)
	if written < 0 && g.opset < 11 {
		return x, false
	}
	at := x.at
	if at >= 0 && axis <= at {
		at++
	}
	return x.withShape(g.unsqueezed(x.name, written), slices.Insert(slices.Clone(x.shape), axis, 1), at), true
}

func randomExpand(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.opset < 8 {
		return x, false
	}
	to, at := slices.Clone(x.shape), x.at
	for i, d := range to {
		if d == 1 && i != x.at && g.IntN(2) == 0 {
			to[i] = 1 + g.IntN(3)
		}
	}
	list := listOfShape(to, x.at)
	for i := range list { // a 1 leaves the dimension as it is
		if g.IntN(4) == 0 {
			list[i] = listed{n: 1}
		}
	}
	if g.IntN(4) == 0 && len(to) < 5 {
		more := 1 + g.IntN(2)
		to, list = slices.Insert(to, 0, more), slices.Insert(list, 0, listed{n: more})
		if at >= 0 {
			at++
		}
	}
	return x.withShape(g.node("Expand", []string{x.name, g.list(list)}), to, at), true
}

func randomTile(g *randomGraph, x randomValue) (randomValue, bool) {
	times, to := make([]int, len(x.shape)), slices.Clone(x.shape)
	for i := range to {
		if times[i] = 1; g.IntN(3) == 0 && (i != x.at || g.IntN(4) == 0) {
			times[i] = 2
		}
		to[i] *= times[i]
	}
	at := x.at
	if at >= 0 && times[at] > 1 {
		at = -1
	}
	return x.withShape(g.node("Tile", []string{x.name, g.list(listOfNumbers(times...))}), to, at), true
}

func randomSlice(g *randomGraph, x randomValue) (randomValue, bool) {
	var axes, starts, ends, steps []int
	to := slices.Clone(x.shape)
	for i, d := range x.shape {
		if i == x.at && (g.open || g.IntN(4) > 0) || g.IntN(2) == 0 {
			continue
		}
		start := g.IntN(d)
		end := start + 1 + g.IntN(d-start)
		step, size := 1, end-start
		if g.opset >= 10 && g.IntN(3) == 0 {
			step = 2
			size = (size + 1) / 2
		}
		axis := i
		if g.opset >= 10 && g.IntN(3) == 0 { // from behind
			last := start
			start, end, step = end-1, last-1, -1
			size = start - last + 1
			if end < 0 {
				end = -100
			}
		} else if end == d && g.IntN(2) == 0 {
			end = []int{1 << 30, maxSize, d + 7}[g.IntN(3)]
		} else if g.IntN(2) == 0 && end < d {
			end -= d
		}
		if g.IntN(3) == 0 {
			start -= d
		}
		if g.opset >= 10 && g.IntN(2) == 0 {
			axis -= len(x.shape)
		}
		axes, starts, ends, steps, to[i] = append(axes, axis), append(starts, start), append(ends, end), append(steps, step), size
	}
	if len(axes) == 0 {
		return x, false
	}
	if g.opset < 10 || slices.Max(steps) == 1 && slices.Min(steps) == 1 && g.IntN(2) == 0 {
		steps = nil
	}
	return x.withShape(g.sliced(x.name, starts, ends, axes, steps), to, x.at), true
}

func randomGather(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape))
	if axis == x.at && (g.open || g.IntN(4) > 0) {
		return x, false
	}
	if g.opset < 11 {
		written = axis
	}
	dims := [][]int{nil, {1}, {3}, {2, 2}, {1, 2}}[g.IntN(5)]
	index := make([]int, product(dims))
	for i := range index {
		if index[i] = g.IntN(x.shape[axis]); g.opset >= 11 && g.IntN(3) == 0 {
			index[i] -= x.shape[axis]
		}
	}
	name := ""
	if len(dims) == 1 {
		name = g.list(listOfNumbers(index...))
	} else {
		name = g.wholes([]int64{typeInt64, typeInt32}[g.IntN(2)], dims, index...)
	}
	at := x.at
	switch {
	case axis == at:
		at = -1
	case axis < at:
		at += len(dims) - 1
	}
	to := slices.Concat(x.shape[:axis], dims, x.shape[axis+1:])
	if len(to) == 0 {
		return x, false
	}
	return x.withShape(g.node("Gather", []string{x.name, name}, attributeInt("axis", written)), to, at), true
}

func randomSplit(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape))
	d := x.shape[axis]
	if axis == x.at || d < 2 || g.opset < 11 && written < 0 {
		return x, false
	}
	first := 1 + g.IntN(d-1)
	sizes := []int{first, d - first}
	n := nodeProto{Op: "Split", Inputs: []string{x.name}, Outputs: []string{g.name(), g.name()}, Attributes: []attributeProto{attributeInt("axis", written)}}
	switch {
	case d%2 == 0 && g.IntN(2) == 0:
		sizes = []int{d / 2, d / 2}
		if g.opset >= 18 {
			n.Attributes = append(n.Attributes, attributeInt("num_outputs", 2))
		}
	case g.opset >= 13:
		n.Inputs = append(n.Inputs, g.list(listOfNumbers(sizes...)))
	default:
		n.Attributes = append(n.Attributes, attributeInts("split", sizes...))
	}
	g.nodes = append(g.nodes, n)
	for i, out := range n.Outputs {
		to := slices.Clone(x.shape)
		to[axis] = sizes[i]
		g.add(x.withShape(out, to, x.at))
	}
	return g.values[len(g.values)-1-g.IntN(2)], true
}

func randomConcat(g *randomGraph, x randomValue) (randomValue, bool) {
	axis, written := g.axis(len(x.shape))
	if axis == x.at && g.IntN(6) > 0 || g.opset < 11 && written < 0 {
		return x, false
	}
	parts := []randomValue{x}
	for _, v := range g.values {
		if v.elem == x.elem && len(v.shape) == len(x.shape) && slices.Equal(reducedShape(v.shape, []int{axis}, false), reducedShape(x.shape, []int{axis}, false)) && len(parts) < 3 {
			parts = append(parts, v)
		}
	}
	if g.IntN(2) == 0 && (!g.open || x.at < 0) {
		shape := slices.Clone(x.shape)
		shape[axis] = 1 + g.IntN(2)
		parts = append(parts, g.weights(x.elem, x.exact, shape...))
	}
	g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	to, y, at := slices.Clone(x.shape), x, x.at
	to[axis] = 0
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
		to[axis] += p.shape[axis]
		y.exact, y.grid, y.bound = y.exact && p.exact, max(y.grid, p.grid), max(y.bound, p.bound)
	}
	if axis == at && len(parts) > 1 {
		at = -1
	}
	return y.withShape(g.node("Concat", names, attributeInt("axis", written)), to, at), true
}
