package onnx

import "slices"

// branch adds the nodes of the branch that a constant condition chooses. Their values
// are known within the branch alone.
func (b *builder) branch(n *nodeProto) bool {
	c, ok := b.known(0)
	if !ok || c.size() != 1 {
		b.fail("a condition that is computed, want one constant")
		return false
	}
	name := "else_branch"
	if c.number(0) != 0 {
		name = "then_branch"
	}
	a := b.attribute(name)
	if a == nil || a.Graph == nil || len(a.Graph.Outputs) < len(n.Outputs) || len(a.Graph.Inputs) > 0 {
		b.fail("no %s with %d outputs and no inputs", name, len(n.Outputs))
		return false
	}
	inner, ok := b.branchWeights(a.Graph)
	for i := range a.Graph.Nodes {
		if !ok {
			break
		}
		inner = append(inner, a.Graph.Nodes[i].Outputs...)
		ok = b.branchNode(&a.Graph.Nodes[i])
	}
	b.now = n
	results := make([]*value, len(n.Outputs))
	for i := range n.Outputs {
		if results[i] = b.values[a.Graph.Outputs[i].Name]; ok && results[i] == nil {
			b.fail("nothing computes %.64q of its branch", a.Graph.Outputs[i].Name)
			ok = false
		}
	}
	for _, name := range inner {
		delete(b.values, name)
	}
	for i, out := range n.Outputs {
		if ok && out != "" {
			b.values[out] = results[i]
		}
	}
	return ok
}

// branchWeights makes values of the tensors of a branch, and returns their names.
func (b *builder) branchWeights(g *graphProto) (names []string, ok bool) {
	state := map[string]bool{}
	for i := range g.Nodes {
		g.Nodes[i].fixed(state)
	}
	for i := range g.Initializers {
		t := &g.Initializers[i]
		c, err := t.constant()
		if err != nil || b.values[t.Name] != nil {
			b.fail("tensor %.64q of a branch is there already, or %w", t.Name, err)
			return names, false
		}
		b.values[t.Name] = &value{constant: c.straight(), name: b.now.Outputs[0] + "/" + t.Name, initializer: true, fixed: state[t.Name]}
		names = append(names, t.Name)
	}
	return names, true
}

// branchNode checks a node, as check does with those outside of branches, and adds it.
func (b *builder) branchNode(n *nodeProto) bool {
	outer := b.now
	b.now = n
	r, known := importRules[n.Op]
	switch {
	case !known || n.Domain != "" && n.Domain != "ai.onnx":
		b.fail("the operator is not supported")
		return false
	case len(n.Inputs) < r.inputs || len(n.Outputs) == 0:
		b.fail("%d inputs and %d outputs, want at least %d and 1", len(n.Inputs), len(n.Outputs), r.inputs)
		return false
	}
	for _, in := range n.Inputs {
		if in != "" && b.values[in] == nil {
			b.fail("there is no value %.64q yet", in)
			return false
		}
	}
	if slices.ContainsFunc(n.Outputs, func(out string) bool { return b.values[out] != nil }) || n.Outputs[0] == "" {
		b.fail("a value of %q is there already", n.Outputs)
		return false
	}
	ok := b.add(n)
	b.now = outer
	return ok
}
