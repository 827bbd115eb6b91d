package onnx

import "slices"

// The folds compute shapes and paddings, as PyTorch writes a view or a pad: by
// Shape, Gather, Unsqueeze, Concat and others, of integers that are few.

// maxShape is the most integers that are computed at once.
const maxShape = 64

// integers is input i, if it is an integer constant.
func (b *builder) integers(i int) (c constant, ok bool) {
	if !b.has(i) {
		return c, false
	}
	c = b.values[b.now.Inputs[i]].constant
	return c, c.ints != nil
}

func foldConstant(b *builder) (c constant, ok bool) {
	for _, a := range b.now.Attributes {
		switch {
		case a.Name == "value" && a.Tensor != nil:
			c, err := a.Tensor.constant()
			if err != nil {
				b.fail("%w", err)
			}
			return c, true
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
func foldFirst(b *builder) (c constant, ok bool) {
	if c, ok = b.integers(0); !ok {
		return c, false
	}
	switch b.now.Op {
	case "Squeeze":
		c.shape = nil
	case "Unsqueeze":
		c.shape = []int{len(c.ints)}
	case "Cast":
		if to := b.attrInt("to", typeInt64); to == typeFloat || to == typeDouble {
			floats := make([]float32, len(c.ints))
			for i, v := range c.ints {
				floats[i] = float32(v)
			}
			c = constant{shape: c.shape, floats: floats}
		}
	}
	return c, true
}

func foldShape(b *builder) (c constant, ok bool) {
	shape := b.values[b.now.Inputs[0]].constant.shape
	if n := b.values[b.now.Inputs[0]].node; n != nil {
		shape = n.Shape()
	}
	start, end := b.attrInt("start", 0), b.attrInt("end", len(shape))
	part := newCut(len(shape), start, end, 1)
	ints := int64s(shape[part.start:][:part.size])
	return constant{shape: []int{len(ints)}, ints: ints}, true
}

func foldGather(b *builder) (c constant, ok bool) {
	from, ok := b.integers(0)
	picked, isInt := b.ints(1)
	if !ok || !isInt {
		return c, false
	}
	c = constant{shape: b.values[b.now.Inputs[1]].constant.shape, ints: []int64{}}
	for _, k := range picked {
		if k, ok = b.axis(k, len(from.ints)); !ok {
			return c, true
		}
		c.ints = append(c.ints, from.ints[k])
	}
	return c, true
}

func foldConcat(b *builder) (c constant, ok bool) {
	c.ints = []int64{}
	for i := range b.now.Inputs {
		part, ok := b.integers(i)
		if !ok {
			return c, false
		}
		c.ints = append(c.ints, part.ints...)
		if len(c.ints) > maxShape {
			b.fail("more than %d integers, want a shape", maxShape)
			return c, true
		}
	}
	c.shape = []int{len(c.ints)}
	return c, true
}

func foldSlice(b *builder) (c constant, ok bool) {
	from, ok := b.integers(0)
	if !ok {
		return c, false
	}
	cuts, ok := b.cuts(from.shape)
	if !ok {
		return c, true
	}
	to := make([]int, len(cuts))
	for i, cut := range cuts {
		to[i] = cut.size
	}
	return from.rearranged(to, func(to, from []int) {
		for i, cut := range cuts {
			from[i] = cut.start + to[i]*cut.step
		}
	}), true
}

func foldTranspose(b *builder) (c constant, ok bool) {
	from, ok := b.integers(0)
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
	return from.rearranged(to, func(to, from []int) {
		for i, a := range perm {
			from[a] = to[i]
		}
	}), true
}

// rearranged picks integers: place sets the position from of each position to.
func (c constant) rearranged(shape []int, place func(to, from []int)) constant {
	size := 1
	for _, d := range shape {
		size *= d
	}
	y := constant{shape: shape, ints: make([]int64, size)}
	to, from := make([]int, len(shape)), make([]int, len(c.shape))
	for i := range y.ints {
		place(to, from)
		y.ints[i] = c.ints[offset(c.shape, from)]
		next(to, shape)
	}
	return y
}

func foldReshape(b *builder) (c constant, ok bool) {
	if c, ok = b.integers(0); !ok {
		return c, false
	}
	c.shape = b.reshaped(c.shape)
	return c, true
}

// foldConstantOfShape repeats a number, 0 unless an attribute has another.
func foldConstantOfShape(b *builder) (c constant, ok bool) {
	shape, ok := b.ints(0)
	size := 1
	for _, d := range shape {
		if ok = ok && d >= 0 && d <= maxShape; ok {
			size *= d
		}
		if ok = ok && size <= maxShape; !ok {
			break
		}
	}
	if !ok {
		b.fail("a shape that is computed, or of more than %d elements", maxShape)
		return c, true
	}
	number := constant{floats: []float32{0}}
	if a := b.attribute("value"); a != nil && a.Tensor != nil {
		var err error
		if number, err = a.Tensor.constant(); err != nil || len(number.ints)+len(number.floats) != 1 {
			b.fail("a value that is not one number")
			return c, true
		}
	}
	if c.shape = shape; number.ints != nil {
		c.ints = slices.Repeat(number.ints, size)
	} else {
		c.floats = slices.Repeat(number.floats, size)
	}
	return c, true
}
