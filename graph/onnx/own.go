package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
)

// In a graph of another batch than the file's, a constant that a file computes of shapes
// has two values: that of the graph, by which samples are reshaped and repeated, and that
// of the file's own batch, which is what the file says. Each fold is computed for both
// where they differ. As numbers to compute with, only those are taken that are the same
// for every sample, such as zeros; as shapes, those that do with each sample what the
// file does with its own.

// foldOwn computes a fold once more, for the file's own batch.
func (b *builder) foldOwn(out *value, fold func(b *builder) (constant, bool)) {
	if !b.follows() || b.s.Err() != nil || !b.countsSamples(b.now.Op == "Shape" || b.now.Op == "Size") {
		return
	}
	b.owning = true
	own, ok := fold(b)
	b.owning = false
	if ok && b.s.Err() == nil && !own.equal(out.constant) {
		out.own = &own
	}
}

// countsSamples reports whether an input tells how many samples there are. Shape says so
// of all that have samples.
func (b *builder) countsSamples(shape bool) bool {
	return slices.ContainsFunc(b.now.Inputs, func(name string) bool {
		v := b.values[name]
		return v != nil && (v.own != nil || shape && v.samples > 0)
	})
}

func (c constant) equal(d constant) bool {
	return slices.Equal(c.shape, d.shape) && slices.Equal(c.ints, d.ints) && slices.Equal(c.floats, d.floats)
}

// ofOwn is a value in a graph of the file's own batch, of which only the shape is known
// if it is no constant.
func (b *builder) ofOwn(v *value) *value {
	switch {
	case v == nil || v.own == nil && v.samples == 0:
		return v
	case v.own != nil:
		return &value{constant: *v.own, name: v.name}
	}
	return &value{node: v.node, view: plainView(b.ownShape(v)), elem: v.elem}
}

// ownShape is a value's shape in a graph of the file's own batch.
func (b *builder) ownShape(v *value) []int {
	s := slices.Clone(v.shape())
	if v.samples > 0 {
		s[v.samples-1] = s[v.samples-1] / b.batch * b.Model.batch
	}
	return s
}

// holdCounted makes a node of a constant that depends on the number of samples: it has
// to be the same for each.
func (b *builder) holdCounted(v *value) *gorgonia.Node {
	c, own, at := v.constant, *v.own, -1
	if len(c.shape) == len(own.shape) {
		for i, d := range c.shape {
			switch {
			case d == own.shape[i]:
			case at < 0 && d*b.Model.batch == own.shape[i]*b.batch && d > 0:
				at = i
			default:
				return b.failCounted()
			}
		}
	}
	if at < 0 {
		return b.failCounted()
	}
	inner, one := product(c.shape[at+1:]), slices.Clone(c.shape)
	one[at] = 1
	first := constant{shape: one, elem: c.elem}
	for i := range c.size() {
		k := i / inner % c.shape[at]
		switch j := i - k*inner; {
		case k > 0 && c.number(i) != c.number(j), k == 0 && c.number(i) != own.number(i/inner/c.shape[at]*own.shape[at]*inner+i%inner):
			return b.failCounted()
		case k == 0 && c.ints != nil:
			first.ints = append(first.ints, c.ints[i])
		case k == 0:
			first.floats = append(first.floats, c.floats[i])
		}
	}
	n := b.constantNode(&value{constant: first, name: b.unused(v.name + "/sample")})
	if n == nil {
		return nil
	}
	v.elem = v.kind()
	v.node, v.view, v.samples, v.own = n, plainView(one).expanded(c.shape), at+1, nil
	return n
}

func (b *builder) failCounted() *gorgonia.Node {
	return b.fail("it computes with the number of samples: the file is made for batches of %d, want that size", b.Model.batch)
}

// reshapedSamples reshapes a value with samples as the file does at its own batch: the
// samples are the outer part of a dimension, which becomes as many times larger.
func (b *builder) reshapedSamples(x *value, at int) *value {
	v := b.value(0)
	own := b.ownShape(v)
	b.owning = true
	to, ok := b.reshaped(own, false)
	b.owning = false
	if !ok {
		return nil
	}
	outer, before := product(own[:at]), 1
	for i, d := range to {
		if before == outer && d%b.Model.batch == 0 {
			to = slices.Clone(to)
			to[i] = d / b.Model.batch * b.batch
			y := b.shaped(x, to)
			if y == nil {
				return nil
			}
			z := *y
			z.samples = i + 1
			return &z
		}
		before *= d
	}
	b.failMixed()
	return nil
}

func (b *builder) failMixed() {
	b.fail("it mixes the samples of a batch: the file is made for batches of %d, want that size", b.Model.batch)
}

// samplesCounted is the dimension of a result that has the samples where a constant
// input tells how many there are. Only Reshape and Expand may have one, and Slice one that
// takes all samples; ok is false for others.
func (b *builder) samplesCounted(all []sampled, to []int) (at int, ok bool) {
	switch b.now.Op {
	case "Reshape":
		return -1, len(all) > 0
	case "Expand":
		b.owning = true
		own, _ := b.ints(1)
		own, ok = b.broadcasted(b.value(0).shape(), own)
		b.owning = false
		at = -1
		for i, d := range own {
			switch {
			case !ok || len(own) != len(to):
				return 0, false
			case d == to[i]:
			case at < 0 && to[i]*b.Model.batch == d*b.batch:
				at = i
			default:
				return 0, false
			}
		}
		if len(all) == 0 {
			return at, true
		}
		aligned, ok := b.samplesAligned(all, to)
		return aligned, ok && (at < 0 || at == aligned)
	case "Slice":
		if len(all) == 0 {
			return 0, false
		}
		s := all[0].shape()
		cuts, ok1 := b.cuts(s, true)
		b.owning = true
		ownShape := b.ownShape(all[0].value)
		own, ok2 := b.cuts(ownShape, false)
		b.owning = false
		if !ok1 || !ok2 {
			return 0, false
		}
		for i, c := range cuts {
			if i == all[0].at && c == (cut{0, 1, s[i]}) && own[i] == (cut{0, 1, ownShape[i]}) {
				continue
			}
			if i == all[0].at || c != own[i] {
				return 0, false
			}
		}
		return all[0].at, true
	}
	return 0, false
}
