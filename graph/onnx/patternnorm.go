package onnx

import "slices"

// layerNorm is the normalisation of the last axis, or of the channels of images, as
// files write it that are older than its operator:
//
//	d = x - mean(x)
//	y = d/√(mean(d²) + epsilon)·gamma + beta
//
// with gamma and beta of (C), or for channels of (C,1,1).
func layerNorm(p *pieces, n *nodeProto) *nodeProto {
	if n.Op != "Add" || n.Domain == ownDomain {
		return nil
	}
	for i, in := range n.Inputs[:2] {
		scaled := p.inner(in, "Mul", 1)
		if scaled == nil {
			continue
		}
		for j, value := range scaled.Inputs[:2] {
			x, axis, epsilon, ok := p.normalised(p.inner(value, "Div", 1))
			gamma, beta := scaled.in(1-j), n.in(1-i)
			if ok && p.parameter(gamma, axis) && p.parameter(beta, axis) {
				kind := map[int]string{-1: "LayerNormalization", 1: "ChannelNorm"}[axis]
				return &nodeProto{Op: kind, Inputs: []string{x, gamma, beta}, Attributes: []attributeProto{attributeFloat("epsilon", epsilon)}}
			}
		}
	}
	return nil
}

// parameter reports whether a value is a weight for each position of the axis.
func (p *pieces) parameter(value string, axis int) bool {
	c, ok := p.weight(value)
	if !ok || c.ints != nil {
		return false
	}
	if axis == 1 {
		return len(c.shape) == 3 && c.shape[1] == 1 && c.shape[2] == 1
	}
	return len(c.shape) == 1
}

// normalised reports whether a quotient is (x-mean)/√(variance+epsilon).
func (p *pieces) normalised(n *nodeProto) (x string, axis int, epsilon float64, ok bool) {
	if n == nil {
		return "", 0, 0, false
	}
	d := n.Inputs[0]
	centred := p.by[d]
	root := p.inner(n.Inputs[1], "Sqrt", 1)
	if centred == nil || centred.Op != "Sub" || root == nil {
		return "", 0, 0, false
	}
	x = centred.Inputs[0]
	mean := p.inner(centred.Inputs[1], "ReduceMean", 1)
	sum := p.inner(root.Inputs[0], "Add", 1)
	if mean == nil || mean.Inputs[0] != x || sum == nil {
		return "", 0, 0, false
	}
	for i, in := range sum.Inputs[:2] {
		variance := p.inner(sum.in(1-i), "ReduceMean", 1)
		if epsilon = p.number(in); epsilon > 0 && variance != nil && p.squared(variance.Inputs[0], d) {
			first, ok1 := p.overOne(mean)
			second, ok2 := p.overOne(variance)
			return x, first, epsilon, ok1 && ok2 && first == second
		}
	}
	return "", 0, 0, false
}

// squared reports whether a value that is read once is d², and the only reader of d
// beside a quotient.
func (p *pieces) squared(value, d string) bool {
	if n := p.inner(value, "Pow", 1); n != nil {
		two := p.number(n.Inputs[1])
		if c, ok := p.whole(n.Inputs[1]); ok {
			two = float64(c)
		}
		return n.Inputs[0] == d && two == 2 && p.reads[d] == 2
	}
	n := p.inner(value, "Mul", 1)
	return n != nil && n.Inputs[0] == d && n.Inputs[1] == d && p.reads[d] == 3
}

// whole is the one integer that a constant is.
func (p *pieces) whole(value string) (v int64, ok bool) {
	c := p.constants[value]
	if n := p.by[value]; n != nil && n.Op == "Constant" {
		c, _ = n.value()
	}
	if len(c.ints) != 1 {
		return 0, false
	}
	return c.ints[0], true
}

// overOne is the axis that a mean is over, as LayerNormalization says it: -1 for the
// last, 1 for channels. ok is false for any other.
func (p *pieces) overOne(n *nodeProto) (axis int, ok bool) {
	var axes []int64
	keep := true
	for _, a := range n.Attributes {
		switch a.Name {
		case "axes":
			axes = a.Ints
		case "keepdims":
			keep = a.Int != 0
		}
	}
	if v, ok := p.whole(n.in(1)); ok {
		axes = []int64{v}
	}
	if len(axes) != 1 || !keep || !slices.Contains([]int64{-1, 1}, axes[0]) {
		return 0, false
	}
	return int(axes[0]), true
}
