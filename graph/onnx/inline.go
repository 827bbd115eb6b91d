package onnx

import (
	"fmt"
	"slices"
)

// Files may define operators by nodes, and choose between two lists of nodes. A
// function's nodes take the place of the node that calls it, before anything else is
// done with a graph. The nodes of a branch are added when the network is built, where
// the condition is known then.

// inliner puts the nodes of functions in the place of their calls.
type inliner struct {
	functions map[[2]string]*functionProto // by domain and name
	opset     int
	nodes     []nodeProto
	calls     int
	copied    int // nodes that were copied, of branches too
}

// inlined are the nodes of a file without calls of functions.
func inlined(p *modelProto, opset int) ([]nodeProto, error) {
	if len(p.Functions) == 0 {
		return p.Graph.Nodes, nil
	}
	in := &inliner{functions: map[[2]string]*functionProto{}, opset: opset}
	for i := range p.Functions {
		f := &p.Functions[i]
		in.functions[[2]string{f.Domain, f.Name}] = f
	}
	err := in.add(p.Graph.Nodes, 0)
	return in.nodes, err
}

// add adds nodes, and those of the functions that they call.
func (in *inliner) add(nodes []nodeProto, depth int) error {
	for i := range nodes {
		n := &nodes[i]
		f := in.functions[[2]string{n.Domain, n.Op}]
		if f == nil {
			if in.nodes = append(in.nodes, *n); len(in.nodes) > maxList {
				return fmt.Errorf("functions of more than %d nodes in all", maxList)
			}
			continue
		}
		if depth == maxDepth {
			return fmt.Errorf("%s: functions call each other more than %d deep", n.title(), maxDepth)
		}
		if len(n.Inputs) > len(f.Inputs) || len(n.Outputs) > len(f.Outputs) {
			return fmt.Errorf("%s: %d inputs and %d outputs, want at most the %d and %d of the function %.64q", n.title(), len(n.Inputs), len(n.Outputs), len(f.Inputs), len(f.Outputs), f.Name)
		}
		for _, o := range f.Opsets {
			if (o.Domain == "" || o.Domain == "ai.onnx") && int(o.Version) != in.opset {
				return fmt.Errorf("%s: the function %.64q has operators of version %d, want those of the file, %d", n.title(), f.Name, o.Version, in.opset)
			}
		}
		in.calls++
		if in.copied += count(f.Nodes); in.calls > maxList || in.copied > maxList {
			return fmt.Errorf("functions of more than %d nodes in all", maxList)
		}
		if err := in.add(in.body(f, n), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// count counts nodes, and those in their branches.
func count(nodes []nodeProto) int {
	all := len(nodes)
	for i := range nodes {
		for _, a := range nodes[i].Attributes {
			if a.Graph != nil {
				all += count(a.Graph.Nodes)
			}
		}
	}
	return all
}

// body are the nodes of a function for one call: inputs and outputs have the caller's
// names, values within it names that nobody else has.
func (in *inliner) body(f *functionProto, n *nodeProto) []nodeProto {
	prefix, names := fmt.Sprintf("%s#%d/", f.Name, in.calls), map[string]string{"": ""}
	for i, name := range f.Inputs {
		names[name] = n.in(i)
	}
	for i, name := range f.Outputs {
		if names[name] = prefix + name; i < len(n.Outputs) && n.Outputs[i] != "" {
			names[name] = n.Outputs[i]
		}
	}
	r := renamer{names, func(name string) string {
		if _, ok := names[name]; !ok {
			names[name] = prefix + name
		}
		return names[name]
	}}
	nodes := make([]nodeProto, len(f.Nodes))
	for i := range f.Nodes {
		nodes[i] = r.node(&f.Nodes[i], func(a attributeProto) (attributeProto, bool) { return called(a, n, f) })
		nodes[i].Name = prefix + nodes[i].Name
	}
	return nodes
}

// called is an attribute of a function's node, which may be one of the call's.
func called(a attributeProto, n *nodeProto, f *functionProto) (attributeProto, bool) {
	if a.Ref == "" {
		return a, true
	}
	for _, of := range [][]attributeProto{n.Attributes, f.Defaults} {
		if i := slices.IndexFunc(of, func(b attributeProto) bool { return b.Name == a.Ref }); i >= 0 {
			value := of[i]
			value.Name = a.Name
			return value, true
		}
	}
	return a, false
}

// renamer gives values other names.
type renamer struct {
	names map[string]string
	name  func(string) string
}

// node is a node with other names, and with the attributes that the function says.
func (r renamer) node(n *nodeProto, attribute func(attributeProto) (attributeProto, bool)) nodeProto {
	c := *n
	c.Inputs, c.Outputs, c.Attributes = make([]string, len(n.Inputs)), make([]string, len(n.Outputs)), nil
	for i, name := range n.Inputs {
		c.Inputs[i] = r.name(name)
	}
	for i, name := range n.Outputs {
		c.Outputs[i] = r.name(name)
	}
	for _, a := range n.Attributes {
		b, ok := attribute(a)
		if !ok {
			continue
		}
		if b.Graph != nil && b.Ref == a.Ref && a.Ref == "" {
			b.Graph = r.branch(b.Graph, attribute)
		}
		c.Attributes = append(c.Attributes, b)
	}
	return c
}

// branch renames all values of a branch.
func (r renamer) branch(g *graphProto, attribute func(attributeProto) (attributeProto, bool)) *graphProto {
	c := *g
	c.Nodes, c.Initializers, c.Outputs = make([]nodeProto, len(g.Nodes)), slices.Clone(g.Initializers), slices.Clone(g.Outputs)
	for i := range c.Initializers {
		c.Initializers[i].Name = r.name(c.Initializers[i].Name)
	}
	for i := range g.Nodes {
		c.Nodes[i] = r.node(&g.Nodes[i], attribute)
	}
	for i := range c.Outputs {
		c.Outputs[i].Name = r.name(c.Outputs[i].Name)
	}
	return &c
}

// withCaptured are nodes that have the values that their branches take from outside
// as further inputs.
func withCaptured(nodes []nodeProto) []nodeProto {
	for i := range nodes {
		n := &nodes[i]
		var captured []string
		for _, a := range n.Attributes {
			if a.Graph != nil {
				captured = append(captured, a.Graph.captures()...)
			}
		}
		if slices.Sort(captured); captured != nil {
			n.Inputs = slices.Concat(n.Inputs, slices.Compact(captured))
		}
	}
	return nodes
}

// captures are the values that a branch takes from outside.
func (g *graphProto) captures() (names []string) {
	own := map[string]bool{"": true}
	for _, v := range g.Inputs {
		own[v.Name] = true
	}
	for i := range g.Initializers {
		own[g.Initializers[i].Name] = true
	}
	use := func(name string) {
		if !own[name] {
			names = append(names, name)
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for _, in := range n.Inputs {
			use(in)
		}
		for _, a := range n.Attributes {
			if a.Graph != nil {
				for _, in := range a.Graph.captures() {
					use(in)
				}
			}
		}
		for _, out := range n.Outputs {
			own[out] = true
		}
	}
	for _, out := range g.Outputs {
		use(out.Name)
	}
	return names
}
