package onnx

import "slices"

// foldTile repeats a constant along its dimensions.
func foldTile(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	times, isInt := b.ints(1)
	if !ok || !isInt || b.opset < 6 {
		return c, false
	}
	if len(times) != len(from.shape) || len(times) > 0 && slices.Min(times) < 0 {
		b.fail("repeats %v of %v", times, from.shape)
		return c, true
	}
	to := slices.Clone(from.shape)
	for i, n := range times {
		if to[i] > 0 && n > maxFolded/to[i] {
			b.fail("repeats %v of %v", times, from.shape)
			return c, true
		}
		to[i] *= n
	}
	return b.rearranged(from, to, func(to, at []int) {
		for i, d := range from.shape {
			at[i] = to[i] % d
		}
	})
}

// foldFlatten makes a matrix of a constant.
func foldFlatten(b *builder) (c constant, ok bool) {
	if c, ok = b.known(0); !ok {
		return c, false
	}
	axis, ok := b.axisOrEnd(b.attrInt("axis", 1), len(c.shape))
	if !ok {
		return c, true
	}
	return c.shaped([]int{product(c.shape[:axis]), product(c.shape[axis:])}), true
}

// foldSplit cuts a constant into parts. The first is the result; the others become
// values as they are.
func foldSplit(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	if !ok {
		return c, false
	}
	axis, sizes, ok := b.splits(from.shape)
	if !ok {
		return c, true
	}
	at := 0
	for i, d := range sizes {
		to, start := slices.Clone(from.shape), at
		to[axis] = d
		part, _ := b.rearranged(from, to, func(to, from []int) {
			copy(from, to)
			from[axis] += start
		})
		if b.s.Err() != nil {
			return c, true
		}
		b.splitInto(i, part)
		if at += d; i == 0 {
			c = part
		}
	}
	return c, true
}

// splitInto gives output i of the node a part, beside which the file's own batch may have
// another one.
func (b *builder) splitInto(i int, part constant) {
	name := b.now.Outputs[i]
	switch v := b.values[name]; {
	case i == 0:
	case !b.owning:
		b.values[name] = &value{constant: part, name: name}
	case v != nil && !part.equal(v.constant):
		v.own = &part
	}
}
