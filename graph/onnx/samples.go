package onnx

import (
	"slices"
	"strings"
)

// A file that is made for one batch size runs at others too, as most operators treat
// each sample by itself. Some do not: a transposition or a mean over the first axis, a
// softmax of all that follows it. Such a file would give something else at another
// batch size than at its own, sample by sample. So the dimension that holds the samples
// is followed from the input to the output, and an operator that mixes them is refused.

// follows reports whether samples have to be followed in this graph.
func (b *builder) follows() bool { return b.Model.batch > 0 && b.batch != b.Model.batch }

// follow marks the results of the node with the dimension that holds the samples.
func (b *builder) follow(out *value) (ok bool) {
	if !b.follows() {
		return true
	}
	at, ok := b.samplesOf(out)
	if !ok {
		b.failMixed()
		return false
	}
	out.samples = at + 1
	for _, name := range b.now.Outputs[1:] {
		v := b.values[name]
		switch {
		case v == nil || v.node == nil:
		case cells[b.now.Op].gates > 0: // the last states, without the steps
			v.samples = map[bool]int{true: 1, false: 2}[at == 0]
		default:
			v.samples = at + 1
		}
	}
	return true
}

// sampled is an input with samples: which dimension has them.
type sampled struct {
	*value
	at int
}

// withSamples are the inputs that depend on samples.
func (b *builder) withSamples() (all []sampled) {
	for i := range b.now.Inputs {
		if v := b.value(i); v != nil && v.samples > 0 {
			all = append(all, sampled{v, v.samples - 1})
		}
	}
	return all
}

// samplesOf is the dimension of a result that has the samples, -1 if it does not depend
// on them. ok is false if samples are mixed.
func (b *builder) samplesOf(out *value) (at int, ok bool) {
	all := b.withSamples()
	switch {
	case b.now.Op == "Shape" || b.now.Op == "Size" || out.node == nil:
		return -1, true
	case b.now.Op == "Reshape" && out.samples > 0 && len(all) > 0:
		return out.samples - 1, true
	case b.countsSamples(false):
		return b.samplesCounted(all, out.shape())
	case len(all) == 0:
		return -1, true
	}
	first := all[0]
	s, to := first.shape(), out.shape()
	kept := func(at int) (int, bool) { return at, at < len(to) && to[at] == s[first.at] }
	switch b.now.Op {
	case "MatMul", "Gemm", "Einsum":
		return b.samplesOfProduct(all, to)
	case "Flatten":
		axis, ok := b.axisOrEnd(b.attrInt("axis", 1), len(s))
		if first.at < axis {
			return 0, ok && product(s[:first.at]) == 1
		}
		return 1, ok && product(s[axis:first.at]) == 1
	case "Squeeze":
		axes, ok := b.axes(1, len(s))
		if ok && len(axes) == 0 {
			ok = s[first.at] > 1 && b.ownShape(first.value)[first.at] > 1 // else it is one of them here or there
			for i, d := range s {
				if d == 1 {
					axes = append(axes, i)
				}
			}
		}
		return reducedAt(first.at, axes, false), ok && !slices.Contains(axes, first.at)
	case "Unsqueeze":
		axes, ok := b.axes(1, len(to))
		at := first.at
		for _, a := range axes {
			if a <= at {
				at++
			}
		}
		return at, ok
	case "Transpose":
		perm, ok := b.perm(s)
		if !ok {
			return 0, false
		}
		return slices.Index(perm, first.at), true
	case "Concat":
		axis, ok := b.axis(b.attrInt("axis", 1), len(s))
		at, aligned := b.samplesAligned(all, to)
		return at, ok && aligned && axis != at
	case "CumSum", "TopK":
		at, known := b.ints(1)
		if b.now.Op == "TopK" {
			at, known = []int{b.attrInt("axis", -1)}, true
		}
		if !known || len(at) != 1 {
			return 0, false
		}
		axis, ok := b.axis(at[0], len(s))
		return first.at, ok && axis != first.at
	case "Split":
		axis, ok := b.axis(b.attrInt("axis", 0), len(s))
		return first.at, ok && axis != first.at
	case "Slice":
		cuts, ok := b.cuts(s, true)
		return first.at, ok && cuts[first.at] == cut{0, 1, s[first.at]}
	case "Gather":
		return b.samplesGathered(s, first.at)
	case "Softmax", "LogSoftmax", "Hardmax":
		otherwise := -1
		if b.opset < 13 {
			otherwise = 1
		}
		axis, ok := b.axis(b.attrInt("axis", otherwise), len(s))
		return first.at, ok && (axis > first.at || axis < first.at && b.opset >= 13)
	case "LayerNormalization":
		axis, ok := b.axis(b.attrInt("axis", -1), len(s))
		return first.at, ok && axis > first.at && len(all) == 1
	case "QuantizeLinear", "DequantizeLinear":
		axis, ok := b.channelAxis(s, 1)
		return first.at, ok && len(all) == 1 && (axis != first.at || product(b.value(1).shape()) == 1)
	case "QLinearMatMul", "MatMulInteger":
		at := first.at + len(to) - len(s)
		return at, len(all) == 1 && first.value == b.value(0) && first.at < len(s)-1 && at >= 0 && (first.at == len(s)-2 || len(to) == len(s))
	case "DynamicQuantizeLinear":
		return 0, false
	case "LSTM", "GRU", "RNN":
		return b.samplesOfSteps(all)
	case "ArgMax", "ArgMin":
		axis, ok := b.axis(b.attrInt("axis", 0), len(s))
		return reducedAt(first.at, []int{axis}, b.attrInt("keepdims", 1) != 0), ok && axis != first.at
	case "Trilu":
		return first.at, first.at < len(s)-2
	case "Pad", "Tile":
		return kept(first.at)
	}
	switch {
	case strings.HasPrefix(b.now.Op, "Reduce"):
		axes, none, ok := b.reducedAxes(len(s))
		return reducedAt(first.at, axes, none || b.attrInt("keepdims", 1) != 0), ok && !slices.Contains(axes, first.at)
	case b.now.rule().build != nil || b.now.Op == "ChannelNorm" || !elementwise[b.now.Op]:
		at, ok := kept(first.at)
		return at, ok && first.at == 0 && len(all) == 1
	}
	return b.samplesAligned(all, to)
}

// elementwise are the operators that broadcast their operands and treat each element
// by itself; init adds the curves.
var elementwise = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`Add And Cast CastLike Clip Div Dropout Equal Expand Gelu Greater GreaterOrEqual
		HardSigmoid HardSwish Identity IsInf Less LessOrEqual Max Mean Min Mod Mul Not Or PRelu Pow Relu SiLU Shrink Sub Sum
		Where Xor`) {
		elementwise[name] = true
	}
	for name := range curves {
		elementwise[name] = true
	}
	for name := range unaries {
		elementwise[name] = true
	}
}

// reducedAt is where a dimension is after others are gone.
func reducedAt(at int, axes []int, keep bool) int {
	to := at
	for _, a := range axes {
		if a < at && !keep {
			to--
		}
	}
	return to
}

// samplesAligned is the dimension of a result whose operands are broadcast. All samples
// lie in one, along which nothing else differs.
func (b *builder) samplesAligned(all []sampled, to []int) (at int, ok bool) {
	at = len(to) - len(all[0].shape()) + all[0].at
	if at < 0 {
		return 0, false
	}
	for _, v := range all {
		if s := v.shape(); len(to)-len(s)+v.at != at || s[v.at] != to[at] {
			return 0, false
		}
	}
	if b.now.Op == "Expand" && !b.expandsOwn(at-len(to)) {
		return 0, false
	}
	for i := range b.now.Inputs {
		v := b.value(i)
		if v == nil || v.samples > 0 || b.now.Op == "Expand" && i == 1 {
			continue
		}
		if d := at - (len(to) - len(v.shape())); d >= 0 && v.differs(d) {
			return 0, false
		}
	}
	return at, true
}

// expandsOwn reports whether Expand leaves as many samples as there are at the file's own
// batch, too: 2 in a file for one sample repeats it, whatever it does to two. at counts
// from the end.
func (b *builder) expandsOwn(at int) bool {
	b.owning = true
	own, ok := b.ints(1)
	b.owning = false
	at += len(own)
	return ok && (at < 0 || own[at] == 1 || own[at] == b.Model.batch)
}

// differs reports whether a value has several elements along a dimension that are not
// the repetition of one. What is computed of the batch size, such as zeros of that
// shape, does not count.
func (v *value) differs(d int) bool {
	switch {
	case v.shape()[d] == 1:
		return false
	case v.node == nil:
		return v.initializer
	}
	return slices.ContainsFunc(v.view.dims[d], func(r run) bool { return r.step != 0 })
}

func (b *builder) samplesGathered(s []int, at int) (int, bool) {
	axis, ok := b.axis(b.attrInt("axis", 0), len(s))
	indices := b.value(1)
	if ok && indices != nil && indices.samples > 0 && b.value(0).samples == 0 {
		return axis + indices.samples - 1, true
	}
	if !ok || axis == at || indices == nil || indices.samples > 0 || b.value(0).samples == 0 {
		return 0, false
	}
	if axis < at {
		at += len(indices.shape()) - 1
	}
	return at, true
}

// samplesOfProduct is the dimension of a product. Samples are rows, or pairs of
// matrices.
func (b *builder) samplesOfProduct(all []sampled, to []int) (at int, ok bool) {
	first := all[0]
	n := len(first.shape())
	switch {
	case b.now.Op == "Einsum":
		return b.samplesOfEinsum(all)
	case b.now.Op == "Gemm":
		transposed := b.attrInt("transA", 0)
		return 0, len(all) == 1 && first.value == b.value(0) && first.at == transposed
	case b.now.Op == "MatMul" && (n == 1 || slices.ContainsFunc(b.operands(b.value(0))[:2], func(v *value) bool { return len(v.shape()) == 1 })):
		w := b.value(1) // rows by a vector, or a mixture of samples
		return first.at, len(all) == 1 && first.value == b.value(0) && first.at < n-1 && len(w.shape()) == 1
	case len(all) == 1 && first.value == b.value(0) && n > 1 && first.at < n-1:
		at = len(to) - n + first.at
		return at, first.at == n-2 || sameForAll(b.value(1), at, len(to))
	case len(all) == 1 && n > 1 && first.at != n-2:
		at = len(to) - n + first.at
		return at, first.value == b.value(1) && (first.at == n-1 || sameForAll(b.value(0), at, len(to)))
	}
	for _, v := range all {
		s := v.shape()
		if e := len(s) - v.at; e < 3 || e != n-first.at {
			return 0, false
		}
	}
	return len(to) - n + first.at, true
}

// sameForAll reports whether the operand of a product of so many dimensions has one matrix
// for all samples, which lie in dimension at. As many matrices as there are samples here
// multiply each of them in a file for one.
func sameForAll(v *value, at, dims int) bool {
	d := at - (dims - len(v.shape()))
	return d < 0 || !v.differs(d)
}

// samplesOfSteps is the dimension of all states of a recurrent network.
func (b *builder) samplesOfSteps(all []sampled) (at int, ok bool) {
	if len(all) != 1 || all[0].value != b.value(0) {
		return 0, false
	}
	if b.attrInt("layout", 0) != 0 {
		return 0, all[0].at == 0
	}
	return 2, all[0].at == 1
}

func (b *builder) samplesOfEinsum(all []sampled) (at int, ok bool) {
	terms, out, ok := b.equation()
	if !ok {
		return 0, false
	}
	letter := ""
	for i, term := range terms {
		v := b.value(i)
		if v == nil || v.samples == 0 {
			continue
		}
		if v.samples > len(term) {
			return 0, false
		}
		l := term[v.samples-1 : v.samples]
		if letter != "" && l != letter || strings.Count(term, l) > 1 {
			return 0, false
		}
		letter = l
	}
	at = strings.Index(out, letter)
	return at, at >= 0 && letter != ""
}
