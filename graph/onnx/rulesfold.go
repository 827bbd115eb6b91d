package onnx

// The folds compute shapes, as PyTorch writes a reshape: Shape, Gather,
// Unsqueeze, Concat. Integer constants are vectors or scalars.

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
		if len(c.ints) > maxDims*maxDims {
			b.fail("more than %d integers, want a shape", maxDims*maxDims)
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
	c.ints = []int64{}
	cuts, ok := b.cuts([]int{len(from.ints)})
	if !ok {
		return c, true
	}
	for i := range cuts[0].size {
		c.ints = append(c.ints, from.ints[cuts[0].start+i*cuts[0].step])
	}
	c.shape = []int{len(c.ints)}
	return c, true
}
