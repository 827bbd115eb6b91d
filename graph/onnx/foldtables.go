package onnx

import (
	"math"
	"slices"
)

// foldConstantOfShape repeats a number, 0 unless an attribute has another.
func foldConstantOfShape(b *builder) (c constant, ok bool) {
	shape, ok := b.ints(0)
	if !ok {
		b.fail("a shape that is computed, want a constant")
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
	size, ok := b.room(shape)
	if !ok {
		return c, true
	}
	c.elem = number.elem
	if c.shape = shape; number.ints != nil {
		c.ints = slices.Repeat(number.ints, size)
	} else {
		c.floats = slices.Repeat(number.floats, size)
	}
	return c, true
}

// foldRange counts from a number to below a limit.
func foldRange(b *builder) (c constant, ok bool) {
	all, ok := b.allKnown()
	if !ok || len(all) != 3 || slices.ContainsFunc(all, func(c constant) bool { return c.size() != 1 }) {
		b.fail("a range that is computed, or not of three numbers")
		return c, true
	}
	start, limit, delta := all[0].number(0), all[1].number(0), all[2].number(0)
	n := math.Ceil((limit - start) / delta)
	if !(n <= maxFolded) { // of a delta of 0 too
		b.fail("a range from %g to %g by %g, want at most %d numbers", start, limit, delta, maxFolded)
		return c, true
	}
	c.shape, c.elem = []int{int(max(n, 0))}, all[0].elem
	size, ok := b.room(c.shape)
	if !ok {
		return c, true
	}
	if all[0].ints != nil {
		c.ints = make([]int64, size)
		for i := range c.ints {
			c.ints[i] = all[0].ints[0] + int64(i)*all[2].ints[0]
		}
		return c, true
	}
	c.floats = make([]float32, size)
	for i := range c.floats {
		c.floats[i] = float32(start + float64(i)*delta)
	}
	return c, true
}

// foldScatterND copies data, and sets the parts of it that indices tell to updates.
func foldScatterND(b *builder) (c constant, ok bool) {
	all, ok := b.allKnown()
	if !ok || len(all) != 3 {
		return c, false
	}
	data, indices, updates := all[0], all[1], all[2]
	if len(indices.shape) == 0 || indices.ints == nil || (data.ints == nil) != (updates.ints == nil) {
		b.fail("indices %v that are no integers, or other updates than data", indices.shape)
		return c, true
	}
	depth := indices.shape[len(indices.shape)-1]
	if depth > len(data.shape) || updates.size() != product(indices.shape[:len(indices.shape)-1])*product(data.shape[depth:]) {
		b.fail("indices %v and updates %v of data %v", indices.shape, updates.shape, data.shape)
		return c, true
	}
	if _, ok := b.room(data.shape); !ok {
		return c, true
	}
	y := constant{shape: data.shape, elem: data.elem, ints: slices.Clone(data.ints), floats: slices.Clone(data.floats)}
	reduce, ok := scattering(b.attrText("reduction"))
	if !ok {
		b.fail("reduction %.64q, want add, mul, max or min", b.attrText("reduction"))
		return c, true
	}
	block, at := product(data.shape[depth:]), make([]int, depth)
	for i := range updates.size() / max(block, 1) {
		for k := range at {
			if at[k], ok = b.axis(int(max(-maxSize, min(indices.ints[i*depth+k], maxSize))), data.shape[k]); !ok {
				return c, true
			}
		}
		first := offset(data.shape[:depth], at) * block
		for j := range block {
			switch {
			case reduce.floats == nil:
				y.set(first+j, updates, i*block+j)
			case y.ints != nil:
				y.ints[first+j] = wrapped(reduce.ints(y.ints[first+j], updates.ints[i*block+j]), y.elem)
			default:
				y.floats[first+j] = float32(reduce.floats(y.number(first+j), updates.number(i*block+j)))
			}
		}
	}
	return y, true
}

// scattering is how ScatterND makes one number of two; the zero value leaves the new
// one.
func scattering(reduction string) (p pairwise, ok bool) {
	if reduction == "" || reduction == "none" {
		return p, true
	}
	kind := map[string]string{"add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}[reduction]
	p, ok = pairs[kind]
	return p, ok
}

// foldNonZero lists the places of the numbers that are not 0: a row for each dimension.
func foldNonZero(b *builder) (c constant, ok bool) {
	x, ok := b.known(0)
	if !ok {
		return c, false
	}
	dims, places := max(len(x.shape), 1), []int{}
	for i := range x.size() {
		if x.number(i) != 0 {
			places = append(places, i)
		}
	}
	c.shape = []int{dims, len(places)}
	size, ok := b.room(c.shape)
	if !ok {
		return c, true
	}
	c.ints = make([]int64, size)
	for k, place := range places {
		for d := len(x.shape) - 1; d >= 0; d-- {
			c.ints[d*len(places)+k] = int64(place % x.shape[d])
			place /= x.shape[d]
		}
	}
	return c, true
}

// foldSize is the number of elements of any operand.
func foldSize(b *builder) (c constant, ok bool) {
	return constant{ints: []int64{int64(product(b.value(0).shape()))}}, true
}
