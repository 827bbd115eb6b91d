package onnx

import "slices"

// The folds compute what a file computes of constants: shapes, as PyTorch writes a
// view or a pad, by Shape, Gather, Unsqueeze, Concat and others; tables of indices;
// masks. Of the file's weights nothing is computed, as training may change them.

// room counts the elements of a constant that is to be computed against the budget
// for all of them. ok is false, and there is an error, if the budget is spent.
func (b *builder) room(shape []int) (size int, ok bool) {
	if !b.shallow(shape, maxDims) {
		return 0, false
	}
	size = 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxFolded/d {
			b.fail("a constant of shape %v, want at most %d elements in all that are computed", shape, maxFolded)
			return 0, false
		}
		size *= d
	}
	if b.folded += size; b.folded > maxFolded {
		b.fail("more than %d elements of constants that are computed", maxFolded)
		return 0, false
	}
	return size, true
}

// roomFor counts the elements of a constant that is to be made of another, of the same
// size. The first one that is made of the file's own integers, such as weights of 8
// bits, does not count: the file has paid for it.
func (b *builder) roomFor(v *value) (ok bool) {
	if v.initializer && !v.counted {
		v.counted = true
		return true
	}
	_, ok = b.room(v.constant.shape)
	return ok
}

// known is input i, if it is a constant to compute with.
func (b *builder) known(i int) (c constant, ok bool) {
	v := b.value(i)
	if v == nil || !v.known() {
		return c, false
	}
	return v.constant, true
}

// allKnown are all inputs, if they are constants to compute with.
func (b *builder) allKnown() (all []constant, ok bool) {
	for i := range b.now.Inputs {
		c, ok := b.known(i)
		if !ok {
			return nil, false
		}
		all = append(all, c)
	}
	return all, true
}

// rearranged picks elements: place sets the position from of each position to.
func (b *builder) rearranged(c constant, shape []int, place func(to, from []int)) (constant, bool) {
	size, ok := b.room(shape)
	if !ok {
		return c, true
	}
	to, from := make([]int, len(shape)), make([]int, len(c.shape))
	y := constant{shape: shape, elem: c.elem}
	if c.ints != nil {
		y.ints = make([]int64, size)
	} else {
		y.floats = make([]float32, size)
	}
	for i := range size {
		place(to, from)
		y.set(i, c, offset(c.shape, from))
		next(to, shape)
	}
	return y, true
}

// set copies element j of c to element i.
func (y constant) set(i int, c constant, j int) {
	if c.ints != nil {
		y.ints[i] = c.ints[j]
	} else {
		y.floats[i] = c.floats[j]
	}
}

// shaped is a constant of another shape.
func (c constant) shaped(shape []int) constant {
	c.shape = shape
	return c
}

func foldConstant(b *builder) (c constant, ok bool) {
	for _, a := range b.now.Attributes {
		switch {
		case a.Name == "value" && a.Tensor != nil:
			return b.decoded(a.Tensor), true
		case a.Name == "value_float":
			return constant{floats: []float32{a.Float}}, true
		case a.Name == "value_int":
			return constant{ints: []int64{a.Int}}, true
		case a.Name == "value_floats" && len(a.Floats) > 0:
			return constant{shape: []int{len(a.Floats)}, floats: a.Floats}, true
		case a.Name == "value_ints" && len(a.Ints) > 0:
			return constant{shape: []int{len(a.Ints)}, ints: a.Ints}, true
		}
	}
	b.fail("a value that is neither float nor integer")
	return c, true
}

// foldFirst is for operators that leave the numbers as they are.
func foldFirst(b *builder) (c constant, ok bool) { return b.known(0) }

func foldCast(b *builder) (c constant, ok bool) {
	c, ok = b.known(0)
	if !ok {
		return c, false
	}
	if _, ok := b.room(c.shape); !ok {
		return c, true
	}
	return c.cast(int64(b.attrInt("to", typeInt64))), true
}

// cast is a constant of another type.
func (c constant) cast(to int64) constant {
	y := constant{shape: c.shape, elem: to}
	if kinds[to].float {
		y.floats = make([]float32, c.size())
		for i := range y.floats {
			y.floats[i] = float32(rounded(c.number(i), to))
		}
		return y
	}
	y.ints = make([]int64, c.size())
	for i := range y.ints {
		switch {
		case c.ints != nil:
			y.ints[i] = wrapped(c.ints[i], to)
		case to == typeBool:
			y.ints[i] = truth(c.floats[i] != 0)
		default:
			y.ints[i] = wrapped(wholeOf(float64(c.floats[i])), to)
		}
	}
	return y
}

// foldShape is the shape of any operand, a constant or not.
func foldShape(b *builder) (c constant, ok bool) {
	shape := b.value(0).shape()
	start, end := b.attrInt("start", 0), b.attrInt("end", len(shape))
	part := newCut(len(shape), start, end, 1)
	ints := int64s(shape[part.start:][:part.size])
	return constant{shape: []int{len(ints)}, ints: ints}, true
}

func foldGather(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	picked, isInt := b.ints(1)
	if !ok || !isInt {
		return c, false
	}
	axis, ok := b.axis(b.attrInt("axis", 0), len(from.shape))
	if !ok {
		return c, true
	}
	for i, k := range picked {
		if picked[i], ok = b.axis(k, from.shape[axis]); !ok {
			return c, true
		}
	}
	flat := slices.Clone(from.shape)
	flat[axis] = len(picked)
	y, ok := b.rearranged(from, flat, func(to, from []int) {
		copy(from, to)
		from[axis] = picked[to[axis]]
	})
	return y.shaped(slices.Concat(from.shape[:axis], b.value(1).constant.shape, from.shape[axis+1:])), ok
}

func foldConcat(b *builder) (c constant, ok bool) {
	parts, ok := b.allKnown()
	if !ok || len(parts) == 0 {
		return c, false
	}
	first := parts[0]
	axis, ok := b.axis(b.attrInt("axis", 0), len(first.shape))
	if !ok {
		return c, true
	}
	to := slices.Clone(first.shape)
	to[axis] = 0
	for _, p := range parts {
		if len(p.shape) != len(to) || (p.ints == nil) != (first.ints == nil) {
			b.fail("parts %v and %v do not go together", first.shape, p.shape)
			return c, true
		}
		for i, d := range p.shape {
			if i != axis && d != to[i] {
				b.fail("parts %v and %v do not go together", first.shape, p.shape)
				return c, true
			}
		}
		to[axis] += p.shape[axis]
	}
	if _, ok := b.room(to); !ok {
		return c, true
	}
	return concatenated(parts, axis, to), true
}

// concatenated joins constants along an axis.
func concatenated(parts []constant, axis int, shape []int) constant {
	y := constant{shape: shape, elem: parts[0].elem}
	if parts[0].ints != nil {
		y.ints = []int64{}
	}
	for o := range product(shape[:axis]) {
		for _, p := range parts {
			block := product(p.shape[axis:])
			if y.ints != nil {
				y.ints = append(y.ints, p.ints[o*block:][:block]...)
			} else {
				y.floats = append(y.floats, p.floats[o*block:][:block]...)
			}
		}
	}
	return y
}

func foldSlice(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	if !ok {
		return c, false
	}
	cuts, ok := b.cuts(from.shape, false)
	if !ok {
		return c, true
	}
	to := make([]int, len(cuts))
	for i, cut := range cuts {
		to[i] = cut.size
	}
	return b.rearranged(from, to, func(to, from []int) {
		for i, cut := range cuts {
			from[i] = cut.start + to[i]*cut.step
		}
	})
}

func foldTranspose(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	if !ok {
		return c, false
	}
	perm, ok := b.perm(from.shape)
	if !ok {
		return c, true
	}
	to := make([]int, len(perm))
	for i, a := range perm {
		to[i] = from.shape[a]
	}
	return b.rearranged(from, to, func(to, from []int) {
		for i, a := range perm {
			from[a] = to[i]
		}
	})
}

func foldReshape(b *builder) (c constant, ok bool) {
	if c, ok = b.known(0); !ok {
		return c, false
	}
	shape, _ := b.reshaped(c.shape, false)
	return c.shaped(shape), true
}

func foldSqueeze(b *builder) (c constant, ok bool) {
	if c, ok = b.known(0); !ok {
		return c, false
	}
	shape, _ := b.squeezed(c.shape)
	return c.shaped(shape), true
}

func foldUnsqueeze(b *builder) (c constant, ok bool) {
	if c, ok = b.known(0); !ok {
		return c, false
	}
	shape, _ := b.unsqueezed(c.shape)
	return c.shaped(shape), true
}

func foldExpand(b *builder) (c constant, ok bool) {
	from, ok := b.known(0)
	if !ok {
		return c, false
	}
	to, ok := b.ints(1)
	if !ok {
		return c, false
	}
	if to, ok = b.broadcasted(from.shape, to); !ok {
		return c, true
	}
	return b.rearranged(from, to, repeating(from.shape, len(to)))
}

// repeating places a shape in one of more dimensions that it is broadcast to.
func repeating(shape []int, dims int) func(to, from []int) {
	return func(to, from []int) {
		for i, d := range shape {
			if from[i] = 0; d > 1 {
				from[i] = to[dims-len(shape)+i]
			}
		}
	}
}
