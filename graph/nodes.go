package graph

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Node is one node of a network's forward graph: a tensor that is bound, or an
// op.
type Node struct {
	Name   string       // unique, and begins with its layer's path: "conv2d/weight", "conv2d/Conv2d"; "input" is the network's input
	Layer  string       // path of the layer that made it, "" for none
	Op     string       // what it computes, as in "MaxPool2D 2x2 stride 2x2"; "" for a tensor
	Inputs []string     // names of the nodes that it reads, in their order
	Shape  tensor.Shape // of its value
}

// Program prints what runs, a line an op, with the layout of its result and where
// that lies in memory: "" for a graph with ops of other packages, which Gorgonia's
// machine runs node by node.
func (m *Model) Program() string {
	if m.sequence == nil {
		return ""
	}
	return m.sequence.Program()
}

// Nodes lists the forward graph, operands first. Package draw draws it.
func (m *Model) Nodes() []Node {
	var nodes []Node
	names := map[*gorgonia.Node]string{}
	taken := map[string]bool{}
	drawn := m.drawn()
	for _, n := range drawn {
		if n.Op() == nil { // bound tensors have unique names already
			names[n] = n.Name()
			taken[n.Name()] = true
		}
	}
	for _, n := range drawn {
		node := Node{Layer: m.layerOf(n), Shape: n.Shape()}
		if n.Op() != nil {
			node.Op = n.Op().String()
			names[n] = unique(join(node.Layer, identifier(node.Op)), taken)
		}
		node.Name = names[n]
		for _, operand := range op.Operands(n) {
			node.Inputs = append(node.Inputs, names[operand])
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// drawn lists the nodes of the forward graph, operands first.
func (m *Model) drawn() gorgonia.Nodes {
	nodes := m.b.graph.ExactSubgraphRoots(m.results()...).AllNodes()
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	return nodes
}

// layerOf is the path of the layer that made a node, "" for none.
func (m *Model) layerOf(n *gorgonia.Node) string { return m.b.layerOf(n) }

// LayerOf is the path of the layer that made a node, "" for none: for what walks over a
// graph that is being built, and has to say where it cannot go on.
func (s *Scope) LayerOf(n *gorgonia.Node) string { return s.b.layerOf(n) }

func (b *builder) layerOf(n *gorgonia.Node) string {
	for _, l := range b.layers {
		if l.nodes.Contains(n) {
			return l.Path
		}
	}
	return ""
}

// identifier returns the first word of an op's text with _ in place of whatever
// is no letter or digit.
func identifier(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, word)
}

// unique returns name, or if that is taken the first of name_1, name_2 … that
// is not, and marks it as taken.
func unique(name string, taken map[string]bool) string {
	free := name
	for i := 1; taken[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	taken[free] = true
	return free
}
